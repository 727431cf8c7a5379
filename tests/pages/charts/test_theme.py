"""The look of all charts: readable on both grounds, told apart by the colour-blind."""

import itertools
import tomllib

import numpy as np
import pytest

from pages.ui.charts import theme
from tests import ROOT

CONFIG = ROOT / ".streamlit" / "config.toml"
GROUNDS = {
    name: part["backgroundColor"]
    for name, part in tomllib.loads(CONFIG.read_text("utf-8"))["theme"].items()
    if isinstance(part, dict)
}
MEANINGS = {look.words: look for look in (theme.NORMAL, theme.PNEUMONIA, theme.REFER)}
COLOURS = {name: look.colour for name, look in (MEANINGS | theme.SUBTYPES).items()}
COLOURS |= {"accent": theme.ACCENT, "grey": theme.GREY}
COLOURS |= {f"series {i}": colour for i, colour in enumerate(theme.SERIES)}
# Machado et al. 2009, doi 10.1109/TVCG.2009.113: full deuteranopia and protanopia, linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "deuteranopia": np.array(
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]
    ),
    "protanopia": np.array(
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def linear(colour):
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2.2 contrast ratio, 1 to 21."""
    dark, light = sorted(float(XYZ[1] @ linear(colour)) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    ratio = XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("name", COLOURS)
def test_a_mark_stands_out_from_either_ground(name, ground):
    """WCAG 1.4.11: 3 to 1 for what must be seen in a graphic."""
    assert contrast(COLOURS[name], GROUNDS[ground]) >= 3.0


@pytest.mark.parametrize("sight", BLINDNESS)
@pytest.mark.parametrize("pair", list(itertools.combinations(MEANINGS, 2)), ids="-".join)
def test_the_colours_of_meaning_differ_for_the_colour_blind(pair, sight):
    one, other = (lab(BLINDNESS[sight] @ linear(MEANINGS[name].colour)) for name in pair)
    assert np.linalg.norm(one - other) > 40  # CIE76; 2.3 is the least difference that is seen


@pytest.mark.parametrize("field", ["sign", "symbol"])
@pytest.mark.parametrize("looks", [MEANINGS, theme.SUBTYPES], ids=["meanings", "subtypes"])
def test_no_meaning_rests_on_colour_alone(looks, field):
    assert len({getattr(look, field) for look in looks.values()}) == len(looks)


def test_a_figure_is_transparent_and_names_its_axes_and_units():
    made = theme.figure(x="Width (pixels)", y="Films", height=240)
    assert made.layout.paper_bgcolor == made.layout.plot_bgcolor == theme.CLEAR
    assert made.layout.xaxis.title.text == "Width (pixels)"
    assert made.layout.yaxis.title.text == "Films"
    assert made.layout.height == 240
    assert made.layout.showlegend is False
    assert made.layout.template.layout.separators == ".,"


def test_a_chart_has_no_tool_bar():
    assert theme.figure_config()["displayModeBar"] is False
