"""A reading as DICOM: Secondary Capture, Structured Report (TID 1500), PDF (PS3.3, PS3.16).

All three refer to the source image by its UIDs. Names, ids, dates and numbers of the patient and
the study are taken over only where the person asks for it; otherwise the object says that they
were removed (`dicom_source`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from pneumo_core import __version__
from pneumo_core.errors import PneumoError
from pneumo_core.imaging.dicom import quiet
from pneumo_core.readings.dicom_source import (
    MANUFACTURER,
    SERIES,
    TYPE_2,
    UTF8,
    Source,
    common_attributes,
    finished,
    new_uid,
    patient_attributes,
    referenced,
    uid_of,
)
from pneumo_core.readings.film_report import outcome_words, probability_words, verdict_words
from pneumo_core.readings.report import film_pdf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumo_core.imaging.film import SourceFacts
    from pneumo_core.inference.predict import Reading
    from pneumo_core.readings.film_report import FilmReport
    from pneumo_core.readings.log import Verdict

SCHEME = "99PNEUMO"  # of the codes that no public scheme has


def secondary_capture(report: FilmReport, source: Source) -> bytes:
    """The film with its map, and the decision below it, as a Secondary Capture (A.8.1)."""
    from highdicom.sc import SCImage

    _expect_answer(report)
    facts = report.reading.facts
    with quiet():
        made = SCImage(
            pixel_array=captioned(report),
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            patient_orientation=("L", "F"),  # replaced below by what the source says
            sop_instance_uid=new_uid() if source.is_dicom else source.dataset.SOPInstanceUID,
            series_description="Pneumo: film with activation map",
            **common_attributes(report, source, "capture"),
            **patient_attributes(source),
        )
        made.add_new("Laterality", "CS", None)  # of a chest there is none
        made.PatientOrientation = source.dataset.get("PatientOrientation")
        made.ConversionType = "WSD"  # made on a workstation
        made.DerivationDescription = "Class activation map over the film; decision in words below"
        made.ImageType = ["DERIVED", "SECONDARY"]
        if source.is_dicom:
            made.SourceImageSequence = [referenced(source)]
        _burned_in(made, source, required=False)
        _compression(made, source, facts)
        return finished(made, source)


def structured_report(report: FilmReport, source: Source) -> bytes:
    """The answer and the reader's verdict as a Comprehensive SR by TID 1500 (A.35.3)."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from highdicom.sr import ComprehensiveSR, MeasurementReport, ObservationContext
    from pydicom.sr.codedict import codes

    _expect_answer(report)
    with quiet():
        content = MeasurementReport(
            observation_context=ObservationContext(
                observer_person_context=_person(report.verdict),
                observer_device_context=_device(report),
            ),
            procedure_reported=_code("399208008", "SCT", "Plain X-ray of chest"),
            imaging_measurements=[_measurements(report, source)],
            title=codes.DCM.ImagingMeasurementReport,
        )
        common = common_attributes(report, source, "report")
        common.pop("study_instance_uid")
        try:
            made = ComprehensiveSR(
                evidence=[source.dataset],
                content=content[0],
                sop_instance_uid=new_uid(),
                is_complete=True,
                is_final=False,
                series_description="Pneumo: answer of the model",
                coding_schemes=[CodingSchemeIdentificationItem(SCHEME, "Codes of Pneumo")],
                **common,
            )
        except KeyError as error:  # highdicom looks the class of the source image up
            raise PneumoError(
                "Expected a source image of a standard SOP class for a Structured Report, got "
                "another one. Use the Secondary Capture or the Encapsulated PDF."
            ) from error
        return finished(made, source)


def encapsulated_pdf(report: FilmReport, source: Source, pdf: bytes | None = None) -> bytes:
    """The printed page as an Encapsulated PDF (A.45.1); pdf: that of `film_pdf` unless given."""
    _expect_answer(report)
    with quiet():
        made = _document(report, source)
        document = film_pdf(report) if pdf is None else pdf
        made.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
        made.EncapsulatedDocumentLength = len(document)
        _burned_in(made, source, required=True)
        return finished(made, source)


def captioned(report: FilmReport) -> NDArray[np.uint8]:
    """The film with its map, uint8 (H,W,3) RGB, and under it decision, model and disclaimer."""
    from pneumo_core.inference.saliency import overlay

    reading = report.reading
    assert reading.pixels is not None  # noqa: S101 - see _expect_answer
    picture = np.dstack([reading.pixels] * 3)
    if reading.cam is not None:
        picture = overlay(reading.pixels, reading.cam)
    lines = [
        outcome_words(reading),
        *([probability_words(reading)] if reading.gate_ok else []),
        f"Model {report.model}",
        "Colours: where the model found its evidence; not where a lesion is.",
        reading.disclaimer,
    ]
    return np.vstack([picture, _text_band(lines, picture.shape[1])])


def _text_band(lines: list[str], width: int) -> NDArray[np.uint8]:
    """Lines of text, white on black, as wide as the picture: uint8 (h,width,3)."""
    import matplotlib as mpl
    from PIL import Image, ImageDraw, ImageFont

    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    size = max(9, min(width // 48, 20))
    font = ImageFont.truetype(str(path), size)
    fitted: list[str] = []
    for line in lines:
        words = line.split()
        while words:
            taken = len(words)
            while taken > 1 and font.getlength(" ".join(words[:taken])) > width - size:
                taken -= 1
            fitted.append(" ".join(words[:taken]))
            words = words[taken:]
    step = round(size * 1.45)
    band = Image.new("RGB", (width, step * len(fitted) + size))
    draw = ImageDraw.Draw(band)
    for i, line in enumerate(fitted):
        draw.text((size // 2, size // 2 + i * step), line, fill="white", font=font)
    return np.asarray(band, dtype=np.uint8)


def _burned_in(made: Dataset, source: Source, *, required: bool) -> None:
    """Burned In Annotation: as the source says; where it does not, text cannot be excluded."""
    said = source.dataset.get("BurnedInAnnotation")
    if said in {"YES", "NO"}:
        made.BurnedInAnnotation = "YES" if source.with_patient and required else said
    elif required:
        made.BurnedInAnnotation = "YES"


def _compression(made: Dataset, source: Source, facts: SourceFacts | None) -> None:
    """Lossy Image Compression (C.7.6.1.1.5): once lossy, the pixels stay so whatever is made."""
    said = source.dataset.get("LossyImageCompression")
    if said == "01":
        made.LossyImageCompression = "01"
        for name in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
            if name in source.dataset:
                setattr(made, name, source.dataset.get(name))
    elif not source.is_dicom and facts is not None and facts.format == "JPEG":
        made.LossyImageCompression = "01"
        made.LossyImageCompressionMethod = "ISO_10918_1"
        ratio = facts.width * facts.height * facts.bits / 8 / max(facts.n_bytes, 1)
        made.LossyImageCompressionRatio = f"{max(ratio, 1.0):.2f}"


def _document(report: FilmReport, source: Source) -> Dataset:
    """The Encapsulated PDF without its document."""
    now, made = datetime.now().astimezone(), Dataset()
    for name in TYPE_2:
        setattr(made, name, source.dataset.get(name))
    made.SpecificCharacterSet = UTF8
    made.SOPClassUID, made.SOPInstanceUID = EncapsulatedPDFStorage, new_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = source.dataset.StudyInstanceUID, new_uid()
    made.Modality, made.SeriesNumber, made.InstanceNumber = "DOC", SERIES["document"], 1
    made.SeriesDescription = "Pneumo: reading as a page"
    made.Manufacturer, made.ManufacturerModelName = MANUFACTURER, report.reading.bundle[:64]
    made.SoftwareVersions, made.DeviceSerialNumber = __version__, report.digest[:16]
    made.ConversionType = "WSD"
    made.ContentDate, made.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    made.InstanceCreationDate, made.InstanceCreationTime = made.ContentDate, made.ContentTime
    made.AcquisitionDateTime = None
    made.DocumentTitle = "Chest radiograph: reading by a model"
    made.ConceptNameCodeSequence = []
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.SourceInstanceSequence = [referenced(source)]
    return made


def _device(report: FilmReport) -> Any:
    """The model as the observer (TID 1004); its UID follows from its digest."""
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObserverContext
    from pydicom.sr.codedict import codes

    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=uid_of(report.digest.encode(), "device"),
            name=report.reading.bundle[:64],
            manufacturer_name=MANUFACTURER,
            model_name=report.reading.bundle[:64],
            serial_number=report.digest[:16],
        ),
    )


def _person(verdict: Verdict | None) -> Any:
    """The reader as a second observer (TID 1003), None without a name."""
    from highdicom.sr import ObserverContext, PersonObserverIdentifyingAttributes
    from pydicom.sr.codedict import codes

    if verdict is None or not verdict.reader.strip():
        return None
    name = "".join(" " if sign in "^=\\" else sign for sign in verdict.reader).strip()[:64]
    return ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=PersonObserverIdentifyingAttributes(name=f"{name}^"),
    )


def _measurements(report: FilmReport, source: Source) -> Any:
    """Probability, range and operating points, decision and verdict (TID 1501, TID 4019)."""
    from highdicom.sr import (
        AlgorithmIdentification,
        FindingSite,
        MeasurementsAndQualitativeEvaluations,
        SourceImageForMeasurementGroup,
        TextContentItem,
        TrackingIdentifier,
    )
    from pydicom.sr.codedict import codes

    reading, verdict = report.reading, report.verdict
    name, _, version = reading.bundle.rpartition(" ")
    made = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=new_uid(), identifier="Pneumonia"),
        finding_type=_code("233604007", "SCT", "Pneumonia"),
        finding_sites=[FindingSite(anatomic_location=codes.SCT.Lung)],
        algorithm_id=AlgorithmIdentification(
            name=name or reading.bundle,
            version=version,
            parameters=[f"digest {report.digest}", f"Pneumo {__version__}"],
            family=codes.DCM.ArtificialIntelligence,
            manufacturer=MANUFACTURER,
        ),
        source_images=[
            SourceImageForMeasurementGroup(
                source.dataset.SOPClassUID, source.dataset.SOPInstanceUID
            )
        ],
        measurements=_numbers(reading),
        qualitative_evaluations=_evaluations(reading, verdict),
    )
    comments = [reading.message, reading.disclaimer]
    if verdict is not None:
        comments.append(f"Reader: {verdict_words(verdict) or 'no finding'}. {verdict.note}".strip())
    for words in comments:
        made[0].ContentSequence.append(
            TextContentItem(name=codes.DCM.Comment, value=words, relationship_type="CONTAINS")
        )
    return made


def _numbers(reading: Reading) -> list[Any]:
    """Measurements (TID 300), 0..1; none where the number is not to be relied on."""
    from highdicom.sr import Measurement
    from pydicom.sr.codedict import codes

    if not reading.gate_ok or reading.p_pneumonia is None:
        return []
    values = (
        ("P", "Probability of pneumonia", reading.p_pneumonia),
        ("P_LOW", "Lowest probability when mirrored, cropped or shifted", reading.p_low),
        ("P_HIGH", "Highest probability when mirrored, cropped or shifted", reading.p_high),
        ("T_LOW", "Screening point", reading.threshold_low),
        ("T_HIGH", "Ruling-in point", reading.threshold_high),
    )
    return [
        Measurement(
            name=_code(code, SCHEME, words), value=round(float(value), 4), unit=codes.UCUM.NoUnits
        )
        for code, words, value in values
        if value is not None
    ]


def _evaluations(reading: Reading, verdict: Verdict | None) -> list[Any]:
    """Decision of the model, and agreement and finding of the reader, as coded values."""
    from highdicom.sr import QualitativeEvaluation

    outcome = "OUTSIDE" if not reading.gate_ok else str(reading.decision)
    pairs: Sequence[tuple[str, str, str, str]] = [
        ("DECISION", "Decision of the model", outcome, outcome_words(reading))
    ]
    if verdict is not None:
        pairs = [
            *pairs,
            (
                "AGREEMENT",
                "Agreement of the reader",
                verdict.agreement or "",
                verdict.agreement or "",
            ),
            ("FINDING", "Finding of the reader", verdict.finding or "", verdict.finding or ""),
        ]
    return [
        QualitativeEvaluation(
            name=_code(code, SCHEME, words),
            value=_code(value.upper().replace(" ", "_")[:16], SCHEME, meaning[:64]),
        )
        for code, words, value, meaning in pairs
        if value
    ]


def _expect_answer(report: FilmReport) -> None:
    if report.reading.decision is None or report.reading.pixels is None:
        raise PneumoError(
            "Expected a film with a decision to export as DICOM, got one that was not read. Read "
            "a frontal chest radiograph."
        )


def _code(value: str, scheme: str, meaning: str) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(value, scheme, meaning)
