import pytest

from pages.ui.outcomes import NORMAL, OUTCOMES, PNEUMONIA, REFER, UNREAD, outcome_of, why_unread


@pytest.mark.parametrize(
    ("p", "sense", "title"),
    [
        (0.95, PNEUMONIA, "▲ Signs of pneumonia"),
        (0.5, REFER, "◆ Refer"),
        (0.05, NORMAL, "● No sign of pneumonia"),
        (None, UNREAD, "✕ Not read"),
    ],
)
def test_every_outcome_has_its_sign_and_words(reading, p, sense, title):
    assert outcome_of(reading(p)) is sense
    assert sense.title == title


def test_no_two_outcomes_share_a_sign_a_word_or_a_colour():
    for field in ("sign", "words", "name", "colour"):
        assert len({getattr(sense, field) for sense in OUTCOMES}) == 4


@pytest.mark.parametrize("message", ["Not read: a CT slice.", "a CT slice."])
def test_not_read_is_said_once(reading, message):
    assert why_unread(reading(None, message=message)) == "Not read: a CT slice."


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
