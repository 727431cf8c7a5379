"""The one palette of screens, charts and reports, distinguishable by the colour-blind.

`light` and `dark` are for letters on a light and on a dark ground, at least 4.5 to 1; white letters
read on `light` as well. `mark` is for shapes on either ground, at least 3 to 1 (WCAG 2.2, 1.4.11).
`.streamlit/config.toml` repeats some of these, because Streamlit reads nothing else; a test
compares them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Colour:
    """One meaning in its three shades, hex."""

    light: str
    dark: str
    mark: str

    @property
    def css(self) -> str:
        """The shade of the theme that the browser shows."""
        return f"light-dark({self.light}, {self.dark})"


PNEUMONIA = Colour("#a84300", "#ffa552", "#bd5b06")
VIRAL = Colour("#8a5200", "#f3c27e", "#cd8420")
REFER = Colour("#6736c4", "#bda2ff", "#8a63d8")
OUTSIDE = Colour("#655a80", "#b8aecb", "#8a7fa3")  # grey-violet: neither referred nor read
NORMAL = Colour("#00695f", "#45cfbf", "#0f9488")
UNREAD = Colour("#5a5f64", "#a6abb0", "#80868b")
ACCENT = Colour("#1f6097", "#8bbbe8", "#4c8fcf")  # neither good nor bad: a count, a curve
ALARM = Colour("#a3262a", "#ff8a80", "#d65a56")  # what failed, what harms most

# Neutral greys, so that nothing beside a film could be taken for part of it.
INK = Colour("#1c1e20", "#e6e7e8", "#80868b")
QUIET = UNREAD
RULE = Colour("#cdd0d3", "#3a3d40", "#80868b")
GROUND = Colour("#ffffff", "#121314", "#ffffff")
RAISED = Colour("#f1f2f3", "#1e2022", "#f1f2f3")
WARNING_GROUND = "#fbf1ea"  # behind a warning, in print

# Series without good or bad (train, val, test; two models): each is named in its chart as well.
SERIES = (ACCENT.mark, "#8d77b8", "#5c9a9e", "#8a8f98")

NAMES = {
    "pneumonia": PNEUMONIA,
    "viral": VIRAL,
    "refer": REFER,
    "outside": OUTSIDE,
    "normal": NORMAL,
    "unread": UNREAD,
    "accent": ACCENT,
    "alarm": ALARM,
    "ink": INK,
    "quiet": QUIET,
    "rule": RULE,
    "ground": GROUND,
    "raised": RAISED,
}


def css_variables() -> str:
    """Declarations "--pn-refer: light-dark(…);" for every name."""
    return " ".join(f"--pn-{name}: {colour.css};" for name, colour in NAMES.items())


def faint(colour: str, opacity: float) -> str:
    """A hex colour as rgba(): "rgba(138,99,216,0.14)"."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
