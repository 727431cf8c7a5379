"""Perceptual hashes: the same film in another file is near, another film is not."""

import math

import cv2
import numpy as np
import pytest
from PIL import Image

from pneumo_core.dataset.similarity import (
    NEAR,
    copies,
    near_hashes,
    near_pairs,
    pack_hashes,
    perceptual_hash,
    quantisation_of,
)
from pneumo_core.imaging.decode import resize
from pneumo_core.synthetic.appearance import synthetic_film


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


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_film_mirrored_or_turned_is_a_near_copy(film, turns, mirrored):
    turned = np.rot90(film[:, ::-1] if mirrored else film, turns)
    brighter = cv2.convertScaleAbs(np.ascontiguousarray(turned), alpha=1.1, beta=8)
    other = hash_of(synthetic_film("normal", 4, size=320))
    hashes = [other, hash_of(film), "", hash_of(brighter)]
    ((first, second, apart, orientation),) = near_pairs(hashes)
    assert (first, second, orientation > 0) == (1, 3, bool(turns or mirrored))
    assert apart <= NEAR
    assert near_hashes(hashes[3], pack_hashes(hashes[:2])).tolist() == [1]
    assert copies(hashes).tolist() == [0, 1, 2, 1]


def test_other_films_are_not_near():
    hashes = [hash_of(synthetic_film("viral", seed, size=128)) for seed in range(12)]
    assert len(near_pairs(hashes)) == 0
    assert {len(one) for one in hashes} == {64}


def test_pairs_are_found_with_the_bits_that_differ():
    zero, one = "0" * 64, "0" * 63 + "7"
    hashes = [zero, "", one, "f" * 64, zero, ""]
    assert near_pairs(hashes).tolist() == [[0, 2, 3, 0], [0, 4, 0, 0], [2, 4, 3, 0]]
    assert near_pairs(hashes, within=2).tolist() == [[0, 4, 0, 0]]
    assert near_pairs([]).shape == near_pairs(["", ""]).shape == (0, 4)


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
    assert near_pairs(hashes).tolist() == [[1, 6, 0, 0]]


GREY = Image.fromarray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64))


@pytest.mark.parametrize("quality", [1, 10, 50, 75, 85, 95, 100])
def test_the_quality_is_read_from_the_table(tmp_path, quality):
    GREY.save(tmp_path / "a.jpeg", quality=quality)
    key, found = quantisation_of(tmp_path / "a.jpeg")
    assert found == quality
    assert len(key) == 8


def test_the_key_tells_encoders_apart_and_not_pictures(tmp_path):
    GREY.save(tmp_path / "a.jpeg", quality=75)
    GREY.rotate(90).resize((40, 50)).save(tmp_path / "b.jpeg", quality=75)
    GREY.save(tmp_path / "c.jpeg", quality=76)
    GREY.convert("RGB").save(tmp_path / "d.jpeg", quality=75)  # a table for the colours too
    keys = [quantisation_of(tmp_path / f"{name}.jpeg")[0] for name in "abcd"]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_table_of_another_make_gets_the_nearest_quality(tmp_path):
    table = [3] * 64
    GREY.save(tmp_path / "a.jpeg", qtables=[table])
    assert 90 <= quantisation_of(tmp_path / "a.jpeg")[1] <= 100


def test_what_is_no_jpeg_has_none(tmp_path):
    GREY.save(tmp_path / "a.png")
    (tmp_path / "text.jpeg").write_text("no picture")
    (tmp_path / "empty.jpeg").touch()
    for name in ("a.png", "text.jpeg", "empty.jpeg", "missing.jpeg"):
        key, quality = quantisation_of(tmp_path / name)
        assert (key, math.isnan(quality)) == ("", True)
