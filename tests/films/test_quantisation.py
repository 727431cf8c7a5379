"""JPEG tables: Pillow's and OpenCV's encoders at known qualities, and what is no JPEG."""

import math

import numpy as np
import pytest
from PIL import Image

from pneumo_core.dataset.similarity import quantisation_of

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
