"""The words for where a map is strongest."""

from __future__ import annotations

import numpy as np
import pytest

from pneumo_core.inference.saliency import AT_THE_EDGE as EDGE
from pneumo_core.inference.saliency import AT_THE_SHOULDER as SHOULDER
from pneumo_core.inference.saliency import place


def _map(*spots: tuple[int, int], height: float = 1.0) -> np.ndarray:
    """A 6×4 map that is zero but for some places (row, column)."""
    cam = np.zeros((6, 4), np.float32)
    for spot in spots:
        cam[spot] = height
    return cam


@pytest.mark.parametrize(
    ("cam", "words"),
    [
        # The picture's left is the patient's right.
        (_map((5, 0)), "mostly the right lower zone" + EDGE),
        (_map((5, 3)), "mostly the left lower zone" + EDGE),
        (_map((0, 3)), "mostly the left upper zone" + EDGE),
        (_map((2, 0), (3, 0)), "mostly the right mid zone"),
        (_map((0, 0), (5, 3)), "the right upper zone and the left lower zone" + EDGE),
        (_map((0, 3), (2, 3), (1, 3), (3, 3)), "the left upper and mid zones"),
        (_map((5, 0), (5, 3), (4, 0), (4, 3)), "both lower zones"),
        (_map((5, 0), (4, 0), (0, 0)), "the right upper and lower zones"),
        (
            _map((5, 0), (4, 0), (0, 3), height=0.5),
            "the left upper zone and the right lower zone" + EDGE,
        ),
        (_map((4, 1)), "mostly the right lower zone"),
        (_map((0, 0), (0, 3), (5, 0), (5, 3)), "no single place"),
        (np.ones((6, 4), np.float32), "no single place"),
        (_map((5, 0), height=0.2), "nothing stood out: the map is faint"),
        (np.zeros((6, 4), np.float32), "nothing stood out: the map is faint"),
    ],
)
def test_place(cam: np.ndarray, words: str) -> None:
    assert place(cam) == words


@pytest.mark.parametrize(
    ("spot", "words"),
    [
        # Of a 10×10 map: what lies in the corners beside the tops of the lungs, and what does not.
        ((1, 1), "mostly the right upper zone" + SHOULDER),
        ((1, 8), "mostly the left upper zone" + SHOULDER),
        ((0, 8), "mostly the left upper zone" + EDGE),
        ((2, 3), "mostly the right upper zone"),
        ((4, 1), "mostly the right mid zone"),
        ((8, 1), "mostly the right lower zone"),
    ],
)
def test_a_shoulder_is_not_taken_for_the_top_of_a_lung(spot: tuple[int, int], words: str) -> None:
    cam = np.zeros((10, 10), np.float32)
    cam[spot] = 1.0
    assert place(cam) == words


def test_a_peak_at_the_shoulder_counts_for_nothing_beside_a_higher_one_in_a_lung() -> None:
    cam = np.zeros((10, 10), np.float32)
    cam[1, 1], cam[3, 3] = 0.9, 1.0
    assert SHOULDER not in place(cam)
