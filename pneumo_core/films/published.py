"""What has been published of the data set, to hold what is here against."""

from __future__ import annotations

# Kaggle's paultimothymooney/chest-xray-pneumonia, version 2: (split, label) → films. Its page
# says 5,863 in all; the files are 5,856.
PUBLISHED = {
    ("train", "normal"): 1341,
    ("train", "pneumonia"): 3875,
    ("val", "normal"): 8,
    ("val", "pneumonia"): 8,
    ("test", "normal"): 234,
    ("test", "pneumonia"): 390,
}
