"""Masks paired with their films; right and left told apart; what is left out."""

import shutil

import cv2
import numpy as np
import pytest

from pneumo_core.config import Settings
from pneumo_core.errors import DataSetError
from pneumo_core.training.lungs.masks import (
    left_out_words,
    load_masked_films,
    mask_files,
    split_lungs,
)
from tests.training.lungs.masked_films import draw_pair, write_masked_films


def test_the_right_lung_lies_on_the_left_of_the_film():
    _, mask = draw_pair(0)
    mask[2:5, 80:84] = 255  # a small part goes to the side on which it lies
    lungs, reason = split_lungs(mask > 0)
    assert reason == ""
    assert lungs.dtype == np.uint8
    columns = [np.argwhere(lungs[..., side])[:, 1] for side in (0, 1)]
    assert columns[0].max() < 48 < columns[1].min()
    assert lungs[3, 82].tolist() == [0, 255]
    assert (lungs.max(-1) == mask).all()


def test_lungs_that_cannot_be_told_apart_are_refused():
    one = np.zeros((64, 64), bool)
    one[10:50, 10:50] = True
    assert split_lungs(one) == (None, "mask shows no two lungs apart")
    assert split_lungs(np.zeros((64, 64), bool))[0] is None


def test_films_and_masks_are_paired_by_name(tmp_path):
    images, masks = write_masked_films(tmp_path, n=3)
    (masks / "IM-0000-0001.png").unlink()
    shutil.copy(masks / "IM-0001-0001.png", masks / "unknown.png")
    (masks / "person0_virus_0.png").write_bytes(b"no picture")
    cv2.imwrite(str(masks / "IM-0002-0001.png"), np.zeros((32, 32), np.uint8))
    (images / "test" / "PNEUMONIA").mkdir(parents=True)
    shutil.copy(images / "train/PNEUMONIA/person2_virus_2.png", images / "test/PNEUMONIA")
    data = load_masked_films(images, masks, settings=Settings(cache_dir=tmp_path / "cache"))
    names = [film.rpartition("/")[2] for film in data.index.film.iloc[data.rows]]
    assert names == ["IM-0001-0001.png", "person1_virus_1.png"]
    assert data.pixels.shape == (7, 224, 224)
    assert data.lungs.shape == (2, 224, 224, 2)
    dark = data.pixels[data.rows[0]][data.lungs[0].any(-1)]
    assert dark.mean() == pytest.approx(60, abs=6)
    assert data.left_out == {
        "mask shows no two lungs apart": 1,
        "mask cannot be read": 1,
        "two films have the mask's name": 1,
        "mask has no film": 1,
    }
    assert left_out_words(data.left_out).startswith("4 left out: 1 mask ")


def test_missing_masks_are_said(tmp_path):
    with pytest.raises(DataSetError, match="there is no folder"):
        mask_files(tmp_path / "none")
    with pytest.raises(DataSetError, match="found no PNG there"):
        mask_files(tmp_path)
    images, masks = write_masked_films(tmp_path / "data", n=2)
    for file in masks.iterdir():
        file.rename(masks / f"mask-of-{file.name}")
    with pytest.raises(DataSetError, match=r"of 4 masks in .* none can be used \(4 left out: 4 m"):
        load_masked_films(images, masks, settings=Settings(cache_dir=tmp_path / "cache"))
