"""What is read of a DICOM file beside its pixels: the pseudonym of its study; and the age of the
patient, checked against the population that the model was made for.

Both are read in memory; the age is neither shown as a number nor logged. The key is an HMAC
(RFC 2104) of the Study Instance UID with a secret salt of this installation: films of one study get
one key, and without the salt nobody can tell which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pneumo_core.bundle.provenance import made_from_published, synthetic_share
from pneumo_core.config import load_settings
from pneumo_core.errors import PneumoError, ReadingLogError, UnreadableImage
from pneumo_core.imaging.formats import format_of
from pneumo_core.inference.predict import Decision
from pneumo_core.pseudonym import installation_salt, pseudonym

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pneumo_core.bundle.card import Card
    from pneumo_core.config import Settings
    from pneumo_core.inference.predict import Reading

_ELEMENTS = (
    *("StudyInstanceUID", "PatientAge", "PatientBirthDate"),
    *("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate"),
)
NOT_GIVEN = "Age not given."
ADULT = 16.0  # years, from which a film shows an adult's chest
PUBLISHED_AGES = (1.0, 6.0)  # "children of 1–5 years": until the sixth birthday
OLDEST = 130.0
_AGE = re.compile(r"(\d{1,3})([DWMY])")  # Age String (PS3.5 table 6.2-1)
_A_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_YEARS = re.compile(r"(\d+)\s*(?:[–-]|to)\s*(\d+)\s*years")
_ADULTS = re.compile(r"\badults?\b", re.IGNORECASE)


@dataclass(frozen=True)
class StudyFacts:
    """study_uid: of the DICOM study, "" for other files; age: in years, None where not given."""

    study_uid: str = ""
    age: float | None = None

    def __repr__(self) -> str:  # neither may reach a log
        return "StudyFacts(…)"


def study_facts(data: bytes) -> StudyFacts:
    """The facts of a file; those of a file that is not DICOM, or cannot be read, are empty."""
    if format_of(data) != "DICOM":
        return StudyFacts()
    from pneumo_core.imaging.dicom import parse

    try:
        dataset = parse(data, load_settings().limits, _ELEMENTS)
        dates = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
        day = next((text for name in dates if (text := _text(dataset, name))), "")
        age = age_in_years(_text(dataset, "PatientAge"), _text(dataset, "PatientBirthDate"), day)
        return StudyFacts(_text(dataset, "StudyInstanceUID"), age)
    except UnreadableImage:
        return StudyFacts()
    except Exception:  # noqa: BLE001 - foreign bytes; the words of the error may quote a tag
        return StudyFacts()


def study_key(study_uid: str, settings: Settings) -> str:
    """The pseudonym of a study, 32 hexadecimal digits; "" for none. Raises ReadingLogError."""
    if not study_uid:
        return ""
    try:
        salt = installation_salt(settings.readings_dir)
    except PneumoError as error:
        raise ReadingLogError(str(error)) from error
    return pseudonym(study_uid, salt)


def _text(dataset: Dataset, name: str) -> str:
    value = dataset.get(name)
    return "" if value is None else str(value).strip()


@dataclass(frozen=True)
class AgeRange:
    """Ages in years, `high` excluded, and how they are called."""

    low: float
    high: float
    words: str


@dataclass(frozen=True)
class AgeCheck:
    """Whether the model may read a film of this age.

    words: for beside the decision ("Age not given. The model was trained on …"); outside: the
    reason why the film is outside the model's population, "" where it is inside or unknown.
    """

    words: str
    outside: str


def age_in_years(patient_age: str = "", birth_date: str = "", study_date: str = "") -> float | None:
    """Years by Patient's Age ("054Y", "018M"), else from birth to study date (YYYYMMDD).

    None where neither says it, or what it says cannot be.
    """
    found = _AGE.fullmatch(patient_age.strip().upper())
    if found:
        years = int(found[1]) / _A_YEAR[found[2]]
        return years if years <= OLDEST else None
    born, seen = _day(birth_date), _day(study_date)
    if born is None or seen is None:
        return None
    years = (seen - born).days / 365.25
    return years if 0 <= years <= OLDEST else None


def ages_of(card: Card) -> tuple[AgeRange, ...]:
    """The ages that the model's card names; empty where it names none (own or synthetic films)."""
    if synthetic_share(card) == 1.0:
        return ()
    found = []
    text = card.data.second_source
    if made_from_published(card):
        found.append(AgeRange(*PUBLISHED_AGES, "children of 1–5 years"))
    else:
        text = f"{card.data.source or ''} {text}"
    fitted = card.fitted_to
    if fitted is not None and len(fitted.ages) == 2:
        low, high = fitted.ages
        last = f"{low}–{high - 1} years" if high <= OLDEST else f"{low} years and over"
        found.append(AgeRange(float(low), float(high), f"patients of {last} ({fitted.site})"))
    for low, high in _YEARS.findall(text):
        found.append(AgeRange(float(low), float(high) + 1, f"patients of {low}–{high} years"))
    if _ADULTS.search(text):
        found.append(AgeRange(ADULT, OLDEST + 1, "adults"))
    return tuple(found)


def outside_population(age: float | None, card: Card) -> str:
    """Why a patient of this age (years) is outside the population of the card; "" where not.

    "" also where the age or the population is not known: see `check_age` for what is said then.
    """
    ranges = ages_of(card)
    if age is None or not ranges or any(one.low <= age < one.high for one in ranges):
        return ""
    if age >= max(one.high for one in ranges):
        side = "older than"
    elif age < min(one.low for one in ranges):
        side = "younger than"
    else:
        side = "of an age between"
    return f"The patient is {side} the films that the model was trained on ({_names(ranges)})."


def check_age(age: float | None, card: Card) -> AgeCheck:
    """The check of an age in years (None: not given) against the card, in words."""
    outside = outside_population(age, card)
    ranges = ages_of(card)
    trained = f"The model was trained on films of {_names(ranges)}." if ranges else ""
    if outside:
        return AgeCheck(outside, outside)
    if age is None:
        return AgeCheck(f"{NOT_GIVEN} {trained}".strip(), "")
    return AgeCheck(f"Age inside the model's population: {_names(ranges)}." if ranges else "", "")


def with_age_check(reading: Reading, check: AgeCheck) -> Reading:
    """The reading, referred for its age where the patient is outside the model's population."""
    if reading.status != "ok" or not check.outside:
        return reading
    return replace(
        reading,
        decision=Decision.REFER,
        message=f"Outside what this model can read: {check.outside}",
        gate_ok=False,
        gate_reasons=(check.outside, *reading.gate_reasons),
        in_distribution=False,
    )


def _names(ranges: tuple[AgeRange, ...]) -> str:
    return " and ".join(one.words for one in ranges)


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text.strip(), "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
