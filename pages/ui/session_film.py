"""One film of the session, as it is kept in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pages.ui import cache
from pages.ui.html import decode_grey, jpeg, thumbnail
from pneumo_core.inference.prepare import DISPLAY_SIDE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle
    from pneumo_core.inference.predict import Reading
    from pneumo_core.readings.dicom_source import Source
    from pneumo_core.readings.log import Verdict
    from pneumo_core.readings.study_key import StudyFacts


@dataclass(frozen=True)
class Record:
    """What the session knows of a film beside its reading; in memory alone.

    log_id: of its row in the log; None where it is not logged yet, "" where it is not to be.
    study: what a DICOM file says of its study. age: words of the age check. sources: the DICOM
    image to refer to, without and with the patient's data, None of another file. hidden: the
    reading that a blinded reader has not seen yet, and file_name the film's, which may tell the
    label; blinded: the reader answered before seeing it.
    """

    log_id: str | None = None
    sha256: str = ""
    study: StudyFacts | None = None
    age: str = ""
    sources: tuple[Source, Source] | None = None
    verdicts: tuple[Verdict, ...] = ()
    hidden: Reading | None = None
    file_name: str = ""
    blinded: bool = False

    def __repr__(self) -> str:  # patient data may not reach a log
        return "Record(…)"


FULL_SIDE = 4096  # pixels, of the picture for a close look


@dataclass(frozen=True)
class Entry:
    """A film's reading and its picture at display size; neither the file nor its pixels.

    `picture` is a JPEG (longest side at most 1024) and `thumb` a data URI; both are empty where
    the file held no picture. `reading.pixels` is None. `content` names the film's bytes and the
    model that read them: the same film comes back under any name without being read again.
    `origin` says what a film is that is no patient's ("synthetic, …"), else nothing. `model` is the
    digest of the bundle that read it, `role` what that bundle did with this film, in whatever file,
    of `bundle.provenance.ROLES`: "" where it is new to it. `read_at` is when it was read, UTC, ISO
    8601 to the second.
    """

    key: str
    content: str
    name: str
    reading: Reading
    picture: bytes = b""
    thumb: str = ""
    record: Record = Record()
    origin: str = ""
    model: str = ""
    role: str = ""
    read_at: str = ""

    def pixels(self) -> NDArray[np.uint8]:
        """The film at display size, uint8 (H,W), 0 black..255 white."""
        return decode_grey(self.picture)

    def renamed(self, name: str) -> Entry:
        """The same reading for a file of another name and the same content."""
        return replace(self, name=name, key=key_of(self.content, name))


def make_entry(  # noqa: PLR0913 - what is known of a film
    name: str,
    content: str,
    reading: Reading,
    bundle: Bundle | None = None,
    *,
    origin: str = "",
    record: Record | None = None,
) -> Entry:
    """An entry of a reading by `bundle`, its pixels packed into compact pictures.

    A patient whose age (`record.study`) is outside the model's population is referred for it.
    """
    from pneumo_core.readings.study_key import check_age, with_age_check

    pixels, facts, record = reading.pixels, reading.facts, record or Record()
    if bundle is not None and not origin:
        check = check_age(record.study.age if record.study else None, bundle.card)
        reading, record = with_age_check(reading, check), replace(record, age=check.words)
    return Entry(
        key=key_of(content, name),
        content=content,
        name=name,
        reading=replace(reading, pixels=None),
        picture=b"" if pixels is None else jpeg(pixels),
        thumb="" if pixels is None else thumbnail(pixels),
        record=record,
        origin=origin,
        model=bundle.digest if bundle else "",
        role=cache.role_of(bundle, facts.sha256, pixels) if bundle and facts else "",
        read_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def full_picture(pixels: NDArray[np.uint8]) -> bytes:
    """JPEG of a film (H,W) at full size, longest side at most `FULL_SIDE`; b"" where the entry's
    own picture is as large.
    """
    from pneumo_core.imaging.decode import fit_to_side

    return jpeg(fit_to_side(pixels, FULL_SIDE)) if max(pixels.shape) > DISPLAY_SIDE else b""


def content_of(data: bytes, model: str) -> str:
    """A name for these bytes read by that model (the digest of its bundle)."""
    return hashlib.sha256(model.encode() + hashlib.sha256(data).digest()).hexdigest()


def key_of(content: str, name: str) -> str:
    """The place of a film in the session: the same content under two names has two rows."""
    return hashlib.sha256(f"{content}/{name}".encode()).hexdigest()
