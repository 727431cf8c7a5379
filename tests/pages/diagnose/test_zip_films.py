"""Zips of films: what is read, what is left out and why; nothing is written to the disk."""

import io
import stat
import zipfile

import pytest

from pages.ui.diagnose import zip_films
from pages.ui.diagnose.zip_films import is_zip, open_films
from pneumo_core.errors import BundleError
from tests.bundle.bundle_zips import zipped

LIMIT = 1000


def opened(files, limit=LIMIT):
    films = open_films(zipped(files), limit)
    return films, {films.name(info): films.read(info) for info in films.members}


def test_films_are_called_by_their_name_unless_two_share_it(png):
    film = png(30)
    _, read = opened({"x/": b"", "x/a.png": film, "y/a.png": film, "y/b.png": film}, 10**6)
    assert list(read) == ["x/a.png", "y/a.png", "b.png"]
    assert set(read.values()) == {film}


def test_what_is_left_out_is_counted_by_reason(png):
    files = {
        "a.png": png(30)[:900],
        "large.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8,
        "../up.png": png(30)[:900],
        "__MACOSX/a.png": b"x",
        "b/.hidden": b"x",
        "notes.txt": b"hello",
        "empty.png": b"",
    }
    films, read = opened(files)
    assert [name for name, data in read.items() if data] == ["a.png"]
    assert films.left_out == {
        "too large": 1,
        "not safe to open": 1,
        "of the system": 2,
        "no picture": 1,
        "damaged": 1,
    }
    assert films.summary("x.zip", 1).startswith("x.zip: 1 film read, 6 files left out (2 of the ")


def test_of_a_patient_cd_only_the_dicom_files_are_films(png, dicom_file):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("cd/VIEWER/icon.png", png(0))
        archive.writestr("cd/DICOMDIR", dicom_file(PixelData=None))
        archive.writestr("cd/IMAGES/IM001", dicom_file())
        archive.writestr("cd/autorun.inf", b"[autorun]")
    films = open_films(file.getvalue(), 2**20)
    assert films.is_disc
    read = [info.filename for info in films.members if films.read(info)]
    assert read == ["cd/IMAGES/IM001"]
    assert films.left_out == {"no picture": 2, "of the system": 1}


def test_links_and_bombs_are_left_out(png):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bomb.png", bytes(4 * 2**20))
    films = open_films(out.getvalue(), 50 * 2**20)
    assert films.members == []
    assert films.left_out == {"not safe to open": 1, "too large": 1}


def test_too_many_files_and_a_cut_zip_are_refused(monkeypatch, png):
    with pytest.raises(BundleError):
        open_films(zipped({"a.png": png(30)})[:-30], LIMIT)
    monkeypatch.setattr(zip_films, "MAX_MEMBERS", 2)
    with pytest.raises(BundleError):
        open_films(zipped({f"{i}.png": b"x" for i in range(3)}), LIMIT)


def test_an_office_document_is_no_zip_of_films():
    assert is_zip(zipped({"a.png": b"x"}))
    assert not is_zip(zipped({"[Content_Types].xml": b"x", "word/media/a.png": b"x"}))
    assert not is_zip(b"\x89PNG")
