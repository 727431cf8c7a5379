"""Zips of strangers: refused with the reason, whatever their table of contents claims."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from pneumo_core.errors import BundleError
from pneumo_core.untrusted_zip import blocks, checked_members, open_zip, unpack
from tests.bundle.bundle_zips import zipped

if TYPE_CHECKING:
    from pathlib import Path

WHAT = "a thing"
LIMITS = {"a.txt": 4_000_000, "b/c.txt": 10}
GOOD = {"a.txt": b"alpha", "b/c.txt": b"gamma"}


def judge(content: bytes) -> dict[str, zipfile.ZipInfo]:
    with open_zip(io.BytesIO(content), WHAT) as archive:
        return checked_members(archive, LIMITS, WHAT)


def member(name: str, mode: int = 0, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = mode << 16, method
    return info


def test_what_is_expected_is_let_in_and_folders_are_passed_over(tmp_path: Path) -> None:
    content = zipped({"b/": b"", **GOOD})
    assert sorted(judge(content)) == ["a.txt", "b/c.txt"]
    with open_zip(io.BytesIO(content), WHAT) as archive:
        info = archive.getinfo("a.txt")
        unpack(archive, info, tmp_path / "a.txt", WHAT)
        assert (
            b"".join(blocks(archive, info, WHAT)) == (tmp_path / "a.txt").read_bytes() == b"alpha"
        )


@pytest.mark.parametrize(
    "name",
    [
        *("../a.txt", "b/../../a.txt", "..", "/etc/a.txt", "//host/a.txt", "C:/a.txt", "c:a.txt"),
        *("b\\c.txt", "..\\a.txt", "\\\\host\\a.txt", "a.txt\nb"),
    ],
)
def test_a_path_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(
        BundleError, match=r"Expected a thing, but '.*' could be written outside its"
    ):
        judge(zipped({**GOOD, name: b"evil"}))


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (member("a.txt", stat.S_IFLNK | 0o777), "'a.txt' is a link"),
        (member("a.txt", stat.S_IFIFO | 0o644), "'a.txt' is not a regular file"),
        (
            member("a.txt", method=zipfile.ZIP_BZIP2),
            "'a.txt' uses a compression method that is not supported",
        ),
        (member("b/", stat.S_IFDIR | 0o755), r"the folder 'b/' has content"),
    ],
)
def test_what_is_no_plain_file_is_refused(info: zipfile.ZipInfo, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        judge(zipped({"b/c.txt": b"gamma", info: b"alpha"}))


def test_an_encrypted_file_is_refused() -> None:
    content = bytearray(zipped(GOOD))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    with pytest.raises(BundleError, match=r"'a\.txt' is encrypted"):
        judge(bytes(content))


def test_a_file_that_is_not_expected_is_named() -> None:
    with pytest.raises(BundleError, match=r"'inner\.zip' is not one of its files"):
        judge(zipped({**GOOD, "inner.zip": zipped(GOOD)}))


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(BundleError, match=r"the file b/c\.txt is missing"):
        judge(zipped({"a.txt": b"alpha"}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_is_refused() -> None:
    with pytest.raises(BundleError, match=r"a\.txt is in it twice"):
        judge(zipped({**GOOD, member("a.txt"): b"other"}))


def test_a_file_larger_than_its_limit_is_refused() -> None:
    with pytest.raises(BundleError, match=r"b/c\.txt unpacks to 11 bytes; at most 10 bytes"):
        judge(zipped({**GOOD, "b/c.txt": b"x" * 11}))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = {"b/c.txt": b"gamma", member("a.txt", method=zipfile.ZIP_DEFLATED): bytes(3_000_000)}
    with pytest.raises(BundleError, match=r"a\.txt expands to .* times its size \(a zip bomb\)"):
        judge(zipped(bomb))


def test_members_that_overlap_are_refused() -> None:
    content = bytearray(zipped({"a.txt": b"alpha" * 100, "b/c.txt": b"gamma"}))
    at = content.rindex(b"PK\x01\x02")  # the second entry of the table
    content[at + 20 : at + 24] = struct.pack("<I", 10**6)  # claims to be stored in more
    with pytest.raises(BundleError, match="its members overlap"):
        judge(bytes(content))


def test_a_size_that_is_a_lie_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"a.txt": b"alpha", "b/c.txt": b"gamma"}))
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 3)
    with open_zip(io.BytesIO(bytes(content)), WHAT) as archive:
        info = checked_members(archive, LIMITS, WHAT)["a.txt"]
        with pytest.raises(BundleError, match=r"a\.txt (is damaged|has another size)"):
            unpack(archive, info, tmp_path / "a.txt", WHAT)


def test_a_member_that_lies_before_the_zip_is_refused() -> None:
    content = zipped(GOOD)[5:]  # every offset now leads too far
    with open_zip(io.BytesIO(content), WHAT) as archive:
        info = checked_members(archive, LIMITS, WHAT)["a.txt"]
        with pytest.raises(BundleError, match=r"a\.txt is damaged and cannot be unpacked"):
            list(blocks(archive, info, WHAT))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    content = zipped(GOOD).replace(b"alpha", b"alphb")
    with open_zip(io.BytesIO(content), WHAT) as archive:
        info = checked_members(archive, LIMITS, WHAT)["a.txt"]
        with pytest.raises(BundleError, match=r"a\.txt is damaged and cannot be unpacked"):
            unpack(archive, info, tmp_path / "a.txt", WHAT)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"text" * 100, zipped(GOOD)[:-10]])
def test_what_is_no_zip_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError, match="it is not a zip file, or it is truncated"):
        judge(content)


def test_a_damaged_table_of_contents_is_refused() -> None:
    content = bytearray(zipped(GOOD))
    content[content.index(b"PK\x01\x02")] = 0
    with pytest.raises(BundleError, match="its table of contents is damaged"):
        judge(bytes(content))


def test_a_long_table_of_contents_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    many = zipped({f"{i}.txt": b"" for i in range(33)})
    end = zipped(GOOD).rindex(b"PK\x05\x06")
    zip64 = zipped(GOOD)[:end] + b"PK\x06\x07" + bytes(16) + zipped(GOOD)[end:]
    monkeypatch.setattr(zipfile, "ZipFile", None)  # it is not come to that
    for content in (many, zip64):
        with pytest.raises(BundleError, match="table of contents is longer than that of 32 files"):
            judge(content)


def test_a_zip_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pneumo_core.untrusted_zip.MAX_BYTES", 100)
    with pytest.raises(
        BundleError, match="Expected a thing, but it has 208 bytes; at most 100 bytes"
    ):
        judge(zipped(GOOD))
