"""The printed page, the worklist and the sentences, read back as text."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pypdf import PdfReader

from pneumo_core.inference.predict import Decision
from pneumo_core.readings.film_report import FilmReport, from_log, outcome_words, sentences
from pneumo_core.readings.log import Verdict
from pneumo_core.readings.report import NO_FILM, film_pdf
from pneumo_core.readings.worklist import file_stem, worklist_csv, worklist_pdf, worklist_zip
from tests.readings.examples import DIGEST, SHA256, reading, rejected

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AGREED = Verdict("Dr. A", "agree", "pneumonia", 4, "right upper zone", at=NOON)


def report(made=None, **more):
    return FilmReport(made or reading(), digest=DIGEST, at=NOON, **more)


def pages_of(pdf: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def test_a_film_is_one_page_with_all_that_a_reader_needs():
    (page,) = pages_of(film_pdf(report(verdicts=(AGREED,), label="bed 4", age="Age not given.")))
    for words in (
        "bed 4 · film ffffffffffffffff · read 2026-03-01 12:00 UTC",
        "Signs of pneumonia",
        "Probability of pneumonia: 93 % (88–95 % when mirrored, cropped or shifted)",
        "screening 20 %",
        "ruling in 80 %",
        "Image check passed",
        "Age Age not given.",
        "Evidence inside the lungs 71 %",
        "tiny 1 (digest 0123456789abcdef)",
        "Where the model found its evidence; not where a lesion is. Mostly the right upper zone.",
        "Dr. A: agrees with the model; finding: pneumonia; confidence 4 of 5",
        "Note: right upper zone",
        "Signature",
        "Not a medical device",
    ):
        assert words in page, words


def test_the_page_holds_film_and_overlay_and_is_the_same_again():
    pdf = film_pdf(report())
    assert pdf == film_pdf(report())
    images = [found.image for found in PdfReader(io.BytesIO(pdf)).pages[0].images]
    assert {image.mode: image.size for image in images} == {"L": (96, 80), "RGB": (96, 80)}


def test_a_number_not_to_be_relied_on_is_apart_and_has_no_scale():
    doubtful = reading(
        decision=Decision.REFER, gate_ok=False, gate_reasons=("Unlike the training films.",)
    )
    (page,) = pages_of(film_pdf(report(doubtful)))
    assert "Outside what this model can read" in page
    assert "not to be relied on for this film: 93 %" in page
    assert "failed: Unlike the training films." in page
    assert "screening" not in page


def test_a_rejected_picture_and_a_logged_reading_without_a_film_have_a_page():
    (page,) = pages_of(film_pdf(report(rejected())))
    assert "Not a chest X-ray" in page
    assert "%" not in page
    (page,) = pages_of(film_pdf(report(reading(pixels=None, cam=None))))
    assert NO_FILM in page


@pytest.mark.parametrize("shape", [(400, 40), (40, 400), (1024, 1024)])
def test_any_shape_and_a_long_note_fit_on_one_page(shape):
    made = reading(pixels=np.zeros(shape, np.uint8))
    long = replace(AGREED, note="word " * 790)
    (page,) = pages_of(film_pdf(report(made, verdicts=(long, long))))
    assert page.count("word") == 2 * 790
    assert "Signature" in page


def test_markup_in_a_label_or_a_note_is_text():
    odd = replace(AGREED, note="<b>x & y", reader="<i>")
    (page,) = pages_of(film_pdf(report(verdicts=(odd,), label="a<br/>&b")))
    assert "a<br/>&b" in page
    assert "Note: <b>x & y" in page


def test_a_label_with_control_characters_does_not_break_the_page():
    (page,) = pages_of(film_pdf(report(label="bed\x00\x07 4 \ud800")))
    assert "Signs of pneumonia" in page


def test_patient_data_is_on_the_page_only_where_it_was_given():
    (page,) = pages_of(film_pdf(report(patient=(("Patient", "Secret^Name"),))))
    assert "Patient: Secret^Name" in page


def test_a_worklist_is_a_table_then_a_page_a_film():
    reports = [
        report(verdicts=(AGREED,), label="bed 4"),
        report(rejected(), label="bed 5"),
        report(reading(decision=Decision.NORMAL, p_pneumonia=0.01, p_low=0.005, p_high=0.02)),
    ]
    first, *rest = pages_of(worklist_pdf(reports))
    assert len(rest) == 3
    assert "3 films" in first
    assert "bed 4 Signs of pneumonia 93 % (88–95 %) agrees with the model" in first
    assert "bed 5 Not a chest X-ray" in first
    assert "film ffffffffffffffff No sign of pneumonia 1 % (<1 to 2 %)" in first
    with pytest.raises(ValueError, match="at least one film"):
        worklist_pdf([])


def test_the_zip_holds_the_worklist_as_pdf_and_csv_and_each_film():
    reports = [report(label="bed 4/../x", verdicts=(AGREED,)), report()]
    with zipfile.ZipFile(io.BytesIO(worklist_zip(reports))) as archive:
        assert archive.namelist() == [
            "worklist.pdf",
            "worklist.csv",
            "films/001-bed-4-..-x.pdf",
            "films/002-film-ffffffffffffffff.pdf",
        ]
        assert "bed 4/../x" in pages_of(archive.read("films/001-bed-4-..-x.pdf"))[0]
    assert worklist_zip(reports) == worklist_zip(reports)
    assert file_stem(report(label="../..")) == "film"


def test_progress_counts_the_pages():
    reports, seen = [report(), report(rejected())], []
    worklist_pdf(reports, progress=lambda phase, done, total, *_: seen.append((phase, done, total)))
    assert seen == [("page", 1, 2), ("page", 2, 2)]
    seen.clear()
    worklist_zip(reports, progress=lambda _, done, total, *_more: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_csv_has_hash_date_verdict_and_three_decimals():
    (row,) = csv.DictReader(io.StringIO(worklist_csv([report(verdicts=(AGREED,))]).decode()))
    assert (row["file"], row["p_pneumonia"], row["sha256"]) == (
        "film ffffffffffffffff",
        "0.931",
        SHA256,
    )
    assert (row["at"], row["reader"], row["confidence"]) == (
        "2026-03-01T12:00:00+00:00",
        "Dr. A",
        "4",
    )
    assert row["digest"] == DIGEST[:16]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (reading(), "Signs of pneumonia"),
        (reading(decision=Decision.NORMAL), "No sign of pneumonia"),
        (reading(decision=Decision.REFER), "Uncertain: for a radiologist to report"),
        (reading(decision=Decision.REFER, gate_ok=False), "Outside what this model can read"),
        (rejected(), "Not a chest X-ray"),
        (replace(rejected(), status="error"), "Could not be read"),
    ],
)
def test_refer_is_two_outcomes_in_words(made, words):
    assert outcome_words(made) == words


MODEL = "Research software that is not a medical device (model tiny 1)"
CHANCE = "93 % (88–95 % when mirrored, cropped or shifted)"


@pytest.mark.parametrize(
    ("made", "verdict", "expected"),
    [
        (
            reading(),
            AGREED,
            (
                f"{MODEL} found signs of pneumonia on this chest radiograph: probability {CHANCE}.|"
                "The reader (Dr. A) agrees with the model; finding: pneumonia; confidence 4 of 5; "
                "note: right upper zone."
            ),
        ),
        (
            reading(decision=Decision.REFER),
            None,
            (
                f"{MODEL} was uncertain about pneumonia on this chest radiograph: {CHANCE}.|"
                "No reader has recorded a verdict on it."
            ),
        ),
        (
            reading(decision=Decision.REFER, gate_ok=False),
            Verdict(finding="normal", phase="before"),
            (
                f"{MODEL} did not assess this image: it is outside what this model can read.|"
                "The reader recorded: finding: normal."
            ),
        ),
        (
            rejected(),
            Verdict("Dr. A"),
            (
                f"{MODEL} did not assess this image: not a chest X-ray.|"
                "The reader (Dr. A) recorded no finding."
            ),
        ),
    ],
)
def test_two_sentences_to_paste(made, verdict, expected):
    assert sentences(made, verdict).replace("\N{NO-BREAK SPACE}", " ") == expected.replace("|", " ")


def test_a_logged_reading_is_reported_as_it_was(sqlite_log):
    made = reading()
    sqlite_log.add_verdict(sqlite_log.add(made, digest=DIGEST, label="bed 4", at=NOON), AGREED)
    again = from_log(sqlite_log.find()[0], made.disclaimer)
    assert (again.name, again.film_hash, again.verdict) == ("bed 4", "f" * 16, AGREED)
    assert sentences(again.reading, again.verdict) == sentences(made, AGREED)
    assert again.reading.message.startswith("Signs of pneumonia: 93")
    sqlite_log.add(rejected(), digest=DIGEST)
    refused = from_log(sqlite_log.find()[0], made.disclaimer)
    assert outcome_words(refused.reading) == "Not a chest X-ray"


def test_remarks_of_a_passed_image_check_come_back_from_the_log(sqlite_log):
    made = reading(gate_reasons=("The lungs are cut off at the top.",))
    sqlite_log.add(made, digest=DIGEST)
    assert sqlite_log.find()[0].image_check == "ok: The lungs are cut off at the top."
    again = from_log(sqlite_log.find()[0], made.disclaimer).reading
    assert (again.gate_ok, again.gate_reasons) == (True, made.gate_reasons)
