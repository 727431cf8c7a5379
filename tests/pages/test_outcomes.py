import pytest

from pages.ui.outcomes import (
    NORMAL,
    NOT_CHEST,
    OUTCOMES,
    OUTSIDE,
    PNEUMONIA,
    UNCERTAIN,
    UNREAD,
    outcome_at,
    outcome_of,
    why_unread,
)


@pytest.mark.parametrize(
    ("p", "changes", "sense", "title"),
    [
        (0.95, {}, PNEUMONIA, "▲ Signs of pneumonia"),
        (0.5, {}, UNCERTAIN, "◆ Uncertain: for a radiologist to report"),
        (0.95, {"decision": "REFER"}, UNCERTAIN, "◆ Uncertain: for a radiologist to report"),
        (
            0.95,
            {"decision": "REFER", "gate_ok": False},
            OUTSIDE,
            "◇ Outside what this model can read",
        ),
        (0.05, {}, NORMAL, "● No sign of pneumonia"),
        (None, {}, UNREAD, "✕ Not read"),
        (None, {"status": "rejected"}, NOT_CHEST, "✕ Not recognised as a frontal chest X-ray"),
    ],
)
def test_every_outcome_has_its_sign_and_words(reading, p, changes, sense, title):
    assert outcome_of(reading(p, **changes)) is sense
    assert sense.title == title


def test_a_table_has_shorter_words():
    assert [sense.label for sense in (UNCERTAIN, OUTSIDE, NOT_CHEST)] == [
        "◆ Uncertain",
        "◇ Outside the model",
        "✕ Not a chest X-ray",
    ]


def test_no_two_outcomes_share_words_and_only_those_without_a_result_a_sign():
    for field in ("words", "short"):
        assert len({getattr(sense, field) for sense in OUTCOMES}) == 6
    for field in ("sign", "name", "colour"):
        assert len({getattr(sense, field) for sense in OUTCOMES}) == 5
    assert (UNREAD.sign, UNREAD.colour) == (NOT_CHEST.sign, NOT_CHEST.colour)


def test_the_outcome_of_a_probability_alone():
    found = [outcome_at(p, 0.2, 0.8) for p in (0.19, 0.2, 0.79, 0.8)]
    assert found == [NORMAL, UNCERTAIN, UNCERTAIN, PNEUMONIA]


@pytest.mark.parametrize("message", ["Not read: a CT slice.", "a CT slice."])
def test_not_read_is_said_once(reading, message):
    assert why_unread(reading(None, message=message)) == "Not read: a CT slice."
    rejected = reading(None, status="rejected", message=message)
    assert why_unread(rejected) == "Not recognised as a frontal chest X-ray: a CT slice."


def contrast(one, other):
    """Contrast ratio of two hex colours: WCAG 2.2, section 1.4.3."""
    lights = []
    for colour in (one, other):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize("sense", OUTCOMES)
def test_white_letters_read_on_the_colours_of_the_table(sense):
    assert contrast(sense.colour, "#ffffff") >= 4.5
