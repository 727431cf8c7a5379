"""The glossary: the words of this page, each in a sentence or two."""

from __future__ import annotations

from html import escape

import streamlit as st

from pages.ui.diagnose.result import POINTS_NOTE
from pages.ui.html import facts_list

TERMS = {
    "Probability": "The model's estimate that a film shows pneumonia, calibrated on validation "
    "films. Where pneumonia is rarer than there, the true chance is lower.",
    "Stability range": "The lowest and highest probability when the same film is slightly cropped, "
    "shifted or mirrored. It is not a confidence interval.",
    "Operating points": POINTS_NOTE,
    "Uncertain": "Between the two points, or small changes of the film change the answer: a "
    "radiologist should report it.",
    "Outside what this model can read": "The film is unlike the training films, turned, inverted, "
    "or of a patient of another age. Its number is not to be relied on.",
    "Activation map (CAM)": "Where the model found evidence for pneumonia. It does not outline a "
    "lesion, and says nothing of what the model overlooked.",
    "Grad-CAM, Grad-CAM++, Score-CAM, SmoothGrad": "Other ways to draw such a map from the same "
    "model. Where they disagree, none of them should be trusted. Grad-CAM is the same as CAM for "
    "these networks: that the two agree confirms nothing.",
    "Rank correlation": "How far two maps order the places of a film alike: 1 the same order, 0 no "
    "relation, −1 the reverse (Spearman).",
    "Sanity check": "The map of a network with randomised weights. If it looks the same, the map "
    "shows the film and not what the network learnt (Adebayo et al. 2018).",
    "Image check": "Whether a file is a frontal chest X-ray, upright, and like the training films.",
    "Blinded reading": "You answer before the model's answer is shown; both answers are kept.",
    "Sensitivity, specificity": "The share of films with pneumonia that are called so; the share "
    "of normal films that are called normal.",
    "ROC curve, AUC": "Sensitivity against false alarms at every threshold; the area under the "
    "curve is 1 for a perfect model and 0.5 for chance.",
    "McNemar's test": "Whether a reader was right more often with the model's help than without, "
    "on the same films.",
}


def show_glossary() -> None:
    """A button that unfolds the glossary."""
    with st.popover("Glossary", icon=":material/menu_book:"):
        st.html(facts_list((term, escape(words)) for term, words in TERMS.items()))
