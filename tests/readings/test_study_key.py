"""What is read of a DICOM file beside its pixels stays in memory, and its study has a pseudonym."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pneumo_core.errors import ReadingLogError
from pneumo_core.inference.predict import Decision
from pneumo_core.readings.study_key import (
    AgeCheck,
    StudyFacts,
    age_in_years,
    ages_of,
    check_age,
    outside_population,
    study_facts,
    study_key,
    with_age_check,
)
from tests.readings.examples import reading, rejected

UID = "1.2.840.99999.1.4711"


def test_study_and_age_are_read_from_a_dicom_file(dicom_file):
    facts = study_facts(dicom_file(StudyInstanceUID=UID, PatientAge="054Y"))
    assert (facts.study_uid, facts.age) == (UID, 54)
    dated = dicom_file(PatientBirthDate="20200301", StudyDate="", AcquisitionDate="20220301")
    assert study_facts(dated).age == pytest.approx(2, abs=0.01)
    assert UID not in repr(facts)
    assert "54" not in repr(facts)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\0" * 128 + b"DICM"])
def test_other_and_damaged_files_have_no_facts(data):
    assert study_facts(data) == StudyFacts()


def test_one_study_has_one_key_and_another_installation_another(settings, tmp_path):
    key = study_key(UID, settings)
    assert len(key) == 32
    assert key == study_key(UID, settings)
    assert key != study_key(f"{UID}.1", settings)
    assert key != study_key(UID, replace(settings, readings_dir=tmp_path / "other"))
    assert study_key("", settings) == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_the_salt_is_for_its_owner_alone(settings):
    study_key(UID, settings)
    assert stat.S_IMODE((settings.readings_dir / "salt").stat().st_mode) == 0o600


def test_a_damaged_salt_is_told_and_not_replaced(settings):
    study_key(UID, settings)
    (settings.readings_dir / "salt").write_bytes(b"short")
    with pytest.raises(ReadingLogError, match="Expected 32 bytes in the salt"):
        study_key(UID, settings)
    assert (settings.readings_dir / "salt").read_bytes() == b"short"


def test_a_folder_that_cannot_be_made_is_told(settings, tmp_path):
    (tmp_path / "readings").write_text("a file in its place")
    with pytest.raises(ReadingLogError, match="cannot be read or made"):
        study_key(UID, settings)


def card(source=None, second="", synthetic=None, films=100, fitted=None):
    data = SimpleNamespace(
        source=source, second_source=second, synthetic_films=synthetic, films=films
    )
    return SimpleNamespace(data=data, fitted_to=fitted, document={})


CHILDREN = card()
FITTED = card(fitted=SimpleNamespace(ages=(16, 131), site="St Mary"))
BOTH = card(second="172 adult films of a second hospital")


@pytest.mark.parametrize(
    ("tags", "years"),
    [
        (("054Y",), 54),
        (("018M",), 1.5),
        (("026W",), 182 / 365.25),
        (("010D",), 10 / 365.25),
        ((" 2y",), 2),
        (("", "20200301", "20220301"), 730 / 365.25),
        (("054Y", "20200301", "20220301"), 54),  # the tag that says it counts
        (("Y",), None),
        (("999Y",), None),
        (("", "20220301", "20200301"), None),  # born after the study
        (("", "20220231", "20230101"), None),
        (("", "20200301"), None),
        ((), None),
    ],
)
def test_the_age_is_read_from_age_or_dates(tags, years):
    assert age_in_years(*tags) == (None if years is None else pytest.approx(years))


@pytest.mark.parametrize(
    ("age", "of", "reason"),
    [
        (
            54,
            CHILDREN,
            "older than the films that the model was trained on (children of 1–5 years)",
        ),
        (0.9, CHILDREN, "younger than"),
        (1.0, CHILDREN, ""),
        (2, CHILDREN, ""),
        (5.99, CHILDREN, ""),
        (6, CHILDREN, "older than"),
        (None, CHILDREN, ""),
        (54, BOTH, ""),
        (16, BOTH, ""),
        (10, BOTH, "of an age between the films that the model was trained on (children of 1–5 "),
        (2, BOTH, ""),
        (0.1, BOTH, "younger than"),
        (54, card(source="Own films, patients of 6–14 years"), "older than"),
        (14.5, card(source="Own films, patients of 6–14 years"), ""),
        (54, card(source="Films of one clinic"), ""),  # no ages named: nothing to compare with
        (54, card(synthetic=100), ""),
    ],
)
def test_who_is_outside_the_population_of_the_card(age, of, reason):
    found = outside_population(age, of)
    assert (reason in found) if reason else found == ""


def test_a_missing_age_is_said_with_the_population():
    assert check_age(None, BOTH) == AgeCheck(
        "Age not given. The model was trained on films of children of 1–5 years and adults.", ""
    )
    assert (
        check_age(2, CHILDREN).words == "Age inside the model's population: children of 1–5 years."
    )
    assert check_age(None, card(source="Films of one clinic")).words == "Age not given."
    assert ages_of(card(source="Films of one clinic")) == ()


def test_a_film_outside_is_referred_and_its_age_is_not_in_the_answer():
    check = check_age(54, CHILDREN)
    found = with_age_check(reading(), check)
    assert (found.decision, found.gate_ok) == (Decision.REFER, False)
    assert found.message.startswith("Outside what this model can read: The patient is older than")
    assert found.gate_reasons == (check.outside,)
    assert found.p_pneumonia == reading().p_pneumonia
    assert "54" not in found.message


def test_a_film_inside_and_a_rejected_picture_stay_as_they_are():
    inside, outside = check_age(2, CHILDREN), check_age(54, CHILDREN)
    made, refused = reading(), rejected()
    assert with_age_check(made, inside) is made
    assert with_age_check(refused, outside) is refused


def test_a_model_fitted_to_a_hospital_reads_the_ages_of_its_films():
    assert outside_population(54, FITTED) == ""
    assert "children of 1–5 years and patients of 16 years and over (St Mary)" in (
        outside_population(10, FITTED)
    )
    assert outside_population(54, card(fitted=SimpleNamespace(ages=(), site="X"))) != ""
