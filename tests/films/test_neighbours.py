"""Perceptual hashes: the same film in another file is near, another film is not."""

import cv2
import numpy as np
import pytest

from pneumo_core.dataset.similarity import (
    NEAR,
    near_hashes,
    near_pairs,
    pack_hashes,
    perceptual_hash,
)
from pneumo_core.imaging.decode import resize
from pneumo_core.synthetic.phantom import synthetic_film


def bits(first, second):
    return (int(first, 16) ^ int(second, 16)).bit_count()


@pytest.fixture(scope="module")
def film():
    return synthetic_film("bacterial", 3, size=320)


def hash_of(pixels):
    return perceptual_hash(resize(pixels, 96))


@pytest.mark.parametrize(
    "altered",
    [
        lambda x: cv2.imdecode(cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 0),
        lambda x: cv2.resize(x, (224, 200), interpolation=cv2.INTER_AREA),
        lambda x: cv2.convertScaleAbs(x, alpha=0.9, beta=10),
        lambda x: np.ascontiguousarray(x[3:-3, 3:-3]),
    ],
)
def test_the_same_film_altered_is_near(film, altered):
    assert bits(hash_of(film), hash_of(altered(film))) <= NEAR


def test_other_films_are_not_near():
    hashes = [hash_of(synthetic_film("viral", seed, size=128)) for seed in range(12)]
    assert len(near_pairs(hashes)) == 0
    assert {len(one) for one in hashes} == {64}


def test_pairs_are_found_with_the_bits_that_differ():
    zero, one = "0" * 64, "0" * 63 + "7"
    hashes = [zero, "", one, "f" * 64, zero, ""]
    assert near_pairs(hashes).tolist() == [[0, 2, 3], [0, 4, 0], [2, 4, 3]]
    assert near_pairs(hashes, within=2).tolist() == [[0, 4, 0]]
    assert near_pairs([]).shape == near_pairs(["", ""]).shape == (0, 3)


def test_rows_near_a_hash_are_found():
    packed = pack_hashes(["0" * 64, "f" * 64, "0" * 63 + "7"])
    assert near_hashes("0" * 64, packed).tolist() == [0, 2]
    assert near_hashes("0" * 64, packed, within=2).tolist() == [0]
    assert near_hashes("", packed).size == near_hashes("0" * 64, pack_hashes([])).size == 0


def test_pairs_across_the_rows_compared_at_once(monkeypatch):
    monkeypatch.setattr("pneumo_core.dataset.similarity._ROWS", 2)
    rng = np.random.default_rng(0)
    hashes = [rng.bytes(32).hex() for _ in range(7)]
    hashes[6] = hashes[1]
    assert near_pairs(hashes).tolist() == [[1, 6, 0]]
