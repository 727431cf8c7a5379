"""Maps: their values by hand, and every method on a film with one bright corner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pneumo_core.imaging.lung_frame import Window
from pneumo_core.inference.predict import Decision, Reading
from pneumo_core.inference.saliency import AT_THE_EDGE as EDGE
from pneumo_core.inference.saliency import AT_THE_SHOULDER as SHOULDER
from pneumo_core.inference.saliency import (
    class_activation,
    heat,
    outlines,
    overlay,
    place,
    share_inside,
    shown_map,
    upsample,
)
from tests.lungs import made_lungs


def _corner() -> np.ndarray:
    film = np.full((96, 80), 20, np.uint8)
    film[60:, 50:] = 220
    return film


def test_class_activation_by_hand() -> None:
    features = np.array([[[1.0, 0.0], [0.0, 1.0]]], np.float32)  # (1,2,2)
    kernel = np.array([[1.0, 9.0, 5.0], [2.0, 1.0, 1.0]], np.float32)
    cam = class_activation(features, kernel, np.array([0.2, 0.6, 0.2]), 2.0)
    # 0.75·9 + 0.25·5 − 1 = 7 log odds, over 2 is 3.5 of 4; the other place speaks against it.
    np.testing.assert_allclose(cam, [[3.5 / 4, 0.0]])
    assert cam.dtype == np.float32


def test_strong_evidence_ends_the_scale() -> None:
    features = np.array([[[10.0], [5.0]]], np.float32)
    cam = class_activation(features, np.array([[0.0, 1.0]]), np.array([0.0, 1.0]), 1.0)
    np.testing.assert_allclose(cam, [[1.0, 0.5]])


def test_a_film_without_evidence_has_an_empty_map() -> None:
    cam = class_activation(
        np.ones((3, 3, 1), np.float32), np.array([[1.0, 0.0]]), np.array([1.0, 0.0]), 1.0
    )
    assert cam.max() == 0


def test_upsample_keeps_the_range() -> None:
    cam = np.zeros((5, 5), np.float32)
    cam[2, 2] = 1
    large = upsample(cam, (100, 60))
    assert large.shape == (100, 60)
    assert large.dtype == np.float32
    assert large.min() >= 0
    assert 0.9 < large[50, 30] <= 1.0


def test_heat_is_inferno_in_rgb() -> None:
    picture = heat(np.array([[0.0, 1.0]], np.float32).repeat(2, axis=0), (2, 2))
    assert picture.dtype == np.uint8
    np.testing.assert_allclose(picture[0, 0], [0, 0, 4], atol=2)
    np.testing.assert_allclose(picture[0, 1], [252, 255, 164], atol=2)


def test_overlay_leaves_a_film_without_evidence_as_it_is() -> None:
    film = _corner()
    found = overlay(film, np.zeros((4, 4), np.float32))
    assert found.shape == (96, 80, 3)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.repeat(film[..., None], 3, axis=2))


@pytest.mark.parametrize(("opacity", "expected"), [(0.0, [100, 100, 100]), (1.0, [252, 255, 164])])
def test_overlay_mixes_by_opacity(opacity: float, expected: list[int]) -> None:
    film = np.full((8, 8), 100, np.uint8)
    before = film.copy()
    found = overlay(film, np.ones((2, 2), np.float32), opacity=opacity)
    np.testing.assert_allclose(found[4, 4], expected, atol=2)
    np.testing.assert_array_equal(film, before)


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


def lung_masks() -> np.ndarray:
    return made_lungs(64, 64).masks  # rows 16..47, columns 8..23 and 40..55


def bright(rows: slice, columns: slice) -> np.ndarray:
    cam = np.zeros((64, 64), np.float32)
    cam[rows, columns] = 1
    return cam


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (slice(38, 48), slice(8, 24), "mostly the right lower zone"),
        (slice(16, 26), slice(40, 56), "mostly the left upper zone"),
        (slice(38, 48), slice(8, 56), "both lower zones, partly outside the lungs"),
        (slice(50, 64), slice(0, 64), "mostly outside the lungs"),
    ],
)
def test_the_zones_are_those_of_the_lungs_where_they_are_known(
    rows: slice, columns: slice, words: str
) -> None:
    assert place(bright(rows, columns), lung_masks()) == words


def test_the_share_of_the_evidence_inside_the_lungs() -> None:
    half = bright(slice(20, 40), slice(0, 16))  # columns 0..7 lie outside
    assert share_inside(half, lung_masks()) == pytest.approx(0.5, abs=0.01)
    assert share_inside(np.zeros((8, 8), np.float32), lung_masks()) == 0


def test_the_map_of_a_cleared_film_is_shown_muted() -> None:
    cam = np.ones((2, 2), np.float32)
    blank = Reading("ok", "", "m 1.0", 0.2, 0.8, cam=cam)
    assert shown_map(replace(blank, decision=Decision.NORMAL)).max() == pytest.approx(0.4)
    assert shown_map(replace(blank, decision=Decision.REFER)) is cam
    assert shown_map(replace(blank, cam=None)) is None


def test_outlines_are_drawn_where_lungs_are_known() -> None:
    film = np.zeros((64, 64), np.uint8)
    blank = Reading("ok", "", "m 1.0", 0.2, 0.8)
    found = replace(blank, lungs=made_lungs(64, 64), window=Window(0.5, 0.5, 0.75, 0.75))
    colours = [colour for colour, _ in outlines(found, film.shape)]
    assert colours == [(86, 180, 233), (230, 159, 0), (255, 255, 255)]
    assert outlines(blank, film.shape) == []
