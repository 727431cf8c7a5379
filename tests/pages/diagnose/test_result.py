import re

import numpy as np
import pytest

from pages.ui.diagnose.result import (
    _decision_html,
    _details_html,
    _findings_html,
    _unread_html,
    _why,
    range_words,
    scale_html,
    scale_in_words,
)
from pages.ui.session_film import make_entry
from pneumo_core.inference.predict import Decision
from pneumo_core.inference.saliency import MOSTLY_OUTSIDE, NOTHING
from tests.lungs import made_lungs


@pytest.mark.parametrize(
    ("p", "changes", "why"),
    [
        (0.9, {}, "At or above the ruling-in threshold."),
        (0.05, {}, "Below the screening threshold. This does not exclude pneumonia."),
        (
            0.13,
            {"p_low": 0.13, "p_high": 0.41},
            (
                "Below the screening threshold. "
                "Small crops and shifts raise it to 41\xa0%, above the screening "
                "and below the ruling-in point: a film is referred for this only if it crosses "
                "both points. This does not exclude pneumonia."
            ),
        ),
        (0.5, {}, "Between the two thresholds: a radiologist should read this film."),
        (
            0.9,
            {"decision": "REFER", "p_low": 0.1, "p_high": 0.95},
            "The result changes under small crops and shifts: a radiologist should read this film.",
        ),
        (0.9, {"decision": "REFER", "message": "Refer: half a film."}, "half a film."),
        (0.5, {"gate_ok": False, "message": "Refer: unlike any film."}, "Unlike any film."),
    ],
)
def test_the_reason_is_said_beside_the_number(reading, p, changes, why):
    assert _why(reading(p, **changes)) == why


def test_a_doubt_of_the_film_check_is_shown(reading):
    html = _findings_html(reading(0.5, gate_reasons=("half of it is cut off.",)))
    assert "✓ Half of it is cut off." in html


def test_the_film_check_says_no_more_than_it_knows(reading):
    assert "the body part is not checked" in _findings_html(reading(0.5))
    assert "✓ upright, similar to the training images" in _findings_html(
        reading(0.5, in_distribution=True)
    )


def test_of_an_unfamiliar_picture_the_words_come_and_the_number_is_small(reading):
    odd = reading(0.97, decision=Decision.REFER, gate_ok=False, message="Refer: unlike any film.")
    html = _decision_html(odd)
    assert "◇ Outside what this model can read" in html
    assert "Unlike any film." in html
    assert "97\xa0%, is not reliable" in html
    assert "pn-number" not in html
    assert "◇ out of distribution" in _findings_html(odd)
    assert "Exploratory" not in _findings_html(odd)
    assert "Saliency" not in _findings_html(odd)


@pytest.mark.parametrize(
    ("p", "cam", "changes", "says"),
    [
        (
            0.05,
            (2, 6),
            {},
            (
                "Muted, as the film shows no sign of pneumonia. Its weak maximum: mostly the left "
                "upper zone"
            ),
        ),
        (0.05, (2, 6), {"where": NOTHING}, "Nothing stood out: the map is faint"),
        (0.9, (3, 2), {}, "Mostly the left upper zone; 40\xa0% of the evidence lies inside"),
        (
            0.9,
            (0, 4),
            {},
            (
                "Mostly the left upper zone; strongest outside the lungs, where side markers, "
                "labels and devices are; 40\xa0%"
            ),
        ),
        (
            0.9,
            (0, 4),
            {"where": MOSTLY_OUTSIDE},
            "Mostly outside the lungs, where side markers, labels and devices are; 40\xa0%",
        ),
    ],
)
def test_a_cleared_map_and_a_peak_outside_the_lungs_are_called_that(reading, p, cam, changes, says):
    drawn = np.zeros((8, 8), np.float32)
    drawn[cam] = 1.0
    known = {"lungs": made_lungs(64, 64), "inside_lungs": 0.4, "cam": drawn}
    assert f"<dd>{says}" in _findings_html(reading(p, **(known | changes)))


def test_a_turned_film_is_called_that_and_a_rejected_picture_is_no_chest_film(reading):
    turned = reading(0.5, decision="REFER", gate_ok=False, orientation="upside down")
    assert "◇ upside down" in _findings_html(turned)
    rejected = reading(None, status="rejected", message="Not read: an MR image.")
    assert "✕ Not recognised as a frontal chest X-ray" in _unread_html(rejected)
    assert '<p role="alert">An MR image.</p>' in _unread_html(rejected)
    assert "have a radiologist read it" in _unread_html(rejected)


def test_a_model_without_subtypes_shows_none(reading):
    assert "Exploratory" not in _findings_html(reading(0.9, p_bacterial=None, p_viral=None))


def test_details_escape_what_a_file_brings(reading):
    entry = make_entry("<i>.png", "c", reading(None, message="<u>", bundle="<s>"))
    html = _details_html(entry)
    for mark in ("<i>", "<u>", "<s>"):
        assert mark not in html


def lefts(html, name):
    return re.findall(rf'class="{name}[^"]*" style="left:([\d.]+)%', html)


def test_zones_points_range_and_mark_are_where_they_belong(reading):
    html = scale_html(reading(0.5, threshold_low=0.32, threshold_high=0.78))
    assert lefts(html, "pn-zone") == ["0.0", "32.0", "78.0"]
    assert re.findall(r"width:([\d.]+)%", html)[:3] == ["32.0", "46.0", "22.0"]
    assert lefts(html, "pn-point") == ["32.0", "78.0"]
    assert 'class="pn-range" style="left:45.0%;width:10.0%"' in html
    assert 'class="pn-mark pn-refer" style="left:50.0%">◆<' in html
    assert ">screening 32\xa0%<" in html
    assert ">ruling-in 78\xa0%<" in html


@pytest.mark.parametrize(
    ("p", "mark"),
    [(0.95, "pn-mark pn-pneumonia"), (0.5, "pn-mark pn-refer"), (0.05, "pn-mark pn-normal")],
)
def test_the_mark_has_the_sign_of_the_decision(reading, p, mark):
    assert mark in scale_html(reading(p))


def test_labels_end_and_start_at_their_points_so_that_they_never_meet(reading):
    html = scale_html(reading(0.5, threshold_low=0.5, threshold_high=0.52))
    places = re.findall(r'<span style="([^"]*)" title="[^"]*">(screening|ruling-in) ', html)
    assert places == [("right:50.0%", "screening"), ("left:52.0%", "ruling-in")]
    assert html.count("nearly all normal films lie below it") == 2


def test_labels_near_an_end_are_held_there(reading):
    html = scale_html(reading(0.5, threshold_low=0.05, threshold_high=0.97))
    places = re.findall(r'<span style="([^"]*)" title="[^"]*">(screening|ruling-in) ', html)
    assert places == [("left:0", "screening"), ("right:0", "ruling-in")]


def test_a_screen_reader_hears_one_sentence(reading):
    sentence = (
        "Probability of pneumonia 50\xa0%, 45–55\xa0% when mirrored, cropped or shifted, on a "
        "scale from 0 to 100\xa0%. Below 20\xa0%: no sign of pneumonia; from 80\xa0%: signs of "
        "pneumonia; between them: uncertain, for a radiologist to report."
    )
    assert scale_in_words(reading(0.5)) == sentence
    assert f'role="img" aria-label="{sentence}"' in scale_html(reading(0.5))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.79, 0.92, "79–92\xa0%"), (0.92, 0.999, "92 to >99\xa0%"), (0.001, 0.03, "<1 to 3\xa0%")],
)
def test_a_range_stays_readable_at_the_ends(reading, low, high, words):
    assert range_words(reading(0.5, p_low=low, p_high=high)) == words
