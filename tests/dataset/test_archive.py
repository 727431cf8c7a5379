"""A ZIP as a data set: unpacked once, within limits, what stays in it counted."""

import io
import os
import zipfile
from dataclasses import replace

import pytest

from pneumo_core.config import Limits, Settings
from pneumo_core.dataset.layout import list_films
from pneumo_core.dataset.sources import is_archive, unpacked
from pneumo_core.errors import DataSetError


@pytest.fixture
def settings(tmp_path):
    return Settings(cache_dir=tmp_path / "cache")


def zipped(path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_a_zip_is_unpacked_once_and_what_stays_in_it_is_counted(tmp_path, settings):
    path = zipped(
        tmp_path / "set.zip",
        **{
            "d/NORMAL/a.png": b"x",
            "d/PNEUMONIA/b.png": b"x",
            "../out.png": b"x",
            "__MACOSX/d/._a.png": b"x",
            "d/large.png": os.urandom(3000),
        },
    )
    small = replace(settings, limits=Limits(max_bytes=2000))
    folder = unpacked(path, settings=small)
    listing = list_films(folder)
    assert listing.films == ("d/NORMAL/a.png", "d/PNEUMONIA/b.png")
    assert {(one.why, one.count) for one in listing.left_out} == {
        ("not safe to open", 1),
        ("hidden or of the system", 1),
        ("too large", 1),
    }
    assert not (tmp_path / "out.png").exists()
    (folder / "d/NORMAL/a.png").write_bytes(b"kept")
    assert unpacked(path, settings=small) == folder
    assert (folder / "d/NORMAL/a.png").read_bytes() == b"kept"


def test_what_is_no_zip_or_holds_nothing_is_refused(tmp_path, settings):
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 and nothing more")
    assert not is_archive(tmp_path / "no.zip")
    with pytest.raises(DataSetError, match=r"not a zip file, or it is truncated.*another program"):
        unpacked(tmp_path / "no.zip", settings=settings)
    path = zipped(tmp_path / "empty.zip", **{".hidden": b""})
    with pytest.raises(DataSetError, match="Expected films in the archive, got none of 1 files"):
        unpacked(path, settings=settings)
    assert not list((settings.cache_dir / "data").glob("zip-*/[!.]*"))


def test_a_zip64_archive_is_read(tmp_path, settings, monkeypatch):
    data = io.BytesIO()
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)  # zipfile then writes ZIP64's own ends
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("NORMAL/a.png", b"x")
        archive.writestr("PNEUMONIA/b.png", b"x")
    assert b"PK\x06\x06" in data.getvalue()
    path = tmp_path / "large.zip"
    path.write_bytes(data.getvalue())
    assert len(list_films(unpacked(path, settings=settings)).films) == 2


def test_films_without_labels_are_told_by_the_name_of_their_archive(tmp_path, settings):
    folder = unpacked(zipped(tmp_path / "ward 7.zip", **{"a.png": b"x"}), settings=settings)
    with pytest.raises(
        DataSetError, match=r"no such films in ward 7\.zip\. It holds 1 image"
    ) as no:
        list_films(folder)
    assert str(tmp_path) not in str(no.value)
