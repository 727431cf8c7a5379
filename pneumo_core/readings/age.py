"""The age of the patient against the population that the model was made for.

The age is known in memory only: it is neither shown as a number nor logged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pneumo_core.bundle.provenance import made_from_published, synthetic_share
from pneumo_core.inference.predict import Decision

if TYPE_CHECKING:
    from pneumo_core.bundle.card import Card
    from pneumo_core.inference.predict import Reading

NOT_GIVEN = "Age not given."
ADULT = 16.0  # years, from which a film shows an adult's chest
PUBLISHED_AGES = (1.0, 6.0)  # "children of 1–5 years": until the sixth birthday
OLDEST = 130.0
_AGE = re.compile(r"(\d{1,3})([DWMY])")  # Age String (PS3.5 table 6.2-1)
_A_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_YEARS = re.compile(r"(\d+)\s*(?:[–-]|to)\s*(\d+)\s*years")
_ADULTS = re.compile(r"\badults?\b", re.IGNORECASE)


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
