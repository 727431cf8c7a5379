from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from pneumo_core.synthetic.phantom import SUBTYPES, synthetic_film


def auc(positive: list[float], negative: list[float]) -> float:
    return float(np.mean(np.subtract.outer(positive, negative) > 0))


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("size", [32, 100, 224, 700])
def test_a_film_is_grey_square_and_has_black_and_white(subtype: str, size: int) -> None:
    film = synthetic_film(subtype, 3, size=size)
    assert film.shape == (size, size)
    assert film.dtype == np.uint8
    assert film.std() > 25
    assert np.quantile(film, 0.99) - np.quantile(film, 0.01) > 120


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_a_seed_is_a_film(subtype: str) -> None:
    film = synthetic_film(subtype, 11, size=96)
    assert np.array_equal(film, synthetic_film(subtype, 11, size=96))
    assert not np.array_equal(film, synthetic_film(subtype, 12, size=96))


def test_lungs_are_darker_than_what_lies_between_and_below_them() -> None:
    film = np.mean([synthetic_film("normal", seed, size=100) for seed in range(20)], axis=0)
    right_lung, left_lung, spine, belly = film[45, 30], film[40, 72], film[60, 50], film[97, 50]
    assert max(right_lung, left_lung) + 40 < min(spine, belly)


def test_the_illness_changes_the_lungs_and_nothing_else() -> None:
    healthy = synthetic_film("normal", 4, size=256).astype(int)
    for subtype in ("bacterial", "viral"):
        change = synthetic_film(subtype, 4, size=256).astype(int) - healthy
        assert change.max() > 25
        assert np.abs(change[:20]).max() < 15
        assert np.abs(change[:, :8]).max() < 15


def test_bacterial_is_focal_and_viral_on_both_sides() -> None:
    sides = {}
    for subtype in ("bacterial", "viral"):
        for seed in range(12):
            change = np.subtract(
                synthetic_film(subtype, seed, size=128),
                synthetic_film("normal", seed, size=128),
                dtype=float,
            ).clip(min=0)
            right, left = change[:, :64].sum(), change[:, 64:].sum()
            sides.setdefault(subtype, []).append(min(right, left) / max(right, left))
    assert np.median(sides["bacterial"]) < 0.25
    assert np.median(sides["viral"]) > 0.5


def test_brightness_alone_does_not_tell_the_classes_apart() -> None:
    mean = defaultdict(list)
    for number in range(180):
        subtype = SUBTYPES[number % 3]
        mean[subtype].append(float(synthetic_film(subtype, number, size=64).mean()))
    for subtype in ("bacterial", "viral"):
        assert 0.3 < auc(mean[subtype], mean["normal"]) < 0.72


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fungal", 1, 64), "subtype='fungal'"),
        (("normal", -1, 64), "Expected a seed of 0 or more. Received: seed=-1"),
        (("normal", 1, 31), "at least 32 pixels. Received: size=31"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[str, int, int], message: str) -> None:
    subtype, seed, size = arguments
    with pytest.raises(ValueError, match=message):
        synthetic_film(subtype, seed, size=size)
