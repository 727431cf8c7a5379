import pytest

from pages.ui.diagnose.result import _decision_html, _details_html, _findings_html, _why
from pages.ui.session_film import make_entry
from pneumo_core.inference.predict import Decision


@pytest.mark.parametrize(
    ("p", "changes", "why"),
    [
        (0.9, {}, "At or above the ruling-in point."),
        (0.05, {}, "Below the screening point. This does not rule pneumonia out."),
        (
            0.13,
            {"p_low": 0.13, "p_high": 0.41},
            (
                "Below the screening point. Small re-framings reach 41 %, above the screening and "
                "below the ruling-in point: only a film that crosses both points is referred for "
                "that. This does not rule pneumonia out."
            ),
        ),
        (0.5, {}, "Between the two points: a radiologist should read this film."),
        (
            0.9,
            {"decision": "REFER", "p_low": 0.1, "p_high": 0.95},
            "Small re-framings of this film change the answer: a radiologist should read it.",
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
    assert "✓ looks like a radiograph; of what, this check cannot tell" in _findings_html(
        reading(0.5)
    )
    assert "✓ upright, and like the films the model knows" in _findings_html(
        reading(0.5, like_known=True)
    )


def test_of_an_unfamiliar_picture_the_words_come_and_the_number_is_small(reading):
    odd = reading(0.97, decision=Decision.REFER, gate_ok=False, message="Refer: unlike any film.")
    html = _decision_html(odd)
    assert "Unlike any film." in html
    assert "97 %, is not to be relied on" in html
    assert "pn-number" not in html
    assert "◆ unlike the films the model knows" in _findings_html(odd)
    assert "Exploratory" not in _findings_html(odd)
    assert "Where the model looked" not in _findings_html(odd)


def test_a_model_without_subtypes_shows_none(reading):
    assert "Exploratory" not in _findings_html(reading(0.9, p_bacterial=None, p_viral=None))


def test_details_escape_what_a_file_brings(reading):
    entry = make_entry("<i>.png", "c", reading(None, message="<u>", bundle="<s>"))
    html = _details_html(entry)
    for mark in ("<i>", "<u>", "<s>"):
        assert mark not in html
