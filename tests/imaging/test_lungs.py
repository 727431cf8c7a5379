"""Lungs from probability maps: boxes, cut edges, orientation, reasons; on drawn lungs."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pneumo_core.imaging.lung_shape import FEATURES, Plausibility, shape_features
from pneumo_core.imaging.lungs import (
    NO_LUNGS,
    Box,
    find_lungs,
    largest_parts,
    lungs_of,
    mirrored_mean,
    network_input,
    to_cells,
)

RIGHT, LEFT = 110, 220  # grey of the drawn lungs
ALL_PASS = Plausibility(
    *(np.zeros(17), np.ones(17), np.zeros(18), np.zeros(17), np.eye(17)),
    *(-1.0, 1e9, 0.01),
    np.zeros(4),
)


def draw(side=128, *, right=(0.3, 0.5), left=(0.7, 0.5), axes=(0.12, 0.3)):
    """A black film with an ellipse for each lung; centres and axes are shares of the side."""
    film = np.zeros((side, side), np.uint8)
    for centre, grey in ((right, RIGHT), (left, LEFT)):
        if centre is not None:
            at, size = ([round(side * share) for share in pair] for pair in (centre, axes))
            cv2.ellipse(film, at, size, 0, 0, 360, grey, -1)
    return film


def by_grey(films):
    """A stand-in for the network: each lung where its grey is."""
    maps = [np.abs(films[..., 0] - grey) < 30 for grey in (RIGHT, LEFT)]
    return np.stack(maps, axis=-1).astype(np.float32)


def test_network_input_brings_large_films_to_the_size_of_the_copies_first():
    film = np.tile(np.arange(0, 250, dtype=np.uint8), (300, 4))
    found = network_input(film)
    assert found.shape == (1, 128, 128, 1)
    assert found.dtype == np.float32
    small = network_input(cv2.resize(film, (224, 224), interpolation=cv2.INTER_AREA))
    assert np.abs(found - small)[0, :, 2:-2].mean() < 4


def test_the_mirror_image_is_mirrored_back_and_exchanged():
    calls = []

    def left_half_is_right_lung(films):
        calls.append(len(films))
        maps = np.repeat((films > 0).astype(np.float32), 2, axis=-1)
        maps[:, :, 64:, 0] = 0
        maps[:, :, :64, 1] = 0
        return maps

    film = network_input(draw(right=(0.3, 0.4)))
    found = mirrored_mean(left_half_is_right_lung)(film)
    assert found == pytest.approx(left_half_is_right_lung(film))
    assert calls == [2, 1]
    half = mirrored_mean(lambda films: (films > 0).astype(np.float32) * [1, 0])(film)
    assert half.max() == 0.5  # the network that exchanges nothing is unsure


def test_boxes_are_in_pixels_of_the_film():
    film = cv2.resize(draw(), (512, 256), interpolation=cv2.INTER_NEAREST)
    lungs = find_lungs(film, by_grey, ALL_PASS)
    assert lungs.found
    assert lungs.reasons == ()
    assert lungs.quarters == 0
    right = [lungs.right.left, lungs.right.top, lungs.right.right, lungs.right.bottom]
    assert right == pytest.approx([92, 52, 216, 206], abs=8)
    assert lungs.box == lungs.right.joined(lungs.left)
    assert lungs.box.width == pytest.approx(0.64 * 512, abs=12)
    assert lungs.box.height == pytest.approx(0.6 * 256, abs=8)
    assert abs(lungs.turn_deg) < 2
    assert lungs.cut_off == ()


def test_the_shift_moves_every_box():
    judge = replace(ALL_PASS, box_shift=np.array([-0.01, 0.0, 0.0, 0.02]))
    maps = by_grey(network_input(draw()))[0]
    plain, moved = (lungs_of(maps, 100, 200, one).left for one in (ALL_PASS, judge))
    assert moved.left == pytest.approx(plain.left - 2)
    assert moved.bottom == pytest.approx(plain.bottom + 2)
    assert (moved.top, moved.right) == (plain.top, plain.right)


@pytest.mark.parametrize("h", [64, 128])
def test_maps_of_both_sizes_give_the_same_box(h):
    maps = by_grey(network_input(draw()))[0]
    small = cv2.resize(maps, (h, h), interpolation=cv2.INTER_AREA)
    box = lungs_of(small, 224, 224, ALL_PASS).box
    assert [box.left, box.right] == pytest.approx([224 * 0.18, 224 * 0.82], abs=4)
    assert to_cells(small).shape == (64, 64, 2)


def test_lungs_cut_off_are_named_by_the_edges_of_the_film():
    film = draw(right=(0.3, 0.2), left=(0.7, 0.2), axes=(0.14, 0.35))
    assert find_lungs(film, by_grey, ALL_PASS).cut_off == ("top",)
    film = draw(right=(0.05, 0.5), left=(0.6, 0.5))
    assert find_lungs(film, by_grey, ALL_PASS).cut_off == ("left",)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_film_is_set_upright(quarters):
    film = draw()
    lungs = find_lungs(np.rot90(film, -quarters), by_grey, ALL_PASS)
    upright = find_lungs(film, by_grey, ALL_PASS)
    assert lungs.quarters == quarters
    assert lungs.found
    assert abs(lungs.turn_deg) < 2
    assert (lungs.masks == upright.masks).mean() > 0.98


@pytest.mark.parametrize("quarters", [0, 1])
def test_a_negative_is_found_by_its_inverse(quarters):
    film = np.rot90(draw(), -quarters)
    calls = []

    def seldom(films):  # as the trained network: nothing on a negative
        calls.append(films)
        maps = by_grey(films)
        return maps if films[0, 0, 0, 0] < 128 else np.zeros_like(maps)

    lungs = find_lungs(255 - film, seldom, ALL_PASS)
    assert (lungs.found, lungs.negative, lungs.quarters) == (True, True, quarters)
    positive = find_lungs(film, by_grey, ALL_PASS)
    assert (lungs.masks == positive.masks).all()
    assert not positive.negative
    assert len(calls) == (5 if quarters == 0 else 6)


def test_a_small_rotation_is_measured_clockwise():
    film = draw(right=(0.3, 0.45), left=(0.7, 0.55))
    lungs = find_lungs(film, by_grey, ALL_PASS)
    assert lungs.turn_deg == pytest.approx(np.degrees(np.arctan2(0.1, 0.4)), abs=2)
    assert lungs.quarters == 0


def test_an_image_without_lungs_is_tried_in_every_orientation():
    calls = []

    def nothing(films):
        calls.append(films)
        return np.zeros((1, 64, 64, 2), np.float32)

    lungs = find_lungs(np.zeros((90, 120), np.uint8), nothing, ALL_PASS)
    assert len(calls) == 8  # four quarter turns, of the film and of its negative
    assert calls[0].max() == 0
    assert calls[4].min() == 255
    assert not lungs.found
    assert not lungs.negative
    assert lungs.reasons == (NO_LUNGS,)
    assert (lungs.right, lungs.left, lungs.box, lungs.turn_deg) == (None, None, None, 0.0)


def test_one_lung_alone_is_said():
    lungs = find_lungs(draw(left=None), by_grey, ALL_PASS)
    assert not lungs.found
    assert lungs.reasons == (f"{NO_LUNGS} Only one lung was found, as on a lateral view.",)
    assert lungs.box == lungs.right


def test_the_largest_part_counts_and_its_holes_are_filled():
    maps = np.zeros((64, 64, 2), np.float32)
    maps[10:40, 5:25, 0] = 1
    maps[20:24, 12:16, 0] = 0
    maps[50:53, 5:8, 0] = 1
    mask = largest_parts(maps)[..., 0]
    assert mask.sum() == 30 * 20
    assert not mask[50:].any()


def test_features_do_not_change_when_the_lungs_are_exchanged():
    maps = by_grey(network_input(draw(left=(0.72, 0.55), axes=(0.11, 0.28))))[0]
    cells = to_cells(maps)
    swapped = np.ascontiguousarray(cells[..., ::-1])
    found, other = (shape_features(one, largest_parts(one)) for one in (cells, swapped))
    assert found == pytest.approx(other, abs=1e-6)
    assert found.shape == (len(FEATURES),)
    values = dict(zip(FEATURES, found, strict=True))
    assert values["larger area"] == pytest.approx(np.pi * 0.11 * 0.28, rel=0.1)
    assert values["higher solidity"] > 0.95
    assert values["mirror agreement"] > 0.7
    assert values["share of the border"] == 0


def test_features_of_nothing_are_finite():
    nothing = np.zeros((64, 64, 2), np.float32)
    assert np.isfinite(shape_features(nothing, nothing > 0)).all()


def test_plausibility_needs_both_limits_and_the_area():
    features = np.zeros((4, 17))
    features[:, 0] = [0.1, 0.1, 0.1, 0.001]
    features[:, 2] = [0, 5, 0, 0]  # far from the centre
    features[:, 3] = [1, 1, -1, 1]  # a low score
    weights = np.zeros(18)
    weights[4] = 2.0
    judge = replace(ALL_PASS, weights=weights, least_score=0.0, largest_distance=3.0)
    assert judge.score(features).tolist() == [2, 2, -2, 2]
    assert judge.accepts(features).tolist() == [True, False, False, False]


def test_plausibility_is_stored_whole_and_checked(tmp_path):
    path = tmp_path / "plausibility.npz"
    ALL_PASS.save(path)
    again = Plausibility.load(path)
    assert again.largest_distance == 1e9
    assert again.inverse_covariance.tolist() == np.eye(17).tolist()
    replace(ALL_PASS, centre=np.zeros(16)).save(path)
    with pytest.raises(ValueError, match="expected arrays of the shapes"):
        Plausibility.load(path)
    replace(ALL_PASS, centre=np.full(17, np.nan)).save(path)
    with pytest.raises(ValueError, match="finite"):
        Plausibility.load(path)
    np.savez(path, mean=np.array([None, {}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        Plausibility.load(path)


def test_boxes_join():
    assert Box(1, 2, 3, 9).joined(Box(0, 4, 8, 5)) == Box(0, 2, 8, 9)
