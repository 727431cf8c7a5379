"""Masks and other pictures that accompany films: by name, by place, by content."""

import cv2
import numpy as np
import pytest

from pneumo_core.dataset.walk import is_mask_folder, is_mask_name, looks_like_mask, made_from_films
from pneumo_core.synthetic.appearance import synthetic_film


@pytest.mark.parametrize(
    "folder",
    ["masks", "Mask", "Lung_Mask", "LungMasks", "leftMask", "Masks 256", "segmentation", "lung_seg",
     "Segs", "máscaras", "masques", "Masken", "trainmasks", "infection-masks", "mask_images"],
)  # fmt: skip
def test_a_folder_of_masks_is_told_by_its_name(folder):
    assert is_mask_folder(folder)


@pytest.mark.parametrize(
    "folder", ["images", "NORMAL", "Massachusetts", "case", "patient7", "sego"]
)
def test_other_folders_are_none(folder):
    assert not is_mask_folder(folder)


@pytest.mark.parametrize(
    "stem",
    ["IM-0001_mask", "x.mask", "a (mask)", "mask_17", "mask-IM-0001", "a_mask_left", "a_mask_2",
     "a_seg", "a_lung_mask", "MASK12", "a_msk"],
)  # fmt: skip
def test_a_mask_is_told_by_its_name(stem):
    assert is_mask_name(stem)


@pytest.mark.parametrize("stem", ["IM-0001-0001", "damask_rose", "left", "massive", "00000013_005"])
def test_other_names_are_none(stem):
    assert not is_mask_name(stem)


def test_what_was_made_from_the_films_beside_it_is_found():
    images = [
        *("NORMAL/images/a.png", "NORMAL/images/b.png", "NORMAL/images/b_gt.png"),
        *("NORMAL/annotations/a.png", "NORMAL/annotations/b_label.png"),
        *("PNEUMONIA/labels/c.png", "PNEUMONIA/x.png", "PNEUMONIA/x_overlay.png"),
        "PNEUMONIA/y_overlay.png",  # of no film that is here
    ]
    assert made_from_films(images) == {
        *("NORMAL/images/b_gt.png", "NORMAL/annotations/a.png", "NORMAL/annotations/b_label.png"),
        "PNEUMONIA/x_overlay.png",
    }


def test_a_mask_is_told_by_its_content():
    mask = np.zeros((300, 260), np.uint8)
    cv2.ellipse(mask, (80, 150), (50, 110), 0, 0, 360, 255, -1)
    lossy = cv2.imdecode(cv2.imencode(".jpg", mask)[1], 0)
    assert looks_like_mask(mask)
    assert looks_like_mask(lossy)
    assert looks_like_mask(mask // 255)
    for kind in ("normal", "viral"):
        assert not looks_like_mask(synthetic_film(kind, 1, size=256))
    assert not looks_like_mask(np.zeros((100, 100), np.uint8))
