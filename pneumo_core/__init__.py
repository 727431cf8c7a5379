"""Pneumonia detection in paediatric chest films: films, learning, bundles, reading, review."""

__version__ = "0.1.0"

DISCLAIMER = (
    "Research demonstration. Not a medical device. "
    "Trained on films of children of 1–5 years from one hospital."
)
