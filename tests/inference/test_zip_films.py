"""Zips of films: what is read, what is left out and why; nothing is written to the disk."""

import io
import stat
import zipfile

import numpy as np
import pytest

from pneumo_core.config import Limits
from pneumo_core.errors import BundleError, UnreadableImage
from pneumo_core.inference import zip_films
from pneumo_core.inference.sources import sources_below
from pneumo_core.inference.zip_films import is_zip, is_zip_file, open_films
from tests.bundle.bundle_zips import zipped
from tests.imaging.film_files import file_of

LIMIT = 1000


@pytest.fixture(scope="module")
def png():
    """PNG bytes of a smooth film of the given mean grey level."""

    def make(grey):
        ramp = np.linspace(grey - 20, grey + 20, 120).astype(np.uint8)
        return file_of(np.tile(ramp, (100, 1)), "PNG")

    return make


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
    assert films.discs == ("cd/",)
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


def listed(path, others=None):
    return [(one.name.removeprefix(f"{path}"), one.fault) for one in sources_below([path], others)]


def test_a_zip_file_that_is_named_is_as_the_folder_in_it(png, tmp_path):
    path = tmp_path / "films.zip"
    path.write_bytes(
        zipped({"x/": b"", "x/a.png": png(30), "x/text": b"t", "__MACOSX/a": b"", "x/.b": b""})
    )
    assert is_zip_file(path)
    film, text = sources_below([path])
    assert (film.name, text.name) == (f"{path}/x/a.png", f"{path}/x/text")
    assert film.read(Limits()) == png(30)
    assert text.read(Limits()) == b"t"


def test_of_a_zipped_patient_cd_the_dicom_files_are_sources(png, dicom_file, tmp_path):
    path, others = tmp_path / "cd.zip", []
    path.write_bytes(
        zipped(
            {
                "cd/DICOMDIR": dicom_file(PixelData=None),
                "cd/IMAGES/IM001": dicom_file(),
                "cd/VIEWER/view.exe": b"MZ",
                "cd/VIEWER/icon.png": png(0),
                "cd2/a.png": png(0),
            }
        )
    )
    assert listed(path, others) == [("/cd/IMAGES/IM001", ""), ("/cd2/a.png", "")]
    assert [one.name for one in others] == ["DICOMDIR", "view.exe", "icon.png"]


def test_members_that_are_not_read_say_why(png, tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMO_MAX_BYTES", "5000000")
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(4 * 2**20))
        archive.writestr("large.png", bytes(range(256)) * 20_000)
        archive.writestr("../up.png", png(30))
        archive.writestr("inner.zip", zipped({"a.png": png(30)}))
    faults = dict(listed(path))
    assert faults["/bomb.png"].startswith("bomb.png expands to")
    assert faults["/large.png"].startswith("large.png unpacks to 4.9 MB; at most 4.8 MB.")
    assert "could be written outside its folder" in faults["/../up.png"]
    assert all(fault.endswith("name the films in it.") for fault in faults.values() if fault)
    assert faults["/inner.zip"] == ""  # its row says what it is


def test_a_damaged_member_costs_itself_and_a_damaged_zip_is_one_source(png, tmp_path):
    data = bytearray(zipped({"a.png": png(30), "b.png": png(60)}))
    data[60] ^= 0xFF  # in the first film
    path = tmp_path / "damaged.zip"
    path.write_bytes(data)
    first, second = sources_below([path])
    with pytest.raises(UnreadableImage, match="This file of the ZIP is damaged"):
        first.read(Limits())
    assert second.read(Limits()) == png(60)
    path.write_bytes(data[:-30])
    (whole,) = sources_below([path])
    assert whole.name == str(path)
    assert "damaged or protected" in whole.fault


def test_overlapping_members_are_refused(png, tmp_path):
    data = bytearray(zipped({"a.png": png(30), "b.png": png(30)}))
    path = tmp_path / "overlap.zip"
    at = data.index(b"PK\x01\x02")  # both members claim the bytes of the whole file
    for entry in (at, data.index(b"PK\x01\x02", at + 4)):
        data[entry + 20 : entry + 24] = len(data).to_bytes(4, "little")
    path.write_bytes(data)
    assert "damaged or protected" in listed(path)[0][1]
