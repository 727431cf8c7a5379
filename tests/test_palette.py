"""The palette: readable on both grounds, and the same in Streamlit's own settings."""

import tomllib

import pytest

from pneumo_core import palette
from tests import ROOT

THEMES = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
KEYS = {
    "backgroundColor": palette.GROUND,
    "secondaryBackgroundColor": palette.RAISED,
    "textColor": palette.INK,
    "borderColor": palette.RULE,
    "orangeTextColor": palette.PNEUMONIA,
    "violetTextColor": palette.REFER,
    "greenTextColor": palette.NORMAL,
}


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """WCAG 2.2 contrast ratio, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_streamlit_has_the_same_colours(theme):
    assert {key: THEMES[theme][key] for key in KEYS} == {
        key: getattr(colour, theme) for key, colour in KEYS.items()
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", sorted(set(palette.NAMES) - {"ground", "raised", "rule"}))
def test_letters_read_on_their_ground(name, theme):
    ground = getattr(palette.GROUND, theme)
    assert contrast(getattr(palette.NAMES[name], theme), ground) >= 4.5


def test_variables_follow_the_theme_and_print_has_the_light_shade():
    assert "--pn-refer: light-dark(#6736c4, #bda2ff);" in palette.css_variables()
    assert palette.faint("#8a63d8", 0.14) == "rgba(138,99,216,0.14)"
