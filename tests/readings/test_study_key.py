"""What is read of a DICOM file beside its pixels stays in memory, and its study has a pseudonym."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

import pytest

from pneumo_core.errors import ReadingLogError
from pneumo_core.readings.study_key import StudyFacts, study_facts, study_key

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
