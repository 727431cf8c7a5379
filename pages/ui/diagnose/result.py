"""The result of one film in words: decision, probability, region, image check; the glossary."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.html import facts_list
from pages.ui.outcomes import (
    NORMAL,
    OUTSIDE,
    PNEUMONIA,
    UNCERTAIN,
    UNREAD,
    outcome_of,
    reason_unread,
)
from pneumo_core.bundle.feature_checks import UPRIGHT
from pneumo_core.formatting import capital, per_cent, per_cent_range
from pneumo_core.inference.predict import Decision, crossing
from pneumo_core.inference.saliency import MOSTLY_OUTSIDE, NOTHING, peak_inside

if TYPE_CHECKING:
    from pages.ui.session_film import Entry
    from pneumo_core.inference.predict import Reading

_LABEL = 0.24  # share of the line that a label may need: nearer to an end it is held at the end
SUBTYPE_NOTE = (
    "A chest radiograph cannot reliably tell bacterial from viral pneumonia (PMC5922330). Do not "
    "base treatment on these shares."
)
PREVALENCE_NOTE = (
    "The probability is calibrated on the films that the model was validated on or fitted to. "
    "Where pneumonia is rarer, the true probability is lower."
)
POINTS_NOTE = (
    "Both points were fitted on films with known labels. Screening point: nearly all films with "
    "pneumonia lie at or above it. Ruling-in point: nearly all normal films lie below it. The "
    "model card gives the films and the exact shares."
)
NO_RESULT = "This file has no result; the other films are not affected."
ONLY_CHEST = (
    "This model reads frontal chest X-rays only, so there is no result. If it is one, invert "
    "it (a negative), drop the original file, or have a radiologist read it."
)
OUTSIDE_LUNGS = "where side markers, labels and devices are"
TERMS = {
    "Probability": "The model's estimate that a film shows pneumonia, calibrated on validation "
    "films. Where pneumonia is rarer than there, the true chance is lower.",
    "Stability range": "The lowest and highest probability when the same film is slightly cropped, "
    "shifted or mirrored. It is not a confidence interval.",
    "Operating points": POINTS_NOTE,
    "Uncertain": "Between the two points, or small changes to the film alter the answer: a "
    "radiologist should report it.",
    "Outside what this model can read": "The film is unlike the training films, turned, inverted, "
    "or of a patient of another age. Do not rely on its probability.",
    "Activation map (CAM)": "Where the model found evidence for pneumonia. It does not outline a "
    "lesion, and says nothing about what the model missed.",
    "Grad-CAM, Grad-CAM++, Score-CAM, SmoothGrad": "Other ways to draw such a map from the same "
    "model. Where they disagree, none of them should be trusted. Grad-CAM is the same as CAM for "
    "these networks: their agreement confirms nothing.",
    "Rank correlation": "How similarly two maps rank the regions of a film: 1 is the same order, 0 "
    "no relation, −1 the reverse (Spearman).",
    "Sanity check": "The map of a network with randomised weights. If it looks the same, the map "
    "shows the film and not what the network learnt (Adebayo et al. 2018).",
    "Image check": "Whether a file is a frontal chest X-ray, upright, and like the training films.",
    "Blinded reading": "You answer before the model's answer is shown; both answers are kept.",
    "Sensitivity, specificity": "The share of pneumonia films that are called pneumonia; the share "
    "of normal films that are called normal.",
    "ROC curve, AUC": "Sensitivity against false alarms at every threshold; the area under the "
    "curve is 1 for a perfect model and 0.5 for chance.",
    "McNemar's test": "Whether a reader was right more often with the model's help than without, "
    "on the same films.",
}


def show_result(entry: Entry, evidence: str = "") -> None:
    """The result beside the image; `evidence` is HTML that belongs right below the answer."""
    if entry.reading.decision is None:
        st.html(_unread_html(entry.reading) + evidence)
    else:
        st.html(_decision_html(entry.reading) + evidence + _findings_html(entry.reading))
    with st.expander("Details"):
        st.html(_details_html(entry))


def scale_html(reading: Reading) -> str:
    """HTML of the scale: three zones, the stability range, the film's own mark.

    `reading` has a decision, so all its probabilities (0..1) are known. Screen readers get one
    sentence instead of the drawing.
    """
    p, span = reading.p_pneumonia or 0.0, (reading.p_low or 0.0, reading.p_high or 0.0)
    low, high = reading.threshold_low, reading.threshold_high
    sense = outcome_of(reading)
    zones = "".join(
        f'<span class="pn-zone pn-{kind.name}" style="{_place(start, end)}"></span>'
        for kind, start, end in ((NORMAL, 0, low), (UNCERTAIN, low, high), (PNEUMONIA, high, 1))
    )
    points = "".join(f'<span class="pn-point" style="left:{_at(x)}"></span>' for x in (low, high))
    return (
        f'<div class="pn-scale" role="img" aria-label="{escape(scale_in_words(reading))}">'
        f'<div class="pn-line">{zones}{points}'
        f'<span class="pn-range" style="{_place(*span)}"></span>'
        f'<span class="pn-mark pn-{sense.name}" style="left:{_at(p)}">{sense.sign}</span></div>'
        f'<div class="pn-labels">{_screening_label(low)}{_ruling_in_label(high)}</div></div>'
    )


def scale_in_words(reading: Reading) -> str:
    """The whole drawing as one sentence."""
    low, high = reading.threshold_low, reading.threshold_high
    span = range_words(reading)
    return (
        f"Probability of pneumonia {per_cent(reading.p_pneumonia or 0.0)}, {span} when "
        f"mirrored, cropped or shifted, on a scale from 0 to 100\xa0%. Below {per_cent(low)}: "
        f"no sign of pneumonia; from {per_cent(high)}: signs of pneumonia; between them: "
        "uncertain, for a radiologist to report."
    )


def range_words(reading: Reading) -> str:
    """The stability range: the probabilities when mirrored, cropped or shifted."""
    return per_cent_range(reading.p_low or 0.0, reading.p_high or 0.0)


def _screening_label(x: float) -> str:
    """Ends at its point, so that it never meets the other label."""
    side = f"right:{_at(1 - x)}" if x > _LABEL else "left:0"
    return f'<span style="{side}" title="{POINTS_NOTE}">screening {per_cent(x)}</span>'


def _ruling_in_label(x: float) -> str:
    """Starts at its point."""
    side = f"left:{_at(x)}" if x < 1 - _LABEL else "right:0"
    return f'<span style="{side}" title="{POINTS_NOTE}">ruling-in {per_cent(x)}</span>'


def _place(start: float, end: float) -> str:
    return f"left:{_at(start)};width:{_at(end - start)}"


def _at(x: float) -> str:
    return f"{100 * min(max(x, 0.0), 1.0):.1f}%"


def _unread_html(reading: Reading) -> str:
    sense = outcome_of(reading)
    return (
        f'<section class="pn-result"><h2 class="pn-{sense.name}">{sense.title}</h2>'
        f'<p role="alert">{escape(capital(reason_unread(reading)))}</p>'
        f"<p>{NO_RESULT if sense is UNREAD else ONLY_CHEST}</p></section>"
    )


def _decision_html(reading: Reading) -> str:
    sense = outcome_of(reading)
    p = per_cent(reading.p_pneumonia or 0.0)
    if not reading.gate_ok:  # words alone: a large number would be believed
        return (
            f'<section class="pn-result"><h2 class="pn-{sense.name}">{sense.title}</h2>'
            f"<p>{escape(_why(reading))}</p>"
            f'<p class="pn-label">The model\'s output, {p}, is not reliable for this image.</p>'
            "</section>"
        )
    return (
        f'<section class="pn-result"><h2 class="pn-{sense.name}">{sense.title}</h2>'
        f'<p class="pn-number"><strong>{p}</strong> probability of pneumonia<br>'
        f"<span>stability range {range_words(reading)} (mirrored, cropped or shifted)</span></p>"
        f"{scale_html(reading)}<p>{escape(_why(reading))}</p>"
        f'<details class="pn-label"><summary>What the two points mean</summary>{POINTS_NOTE}'
        f'</details><p class="pn-label">{PREVALENCE_NOTE}</p></section>'
    )


def _why(reading: Reading) -> str:
    """The reason in a sentence, beside the numbers."""
    if reading.decision == Decision.PNEUMONIA:
        return f"At or above the ruling-in threshold.{_crossing(reading)}"
    if reading.decision == Decision.NORMAL:
        return (
            f"Below the screening threshold.{_crossing(reading)} This does not exclude pneumonia."
        )
    if not reading.gate_ok:
        return capital(reading.message.removeprefix("Refer: "))
    p, low, high = reading.p_pneumonia or 0.0, reading.p_low or 0.0, reading.p_high or 0.0
    if low < reading.threshold_low and high >= reading.threshold_high:
        return (
            "The result changes under small crops and shifts: a radiologist should read this film."
        )
    if reading.threshold_low <= p < reading.threshold_high:
        return "Between the two thresholds: a radiologist should read this film."
    return reading.message.removeprefix("Refer: ")


def _crossing(reading: Reading) -> str:
    p, low, high = reading.p_pneumonia or 0.0, reading.p_low or 0.0, reading.p_high or 0.0
    return crossing(p, low, high, reading.threshold_low, reading.threshold_high)


def _findings_html(reading: Reading) -> str:
    rows = [("Image check", _image_check(reading))]
    if reading.gate_ok:  # of another kind of image no lung zone can be named
        rows.insert(0, ("Saliency", escape(_saliency(reading))))
    if (subtype := _subtype(reading)) is not None:
        rows.append(("Exploratory", subtype))
    return facts_list(rows)


def _saliency(reading: Reading) -> str:
    """The zones, and how much of the evidence lies inside the lungs, where they are known."""
    cleared = reading.decision == Decision.NORMAL
    zones = _zones(reading)
    if cleared and zones != NOTHING:
        zones = f"muted, as the film shows no sign of pneumonia. Its weak maximum: {zones}"
    if reading.inside_lungs is None or cleared:
        return capital(zones)
    share = per_cent(reading.inside_lungs)
    return f"{capital(zones)}; {share} of the evidence lies inside the lungs"


def _zones(reading: Reading) -> str:
    """The zones of the map; and of a map that peaks outside the lungs, what may lie there."""
    zones, cam, lungs = reading.where or "no single region", reading.cam, reading.lungs
    if zones == MOSTLY_OUTSIDE:
        return f"{zones}, {OUTSIDE_LUNGS}"
    if zones == NOTHING or cam is None or lungs is None or reading.inside_lungs is None:
        return zones
    if peak_inside(cam, lungs.masks):
        return zones
    return f"{zones}; strongest outside the lungs, {OUTSIDE_LUNGS}"


def _image_check(reading: Reading) -> str:
    if not reading.gate_ok:
        if reading.orientation != UPRIGHT:
            return f"{OUTSIDE.sign} {reading.orientation}"
        return f"{OUTSIDE.sign} out of distribution: unlike the training images"
    warnings = " ".join(reading.gate_reasons)
    if not warnings:
        if reading.in_distribution:
            return "✓ upright, similar to the training images"
        return "✓ looks like a radiograph; the body part is not checked"
    return f"✓ {escape(capital(warnings))}"


def _subtype(reading: Reading) -> str | None:
    """Shares of the subtypes, unless the film is below the screening threshold."""
    share, p = reading.bacterial_share, reading.p_pneumonia
    if share is None or p is None or p < reading.threshold_low or not reading.gate_ok:
        return None
    return (
        f"<details><summary>Bacterial or viral</summary>If pneumonia: bacterial "
        f"{per_cent(share)}, viral {per_cent(1 - share)}. {SUBTYPE_NOTE}</details>"
    )


def _details_html(entry: Entry) -> str:
    reading, facts = entry.reading, entry.reading.facts
    rows = [("File", escape(entry.name))]
    if entry.origin:
        rows.append(("Origin", escape(entry.origin)))
    if facts is not None:
        rows += [
            (
                "Image",
                f"{facts.width:,} × {facts.height:,} pixels, {facts.bits} bits, {facts.mode}",
            ),
            ("Format", f"{facts.format}, {facts.n_bytes / 1000:,.0f} kB"),
            ("Notes", "; ".join(escape(note) for note in facts.notes) or "none"),
            ("SHA-256", f"<code>{facts.sha256}</code>"),
        ]
    low, high = per_cent(reading.threshold_low), per_cent(reading.threshold_high)
    rows += [
        ("Reason", escape(reading.message)),
        ("Model", escape(reading.bundle)),
        ("Thresholds", f"screening {low}, ruling-in {high}"),
        ("Time", f"{reading.ms:,.0f} ms"),
    ]
    return facts_list(rows)


def show_glossary() -> None:
    """A button that unfolds the glossary."""
    with st.popover("Glossary", icon=":material/menu_book:"):
        st.html(facts_list((term, escape(words)) for term, words in TERMS.items()))
