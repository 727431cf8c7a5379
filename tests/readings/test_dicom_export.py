"""The DICOM objects: valid by two validators, read back, and without the patient unless asked."""

from __future__ import annotations

import io
import shutil
import subprocess
from datetime import UTC, datetime

import highdicom
import numpy as np
import pytest
from dicom_validator.validator.iod_validator import IODValidator
from pydicom import dcmread
from pydicom.uid import (
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    SecondaryCaptureImageStorage,
)
from pypdf import PdfReader

from pneumo_core.errors import PneumoError
from pneumo_core.readings.dicom_export import (
    captioned,
    encapsulated_pdf,
    secondary_capture,
    structured_report,
)
from pneumo_core.readings.dicom_source import REMOVED, patient_lines, source_of
from pneumo_core.readings.film_report import FilmReport
from pneumo_core.readings.log import Verdict
from tests.readings.dicom_standard import dicom_info
from tests.readings.examples import DIGEST, reading, rejected
from tests.readings.sources import PLANTED, SOURCES, STUDY_UID, TAKEN, film_file

EXPORTS = {
    SecondaryCaptureImageStorage: secondary_capture,
    ComprehensiveSRStorage: structured_report,
    EncapsulatedPDFStorage: encapsulated_pdf,
}
REPORT = FilmReport(
    reading(),
    DIGEST,
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    verdicts=(Verdict("Dr. A", "disagree", "normal", 4, "an old scar"),),
)


class _Silent:
    """dicom-validator prints what it finds unless it is given a handler."""

    def handle_validation_start(self, _result):
        pass

    def handle_validation_result(self, _result):
        pass


@pytest.fixture(scope="module")
def standard():
    return dicom_info(EXPORTS)


@pytest.mark.parametrize("with_patient", [False, True])
@pytest.mark.parametrize("kind", SOURCES)
def test_dicom_validator_finds_no_error(standard, kind, with_patient):
    source = source_of(SOURCES[kind](), with_patient=with_patient)
    for sop_class, export in EXPORTS.items():
        made = dcmread(io.BytesIO(export(REPORT, source)))
        assert made.SOPClassUID == sop_class
        result = IODValidator(made, standard, error_handler=_Silent()).validate()
        assert (result.errors, dict(result.module_errors)) == (0, {})


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="no dciodvfy (Debian: dicom3tools)")
@pytest.mark.parametrize("with_patient", [False, True])
@pytest.mark.parametrize("kind", SOURCES)
def test_dciodvfy_finds_no_error(kind, with_patient, tmp_path):
    source = source_of(SOURCES[kind](), with_patient=with_patient)
    for export in EXPORTS.values():
        path = tmp_path / "made.dcm"
        path.write_bytes(export(REPORT, source))
        done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in done.stderr, done.stderr
        assert done.returncode == 0


def test_the_validators_see_a_fault(standard, tmp_path):
    made = dcmread(io.BytesIO(secondary_capture(REPORT, source_of(film_file()))))
    del made.ConversionType
    assert IODValidator(made, standard, error_handler=_Silent()).validate().errors == 1
    if shutil.which("dciodvfy"):
        made.save_as(tmp_path / "made.dcm")
        done = subprocess.run(
            ["dciodvfy", str(tmp_path / "made.dcm")], capture_output=True, text=True, check=False
        )
        assert "Error - Missing attribute Type 1" in done.stderr


@pytest.mark.parametrize("export", EXPORTS.values())
def test_the_objects_belong_to_the_study_and_refer_to_the_image(export):
    made = dcmread(io.BytesIO(export(REPORT, source_of(film_file()))))
    assert made.StudyInstanceUID == STUDY_UID
    assert made.SeriesInstanceUID != f"{STUDY_UID}.2"
    assert made.SOPInstanceUID.startswith("2.25.")
    assert f"{STUDY_UID}.2.3" in str(made)
    assert dcmread(io.BytesIO(export(REPORT, source_of(film_file())))).SOPInstanceUID != (
        made.SOPInstanceUID
    )


@pytest.mark.parametrize("export", EXPORTS.values())
def test_nothing_of_the_patient_is_in_the_objects_unless_asked(export):
    data = film_file()
    made = export(REPORT, source_of(data))
    assert [name for name, value in PLANTED.items() if value.encode() in made] == []
    assert dcmread(io.BytesIO(made)).PatientIdentityRemoved == "YES"
    assert dcmread(io.BytesIO(made)).DeidentificationMethod == REMOVED[:64]
    asked = export(REPORT, source_of(data, with_patient=True))
    kept = {name for name, value in PLANTED.items() if value.encode() in asked}
    assert kept == {*TAKEN, "PatientAge", "StudyDescription"}
    assert "PatientIdentityRemoved" not in dcmread(io.BytesIO(asked))


def test_a_name_in_any_script_is_taken_over():
    source = source_of(SOURCES["Unicode name"](), with_patient=True)
    for export in EXPORTS.values():
        made = dcmread(io.BytesIO(export(REPORT, source)))
        assert made.PatientName.family_name == "Ямада"
        assert made.PatientName.ideographic == "山田^太郎"


def test_the_patient_is_in_no_representation_of_a_source():
    source = source_of(film_file(), with_patient=True)
    assert "Quintessa" not in repr(source)
    assert dict(patient_lines(source))["Patient ID"] == PLANTED["PatientID"]
    assert patient_lines(source_of(film_file())) == ()


def test_the_capture_shows_the_map_and_the_words():
    made = dcmread(io.BytesIO(secondary_capture(REPORT, source_of(film_file()))))
    assert (made.Columns, made.SamplesPerPixel, made.PhotometricInterpretation) == (96, 3, "RGB")
    assert np.array_equal(made.pixel_array, captioned(REPORT))
    assert made.Rows > 80  # the band of words under the film
    assert made.pixel_array[80:].max() > 200
    assert list(made.ImageType) == ["DERIVED", "SECONDARY"]
    assert made.SourceImageSequence[0].ReferencedSOPInstanceUID == f"{STUDY_UID}.2.3"
    assert (made.PatientOrientation, made.BurnedInAnnotation) == (["L", "F"], "NO")


def test_lossy_compression_is_not_forgotten():
    made = dcmread(io.BytesIO(secondary_capture(REPORT, source_of(SOURCES["JPEG"]()))))
    assert (made.LossyImageCompression, made.LossyImageCompressionRatio) == ("01", 4.5)
    made = dcmread(io.BytesIO(secondary_capture(REPORT, source_of(film_file()))))
    assert "LossyImageCompression" not in made


def test_the_structured_report_is_read_back_with_the_algorithm_and_its_numbers():
    data = structured_report(REPORT, source_of(film_file()))
    made = highdicom.sr.ComprehensiveSR.from_dataset(dcmread(io.BytesIO(data)))
    (group,) = made.content.get_image_measurement_groups()
    measured = {one.name.meaning: one.value for one in group.get_measurements()}
    assert measured == {
        "Probability of pneumonia": 0.9312,
        "Lowest probability when mirrored, cropped or shifted": 0.88,
        "Highest probability when mirrored, cropped or shifted": 0.95,
        "Screening point": 0.2,
        "Ruling-in point": 0.8,
    }
    said = {one.name.meaning: one.value.meaning for one in group.get_qualitative_evaluations()}
    assert said == {
        "Algorithm Family": "Artificial Intelligence",
        "Decision of the model": "Signs of pneumonia",
        "Agreement of the reader": "disagree",
        "Finding of the reader": "normal",
    }
    assert (group.finding_type.value, group.finding_type.scheme_designator) == ("233604007", "SCT")
    texts = " | ".join(str(element.value) for element in made.iterall() if element.VR != "SQ")
    for words in ("Algorithm Name", "| tiny |", f"digest {DIGEST}", "an old scar", "Dr. A"):
        assert words in texts
    assert (made.VerificationFlag, made.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert made.get_evidence()[0][:3] == (STUDY_UID, f"{STUDY_UID}.2", f"{STUDY_UID}.2.3")


def test_a_number_not_to_be_relied_on_is_not_reported():
    doubtful = FilmReport(reading(gate_ok=False), DIGEST, REPORT.at)
    data = structured_report(doubtful, source_of(film_file()))
    made = highdicom.sr.ComprehensiveSR.from_dataset(dcmread(io.BytesIO(data)))
    (group,) = made.content.get_image_measurement_groups()
    assert group.get_measurements() == []
    assert "Outside what this model can read" in str(made)


def test_the_encapsulated_page_is_read_back():
    made = dcmread(io.BytesIO(encapsulated_pdf(REPORT, source_of(film_file()))))
    assert (made.MIMETypeOfEncapsulatedDocument, made.Modality) == ("application/pdf", "DOC")
    document = made.EncapsulatedDocument[: made.EncapsulatedDocumentLength]
    assert "Signs of pneumonia" in PdfReader(io.BytesIO(document)).pages[0].extract_text()
    assert made.SourceInstanceSequence[0].ReferencedSOPInstanceUID == f"{STUDY_UID}.2.3"


def test_of_another_file_the_capture_stands_for_the_film():
    source = source_of(b"any other file")
    capture = dcmread(io.BytesIO(secondary_capture(REPORT, source)))
    report = dcmread(io.BytesIO(structured_report(REPORT, source_of(b"any other file"))))
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0]
    assert evidence.StudyInstanceUID == capture.StudyInstanceUID
    series = evidence.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == capture.SeriesInstanceUID
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == capture.SOPInstanceUID
    assert "SourceImageSequence" not in capture
    assert source_of(b"one more").dataset.StudyInstanceUID != capture.StudyInstanceUID


@pytest.mark.parametrize("export", EXPORTS.values())
def test_a_picture_that_was_not_read_is_not_exported(export):
    with pytest.raises(PneumoError, match="Expected a film with a decision to export"):
        export(FilmReport(rejected(), DIGEST, REPORT.at), source_of(film_file()))


def test_a_source_of_no_standard_class_is_told():
    source = source_of(film_file(SOPClassUID="1.2.3.4"))
    with pytest.raises(PneumoError, match="Expected a source image of a standard SOP class"):
        structured_report(REPORT, source)
    assert dcmread(io.BytesIO(secondary_capture(REPORT, source))).StudyInstanceUID == STUDY_UID


@pytest.mark.parametrize("cut", [200, 1000, 3000])
def test_a_damaged_file_is_a_film_without_a_study(cut):
    source = source_of(b"\0" * 128 + b"DICM" + b"\xff" * cut)
    assert not source.is_dicom
