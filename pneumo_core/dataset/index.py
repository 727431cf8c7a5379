"""The film index of a folder: one row per film, with label, subtype, patient and file facts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pneumo_core.config import load_settings
from pneumo_core.dataset.film_facts import OPTIONAL, UNKNOWN_AGE
from pneumo_core.dataset.labels.values import patient_key, sex_of, view_of, years_of
from pneumo_core.dataset.layout import Listing, list_films
from pneumo_core.dataset.near_copies import MOST_FILMS, turned_pairs
from pneumo_core.dataset.pixel_cache import in_order
from pneumo_core.dataset.similarity import HASHED_SIDE, copies, perceptual_hash
from pneumo_core.dataset.walk import looks_like_mask
from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging import decode
from pneumo_core.imaging.decode import resize
from pneumo_core.imaging.film import Film
from pneumo_core.imaging.formats import format_of
from pneumo_core.progress import Progress, silent
from pneumo_core.pseudonym import installation_salt

if TYPE_CHECKING:
    import pandas as pd
    from pydicom.dataset import Dataset

    from pneumo_core.dataset.labels import Labels

Measure = Callable[[Path, Film | None], dict[str, Any]]
Picture = npt.NDArray[np.uint8]

COLUMNS = (
    "film",
    "split",
    "label",
    "subtype",
    "group",
    "series",
    "width",
    "height",
    "bytes",
    "sha256",
    "pixels",
    "phash",
    "readable",
    "problem",
    "patient_known",
    *OPTIONAL,
    "copies",
)
_MASK = "Expected a film, got a picture of two grey levels, such as a lung mask. Leave it out."
_MOST_OF_ONE = 0.5  # share of DICOM films: more under one Patient ID is a placeholder
_MANY = 10  # films, below which that is not asked
_ELEMENTS = (
    *("PatientID", "IssuerOfPatientID", "PatientAge", "PatientSex"),
    *("ViewPosition", "Manufacturer", "InstitutionName"),
)
# What de-identification and test systems write for every patient.
_NOBODY = re.compile(r"[\W0_]*|.*anon.*|unknown|none|n/?a|test.*|patient|pat|xxx*", re.IGNORECASE)


@dataclass(frozen=True)
class _FileFacts:
    """What only opening the file shows; width and height (pixels) are 0 if unreadable."""

    width: int
    height: int
    bytes: int
    sha256: str
    pixels: str
    phash: str
    readable: bool
    problem: str


def index_folder(
    root: Path, *, labels: Labels | None = None, progress: Progress = silent
) -> pd.DataFrame:
    """Index every labelled film below `root`, whatever gives it its label.

    labels: a table and its mapping; None for those kept for the folder, else the names of its
    folders, else a table of a known form in it: see `dataset.layout.list_films`.

    Returns a DataFrame sorted by `film`, with the columns
      film      posix path relative to root
      split     "train", "val", "test"; "all" where nothing says
      label     "normal" or "pneumonia" (the positive class)
      subtype   "normal", "bacterial", "viral" or "unknown"; of folders also from the file name
      group     the patient's key; one of the film's own where the patient is not known
      series    the file name's prefix before the patient's number, "" where unknown
      width, height   pixels, 0 if unreadable
      bytes, sha256   of the file
      pixels    hash of the decoded pixels, whatever file they came in; "" if unreadable
      phash     perceptual hash, 256 bits as 64 hexadecimal digits, see `dataset.similarity`; or ""
      readable, problem   whether the film could be decoded, and if not why ("" if fine)
      patient_known   whether `group` is a patient's; see `film_facts.patients_known`
      age, sex, view, site, manufacturer   years (NaN), "F" or "M", "PA", "AP", … ("" if unknown),
                from the table or the DICOM header
      copies    the same for a film and its near copies, mirrored, turned or cropped ones too: the
                hash of the pixels of the first of them; "" if unreadable
    What is not indexed is in its `attrs`: see `film_facts.left_out`.

    Every film is decoded once, so that a readable film cannot fail later. Symbolic links below
    `root` are not followed. `progress` receives the phases "index" and "copies".

    Raises DataSetError if `root` is no folder, holds no labelled film, a folder in it cannot
    be read, or the table cannot be understood.
    """
    listing = list_films(root, labels)
    return as_index(index_rows(listing, progress=progress), listing, progress=progress)


def as_index(
    rows: Iterable[dict[str, Any]], listing: Listing, *, progress: Progress = silent
) -> pd.DataFrame:
    """The rows of `index_rows` as the DataFrame of `index_folder`; phase "copies"."""
    import pandas as pd

    kept: list[dict[str, Any]] = []
    pictures: list[Picture] = []
    for row in rows:
        picture = row["picture"]
        kept.append({name: value for name, value in row.items() if name != "picture"})
        if picture is not None and len(pictures) <= MOST_FILMS:
            pictures.append(picture)
    table = pd.DataFrame(kept)
    _take_patients(table)
    table = table.drop(columns="dicom_patient")
    readable = np.flatnonzero(table["readable"])
    alike = readable[turned_pairs(pictures, progress=progress)]
    table["copies"] = table["pixels"].to_numpy()[copies(table["phash"].tolist(), alike)]
    return with_attrs(table, listing)


def with_attrs(table: pd.DataFrame, listing: Listing) -> pd.DataFrame:
    """The index with what is known of the folder as a whole, in `attrs`."""
    notes = list(listing.notes)
    if int(table["readable"].sum()) > MOST_FILMS:
        notes.append(
            f"More than {MOST_FILMS:,} films: copies turned by a few degrees or cropped are not "
            "looked for."
        )
    table.attrs = {
        "left_out": [one.to_dict() for one in listing.left_out],
        "source": listing.source,
        "notes": notes,
    }
    return table


def _take_patients(table: pd.DataFrame) -> None:
    """Group films by the Patient ID of their DICOM headers, where these tell patients apart.

    A table's patients come first. An identifier that most films share is a placeholder.
    """
    patient = table["dicom_patient"]
    films = int((patient != "").sum())
    if not films:
        return
    most = int(patient[patient != ""].value_counts().iloc[0])
    if films >= _MANY and most > _MOST_OF_ONE * films:
        return
    use = (patient != "") & ~(table["patient_known"] & (table["series"] == "table"))
    table.loc[use, "group"] = patient[use]
    table.loc[use, "patient_known"] = True


def index_rows(
    listing: Listing,
    *,
    progress: Progress = silent,
    phase: str = "index",
    measure: Measure | None = None,
) -> Iterator[dict[str, Any]]:
    """The rows of `index_folder`, in order, as the films of a listing are read; for `as_index`.

    `picture` is the film squashed to uint8 (96, 96), None if it cannot be read. For further columns
    `measure` is called with its path and the film, decoded,
    or None if it cannot be, in several threads at once; what it returns is added to the row.
    """

    def facts_of(film: str) -> dict[str, Any]:
        found, facts, picture = _open_film(listing.base / film)
        is_dicom = _is_dicom(listing.base / film, found)
        header = header_facts(listing.base / film) if is_dicom else HeaderFacts()
        more = measure(listing.base / film, found) if measure is not None else {}
        known = _known_before(film, listing, header) | asdict(facts) | more
        return known | {"picture": picture}

    total = len(listing.films)
    found = zip(listing.films, in_order(facts_of, listing.films), strict=True)
    for done, (film, facts) in enumerate(found, start=1):
        yield {"film": film} | {name: facts[name] for name in COLUMNS[1:-1]} | facts
        progress(phase, done, total)


def _is_dicom(path: Path, film: Film | None) -> bool:
    """Whether a file is DICOM, read or refused: a lateral view says whose it is, too."""
    if film is not None:
        return film.facts.format == "DICOM"
    try:
        with path.open("rb") as file:
            return format_of(file.read(1024)) == "DICOM"
    except OSError:
        return False


def _known_before(film: str, listing: Listing, header: HeaderFacts) -> dict[str, Any]:
    """Facts of the listing, what it lacks from the DICOM header."""
    facts: dict[str, Any] = listing.facts[film]._asdict()
    for name in OPTIONAL:
        value, other = facts[name], getattr(header, name)
        unknown = value == "" or value != value  # noqa: PLR0124 - NaN
        facts[name] = other if unknown else value
    return facts | {"dicom_patient": header.patient}


def _open_film(path: Path) -> tuple[Film | None, _FileFacts, Picture | None]:
    """The film, if it can be read, what only opening the file shows, and the squashed film."""
    try:
        film = decode.read_film(path)
    except UnreadableImage as error:
        n_bytes, sha256 = _size_and_hash(path)
        why = str(error)
        return None, _FileFacts(0, 0, n_bytes, sha256, "", "", readable=False, problem=why), None
    facts = film.facts
    size = (facts.width, facts.height, facts.n_bytes, facts.sha256)
    if looks_like_mask(film.pixels):
        return None, _FileFacts(*size, "", "", readable=False, problem=_MASK), None
    pixels = hashlib.sha256(f"{facts.width} {facts.height} ".encode())
    pixels.update(film.pixels.data)
    picture = resize(film.pixels, HASHED_SIDE)
    hashes = (pixels.hexdigest(), perceptual_hash(picture))
    return film, _FileFacts(*size, *hashes, readable=True, problem=""), picture


def _size_and_hash(path: Path) -> tuple[int, str]:
    """Of a file that is no film; (0, "") if it cannot even be opened."""
    try:
        with path.open("rb") as file:
            return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return 0, ""


@dataclass(frozen=True)
class HeaderFacts:
    """patient: a pseudonym, "" where the header names nobody; the others as in `FilmFacts`."""

    patient: str = ""
    age: float = UNKNOWN_AGE
    sex: str = ""
    view: str = ""
    site: str = ""
    manufacturer: str = ""


def header_facts(path: Path) -> HeaderFacts:
    """The facts of a DICOM file; those of one that cannot be read are empty."""
    settings = load_settings()
    from pneumo_core.imaging.dicom import parse  # pydicom takes half a second to load

    try:
        dataset = parse(path.read_bytes(), settings.limits, _ELEMENTS)
        return HeaderFacts(
            patient=_patient(dataset, path),
            age=years_of(_text(dataset, "PatientAge")),
            sex=sex_of(_text(dataset, "PatientSex")),
            view=view_of(_text(dataset, "ViewPosition")),
            site=_text(dataset, "InstitutionName"),
            manufacturer=_text(dataset, "Manufacturer"),
        )
    except Exception:  # noqa: BLE001 - foreign bytes; the words of the error may quote a tag
        return HeaderFacts()


def _patient(dataset: Dataset, path: Path) -> str:
    identifier = _text(dataset, "PatientID")
    # RSNA's files are named after their Patient ID, which is the image's.
    if _NOBODY.fullmatch(identifier) or identifier == path.stem:
        return ""
    salt = installation_salt(load_settings().readings_dir)
    return patient_key(f"{identifier}\0{_text(dataset, 'IssuerOfPatientID')}", salt)


def _text(dataset: Dataset, name: str) -> str:
    value = dataset.get(name)
    return "" if value is None else " ".join(str(value).split())
