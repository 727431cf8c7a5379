"""A catalogue is made once, kept, made anew when the folder changes, and survives damage."""

import os
from dataclasses import replace

import cv2
import numpy as np
import pytest

from pneumo_core.config import Settings
from pneumo_core.dataset.catalogue import THUMBNAIL, catalogue_ready, open_catalogue
from pneumo_core.dataset.index import index_folder
from pneumo_core.errors import DataSetError


@pytest.fixture
def settings(tmp_path):
    return replace(Settings(), cache_dir=tmp_path / "cache")


@pytest.fixture
def data(tmp_path):
    """Two films and a text. The bright film has a black border of an eighth."""
    root = tmp_path / "data"
    for folder in ("NORMAL", "PNEUMONIA"):
        (root / folder).mkdir(parents=True)
    bright = np.full((192, 96), 200, np.uint8)
    bright[:24], bright[-24:], bright[:, :12], bright[:, -12:] = 0, 0, 0, 0
    cv2.imwrite(str(root / "NORMAL/bright.png"), bright)
    dark = np.full((50, 100), 40, np.uint8)
    cv2.imwrite(str(root / "PNEUMONIA/dark.jpeg"), dark, [cv2.IMWRITE_JPEG_QUALITY, 80])
    (root / "PNEUMONIA/text.jpeg").write_text("no film")
    return root


def test_the_facts_of_each_film(data, settings):
    catalogue = open_catalogue(data, settings=settings)
    index = catalogue.index.set_index("film")
    plain = index_folder(data)
    assert catalogue.index[list(plain.columns)].equals(plain)
    bright, dark, text = (index.loc[name] for name in index.index)
    assert (bright["format"], dark["format"], text["format"]) == ("PNG", "JPEG", "")
    assert (dark["quality"], len(dark["quantisation"])) == (80, 8)
    assert np.isnan(bright["quality"])
    assert bright["quantisation"] == ""
    assert (bright["aspect"], dark["aspect"]) == (0.5, 2.0)
    assert bright["bytes_per_pixel"] == (data / "NORMAL/bright.png").stat().st_size / (192 * 96)
    assert bright["mean"] == pytest.approx(200 * 0.75**2, abs=1)
    assert bright["contrast"] == pytest.approx(200 * (0.5625 * 0.4375) ** 0.5, abs=2)
    assert (bright["border_mean"], bright["border_contrast"]) == (0, 0)
    assert (dark["mean"], dark["border_mean"]) == (40, 40)
    assert len(bright["phash"]) == 64
    assert index["thumbnail"].tolist() == [0, 1, -1]
    assert np.isnan([text[name] for name in ("mean", "aspect", "quality")]).all()
    assert (text["phash"], text["pixels"]) == ("", "")
    assert catalogue.thumbnails.shape == (2, THUMBNAIL, THUMBNAIL)
    assert catalogue.thumbnails[1, 0, 0] == 40
    assert isinstance(catalogue.thumbnails, np.memmap)
    assert len(catalogue.readable) == 2


def test_it_is_made_once_and_again_when_a_file_changes(data, settings):
    seen = []

    def watch(*at):
        seen.append(at)

    assert not catalogue_ready(data, settings=settings)
    first = open_catalogue(data, settings=settings, progress=watch)
    assert seen == [*(("films", n, 3) for n in (1, 2, 3)), ("copies", 2, 2)]
    assert catalogue_ready(data, settings=settings)
    again = open_catalogue(data, settings=settings, progress=watch)
    assert len(seen) == 4
    assert again.index.equals(first.index)
    assert (again.key, again.made, again.listing) == (first.key, first.made, first.listing)
    os.utime(data / "NORMAL/bright.png", (1, 1))
    assert not catalogue_ready(data, settings=settings)
    other = open_catalogue(data, settings=settings, progress=watch)
    assert len(seen) == 8
    assert other.key != first.key
    assert [path.name for path in first.folder.parent.iterdir()] == [other.key]


def test_two_folders_do_not_share_a_catalogue(data, settings, tmp_path):
    first = open_catalogue(data, settings=settings)
    data.rename(tmp_path / "moved")
    moved = open_catalogue(tmp_path / "moved", settings=settings)
    assert moved.folder.parent != first.folder.parent
    assert first.folder.is_dir()


def test_one_that_was_interrupted_leaves_nothing(data, settings):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_catalogue(data, settings=settings, progress=stop)
    assert not catalogue_ready(data, settings=settings)
    assert len(open_catalogue(data, settings=settings).index) == 3


@pytest.mark.parametrize("file", ["films.parquet", "thumbnails.u8", "facts.json"])
def test_a_damaged_one_is_made_anew(data, settings, file):
    first = open_catalogue(data, settings=settings)
    (first.folder / file).write_bytes(b"{}")
    again = open_catalogue(data, settings=settings)
    assert again.index.equals(first.index)
    assert again.thumbnails[1, 0, 0] == 40


def test_a_folder_of_unreadable_films_has_no_thumbnails(tmp_path, settings):
    (tmp_path / "data/NORMAL").mkdir(parents=True)
    (tmp_path / "data/NORMAL/a.jpeg").write_text("no film")
    catalogue = open_catalogue(tmp_path / "data", settings=settings)
    assert catalogue.thumbnails.shape == (0, THUMBNAIL, THUMBNAIL)
    assert catalogue.index["aspect"].isna().all()


def test_errors_name_what_to_do(tmp_path, data, settings):
    with pytest.raises(DataSetError, match=r"Expected a folder of films"):
        open_catalogue(tmp_path / "nowhere", settings=settings)
    assert not catalogue_ready(tmp_path / "nowhere", settings=settings)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DataSetError, match=r"Free some space or set PNEUMO_CACHE"):
        open_catalogue(data, settings=settings)
