"""What is said of one film on paper, in DICOM and in words to paste: one place for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.formatting import per_cent, per_cent_range
from pneumo_core.inference.predict import Decision, Reading, decide

if TYPE_CHECKING:
    from datetime import datetime

    from pneumo_core.readings.log import LoggedReading, Verdict

SHORT_HASH = 16  # digits of a SHA-256 that name a film or a model
_AGREEMENTS = {"agree": "agrees", "disagree": "disagrees", "unsure": "is unsure"}


@dataclass(frozen=True)
class FilmReport:
    """A reading with what is known beside it.

    digest: of the model's bundle; at: UTC; verdicts: oldest first; label: as typed by a person;
    age: words of the age check; patient: names and values that the person asked to take over,
    empty otherwise. `reading.pixels` may be None: the log keeps no film.
    """

    reading: Reading
    digest: str
    at: datetime
    verdicts: tuple[Verdict, ...] = ()
    label: str = ""
    sha256: str = ""
    age: str = ""
    patient: tuple[tuple[str, str], ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """The latest verdict, or None."""
        return self.verdicts[-1] if self.verdicts else None

    @property
    def film_hash(self) -> str:
        """The first digits of the content's SHA-256, "" where it is not known."""
        facts = self.reading.facts
        return (facts.sha256 if facts else self.sha256)[:SHORT_HASH]

    @property
    def name(self) -> str:
        """The label, else the hash: never the name of a file, which may be a patient's."""
        return self.label or (f"film {self.film_hash}" if self.film_hash else "film")

    @property
    def model(self) -> str:
        """Name and version of the model, and the first digits of its digest."""
        return f"{self.reading.bundle} (digest {self.digest[:SHORT_HASH]})"


def from_log(logged: LoggedReading, disclaimer: str) -> FilmReport:
    """The report of a logged reading, without its film."""
    decision = Decision(logged.decision) if logged.decision else None
    remarks = logged.image_check
    if logged.passed:
        remarks = remarks.partition(":")[2].strip()
    message = "" if logged.passed else remarks
    if logged.passed and logged.p_pneumonia is not None:
        message = _reason(logged)
    return FilmReport(
        Reading(
            status=logged.status,  # type: ignore[arg-type] # one of the three that were logged
            message=message,
            bundle=logged.model,
            threshold_low=logged.threshold_low,
            threshold_high=logged.threshold_high,
            decision=decision,
            p_pneumonia=logged.p_pneumonia,
            p_low=logged.p_low,
            p_high=logged.p_high,
            gate_ok=logged.passed,
            gate_reasons=(remarks,) if remarks else (),
            inside_lungs=logged.inside_lungs,
            disclaimer=disclaimer,
        ),
        digest=logged.digest,
        at=logged.at,
        verdicts=logged.verdicts,
        label=logged.label,
        sha256=logged.sha256,
    )


def outcome_words(reading: Reading) -> str:
    """The outcome in a few words. REFER is two things: uncertain, or outside the model's range."""
    if reading.status == "error":
        return "Could not be read"
    if reading.decision is None:
        return "Not a chest X-ray"
    if not reading.gate_ok:
        return "Outside what this model can read"
    return {
        Decision.NORMAL: "No sign of pneumonia",
        Decision.PNEUMONIA: "Signs of pneumonia",
        Decision.REFER: "Uncertain: for a radiologist to report",
    }[reading.decision]


def probability_words(reading: Reading) -> str:
    """Probability and range: "93 % (88–95 % when mirrored, cropped or shifted)"; "" without one."""
    if reading.p_pneumonia is None or reading.p_low is None or reading.p_high is None:
        return ""
    span = per_cent_range(reading.p_low, reading.p_high)
    return f"{per_cent(reading.p_pneumonia)} ({span} when mirrored, cropped or shifted)"


def verdict_words(verdict: Verdict) -> str:
    """What a reader said, without the note: "agrees; finding: pneumonia; confidence 4 of 5"."""
    parts = []
    if verdict.agreement:
        parts.append(f"{_AGREEMENTS[verdict.agreement]} with the model")
    if verdict.finding:
        parts.append(f"finding: {verdict.finding}")
    if verdict.confidence:
        parts.append(f"confidence {verdict.confidence} of 5")
    return "; ".join(parts)


def sentences(reading: Reading, verdict: Verdict | None = None) -> str:
    """Two sentences for a report: what the model said, and what the reader said of it."""
    model = f"Research software that is not a medical device (model {reading.bundle})"
    shown = probability_words(reading)
    if reading.decision is None:
        first = f"{model} did not assess this image: {_lower(outcome_words(reading))}."
    elif not reading.gate_ok:
        first = f"{model} did not assess this image: it is {_lower(outcome_words(reading))}."
    elif reading.decision is Decision.REFER:
        first = f"{model} was uncertain about pneumonia on this chest radiograph: {shown}."
    else:
        found = _lower(outcome_words(reading))
        first = f"{model} found {found} on this chest radiograph: probability {shown}."
    if verdict is None:
        return f"{first} No reader has recorded a verdict on it."
    reader = f"The reader ({verdict.reader})" if verdict.reader else "The reader"
    said = verdict_words(verdict)
    words = {True: f"recorded: {said}", False: "recorded no finding"}[bool(said)]
    if verdict.agreement:
        words = said
    note = " ".join(verdict.note.split()).rstrip(".")
    return f"{first} {reader} {words}{f'; note: {note}' if note else ''}."


def _reason(logged: LoggedReading) -> str:
    """The sentence that `decide` gave; ruling-in and screening point are in the log."""
    from pneumo_core.bundle import OperatingPoints

    points = OperatingPoints(logged.threshold_low, logged.threshold_low, logged.threshold_high)
    p = logged.p_pneumonia or 0.0
    low = p if logged.p_low is None else logged.p_low
    high = p if logged.p_high is None else logged.p_high
    return decide(p, low, high, points)[1]


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
