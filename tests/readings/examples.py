"""Readings, made by hand, that the tests of the log, the reports and the exports share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pneumo_core.imaging.film import SourceFacts
from pneumo_core.inference.predict import Decision, Reading

DIGEST = "0123456789abcdef" * 4
SHA256 = "f" * 64


def reading(**changes: Any) -> Reading:
    """A film called pneumonia; the map is highest at its upper left."""
    cam = np.zeros((8, 8), np.float32)
    cam[1:3, 1:3] = 0.9
    made = Reading(
        status="ok",
        message="Signs of pneumonia: 93 % (88–95 % when mirrored, cropped or shifted).",
        bundle="tiny 1",
        threshold_low=0.2,
        threshold_high=0.8,
        decision=Decision.PNEUMONIA,
        p_pneumonia=0.9312345678,
        p_low=0.88,
        p_high=0.95,
        gate_ok=True,
        inside_lungs=0.71,
        where="mostly the right upper zone",
        cam=cam,
        pixels=np.tile(np.linspace(0, 255, 96).astype(np.uint8), (80, 1)),
        facts=SourceFacts("PNG", 96, 80, 8, "grey", 1000, SHA256, 0.0),
    )
    return replace(made, **changes)


def rejected() -> Reading:
    """A picture that is no radiograph: no decision and no number."""
    reasons = ("This picture is in colour.",)
    return reading(
        status="rejected",
        message="Not read: This picture is in colour.",
        decision=None,
        p_pneumonia=None,
        p_low=None,
        p_high=None,
        gate_ok=False,
        gate_reasons=reasons,
        inside_lungs=None,
        cam=None,
    )
