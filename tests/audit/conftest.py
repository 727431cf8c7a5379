"""Small films that differ as much as can be, and a data set with every fault there is."""

import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pneumo_core.config import Settings
from pneumo_core.dataset.catalogue import open_catalogue


def picture(name, *, width=64, height=64):
    """Soft blots at random places, of the name alone: uint8 (height, width)."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    blots = rng.integers(0, 256, (16, 16), dtype=np.uint8)
    return cv2.resize(blots, (width, height), interpolation=cv2.INTER_CUBIC)


def put(root, film, *, like="", quality=90, **size):
    """Write the picture of the name `like`, or of its own, in the format of its ending."""
    path = Path(root) / film
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(like or film, **size)).save(path, quality=quality)
    return path


@pytest.fixture(scope="session")
def audit_settings(tmp_path_factory):
    return replace(Settings(), cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def good(tmp_path_factory, audit_settings):
    """A catalogue without a fault."""
    root = tmp_path_factory.mktemp("good")
    for split in ("train", "test"):
        for n in range(30):
            number = n + 100 * (split == "test")
            put(root, f"{split}/NORMAL/IM-{number:04d}-0001.jpeg")
            put(root, f"{split}/PNEUMONIA/person{number}_virus_{n}.jpeg")
    return open_catalogue(root, settings=audit_settings)


@pytest.fixture(scope="session")
def bad(tmp_path_factory, audit_settings):
    """A catalogue with every fault."""
    root = tmp_path_factory.mktemp("bad")
    _damage(root)
    _repeat(root)
    _mix_patients(root)
    _strew(root)
    return open_catalogue(root, settings=audit_settings)


def _damage(root):
    whole = put(root, "train/NORMAL/IM-0001-0001.jpeg").read_bytes()
    (root / "train/NORMAL/IM-0002-0001.jpeg").write_bytes(whole[: len(whole) // 2])
    (root / "train/NORMAL/IM-0003-0001.jpeg").touch()
    (root / "train/PNEUMONIA").mkdir()
    (root / "train/PNEUMONIA/person1_virus_1.jpeg").write_text("404 Not Found")
    put(root, "train/PNEUMONIA/person2_virus_2.png", width=16, height=16)
    png = put(root, "train/PNEUMONIA/person3_virus_3.png")
    png.rename(png.with_suffix(".jpeg"))


def _repeat(root):
    # Three times the same bytes: three pairs.
    for n in (1, 2, 3):
        put(root, f"train/PNEUMONIA/person10_bacteria_{n}.jpeg", like="thrice")
    # The same pixels in two PNG files, one with a note in its header.
    plain = put(root, "train/PNEUMONIA/person11_bacteria_1.png")
    note = PngImagePlugin.PngInfo()
    note.add_text("note", "saved again")
    again = root / "train/PNEUMONIA/person11_bacteria_2.png"
    Image.open(plain).save(again, pnginfo=note)
    # The same film pressed harder, in another patient's name.
    put(root, "train/PNEUMONIA/person12_bacteria_1.jpeg", like="pressed", quality=95)
    put(root, "train/PNEUMONIA/person13_bacteria_1.jpeg", like="pressed", quality=50)
    # Under two labels; and in train and in test.
    put(root, "train/NORMAL/IM-0020-0001.jpeg", like="torn")
    put(root, "train/PNEUMONIA/person20_bacteria_1.jpeg", like="torn")
    put(root, "train/PNEUMONIA/person21_bacteria_1.jpeg", like="leaked")
    put(root, "test/PNEUMONIA/person99_bacteria_1.jpeg", like="leaked")


def _mix_patients(root):
    put(root, "train/PNEUMONIA/person30_virus_1.jpeg")
    put(root, "test/PNEUMONIA/person30_virus_2.jpeg")
    put(root, "train/NORMAL/IM-0031-0001.jpeg")
    put(root, "val/NORMAL/IM-0031-0002.jpeg")
    put(root, "val/PNEUMONIA/person32_virus_1.jpeg")
    # One number, two children.
    put(root, "train/PNEUMONIA/person33_bacteria_1.jpeg")
    put(root, "test/PNEUMONIA/person33_virus_1.jpeg")
    # One child, ill and well.
    put(root, "train/NORMAL/NORMAL-7700-0001.jpeg")
    put(root, "train/PNEUMONIA/BACTERIA-7700-0002.jpeg")
    put(root, "train/NORMAL/nameless.jpeg")


def _strew(root):
    (root / "test/NORMAL").mkdir()
    for film in ("train/NORMAL/IM-0001-0001.jpeg", "train/NORMAL/IM-0031-0001.jpeg"):
        copy = root / "chest_xray" / film
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((root / film).read_bytes())
    put(root, "chest_xray/train/NORMAL/IM-0020-0001.jpeg", like="another film of that name")
    junk = root / "__MACOSX/train/NORMAL/._IM-0001-0001.jpeg"
    junk.parent.mkdir(parents=True)
    junk.write_bytes(b"\0\5\26\7")
    put(root, "loose.jpeg")
    outside = root.parent / f"{root.name}-outside"
    put(outside, "secret.jpeg")
    (root / "train/NORMAL/IM-0040-0001.jpeg").symlink_to(outside / "secret.jpeg")
    (root / "train/NORMAL/IM-0041-0001.jpeg").symlink_to(root / "train/NORMAL/IM-0001-0001.jpeg")
