"""DICOM: what is accepted, what is refused and why, and that no patient tag ever shows."""

import logging
import traceback
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG2MPML,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RTPlanStorage,
    TwelveLeadECGWaveformStorage,
)

from pneumo_core.config import Limits
from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.decode import decode


def refusal(data, **options):
    with pytest.raises(UnreadableImage) as caught:
        decode(data, **options)
    return caught.value


def test_a_chest_film_is_read(dicom_file):
    data = dicom_file(WindowCenter=2048, WindowWidth=4096)
    film = decode(data)
    facts = film.facts
    assert (facts.format, facts.mode, facts.bits, facts.chroma) == ("DICOM", "grey", 12, 0.0)
    assert (facts.width, facts.height, facts.n_bytes) == (32, 32, len(data))
    assert facts.notes == ("burned-in text is not removed",)
    assert film.pixels[31, 31] == 185  # (2976 - 2047.5) / 4095 + 0.5, of 255


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "XR"])
@pytest.mark.parametrize("part", ["CHEST", "Thorax", "TORAX", "CHEST PA", "LUNG"])
def test_radiographs_of_the_chest(dicom_file, modality, part):
    decode(dicom_file(Modality=modality, BodyPartExamined=part))


@pytest.mark.parametrize(
    "part",
    [
        *("PECHO", "T?RAX", "T??RAX", "TÓRAX", "CXR", "Torace", "poumon", "Brustkorb", "LEFT LUNG"),
        *("KLATKA PIERSIOWA", "Göğüs", "грудная клетка", "胸部", "CHEST_PA", "Ribs / Chest"),
    ],
)
def test_the_chest_in_other_languages_and_spellings(dicom_file, part):
    stored = part.encode()
    stored += b" " * (len(stored) % 2)
    file = dicom_file(BodyPartExamined="X" * len(stored)).replace(b"X" * len(stored), stored)
    assert "body part" not in str(decode(file).facts.notes)


@pytest.mark.parametrize("part", ["UNKNOWN", "DOE JOHN", "OTHER", "RTG", "Main", "???"])
def test_words_that_say_nothing_known_are_read_with_a_note(dicom_file, part):
    notes = decode(dicom_file(BodyPartExamined=part)).facts.notes
    assert notes[0] == "the file states a body part in words that are not known here"
    assert part.lower() not in str(notes[1:]).lower()


@pytest.mark.parametrize("name", ["monochrome2", "Monochrome2", " MONOCHROME2 ", "MONOCHROME_2"])
def test_the_photometric_interpretation_in_other_spellings(dicom_file, name):
    expected = decode(dicom_file()).pixels
    assert np.array_equal(decode(dicom_file(PhotometricInterpretation=name)).pixels, expected)


def test_a_negative_in_small_letters_is_inverted(dicom_file):
    film = decode(dicom_file(PhotometricInterpretation="monochrome1"))
    assert "inverted MONOCHROME1" in film.facts.notes


def item(**tags):
    made = Dataset()
    for name, value in tags.items():
        setattr(made, name, value)
    return Sequence([made])


LATERAL = {"CodeValue": "399067008", "CodingSchemeDesignator": "SCT", "CodeMeaning": "lateral"}


@pytest.mark.parametrize(
    ("tags", "seen"),
    [
        ({"ViewPosition": None, "ViewCodeSequence": item(**LATERAL)}, "a lateral view"),
        ({"ViewPosition": "", "ViewCodeSequence": item(CodeValue="R-10236")}, "a lateral view"),
        ({"ViewCodeSequence": item(CodeMeaning="left lateral")}, "a lateral view"),
        ({"ViewPosition": "", "PatientOrientation": ["A", "F"]}, "a lateral view"),
        ({"ViewPosition": "", "PatientOrientation": ["P", "FR"]}, "a lateral view"),
        ({"ViewPosition": "", "PatientOrientation": ["L", "P"]}, "an axial view"),
        ({"ViewPosition": "PROFIL"}, "a lateral view"),
        ({"ViewPosition": "L-LAT"}, "a lateral view"),
        ({"ViewPosition": "seitlich"}, "a lateral view"),
        ({"ViewPosition": "THORAX_LAT"}, "a lateral view"),
        ({"ViewPosition": "Perfil izq."}, "a lateral view"),
        ({"ViewPosition": "OBLIQUE"}, "an oblique view"),
        ({"ViewPosition": None, "SeriesDescription": "Chest lat."}, "described as a lateral view"),
    ],
)
def test_views_that_are_not_frontal(dicom_file, tags, seen):
    assert f"is {seen}, not a frontal one" in refusal(dicom_file(**tags)).reason


@pytest.mark.parametrize(
    "tags",
    [
        {"PatientOrientation": ["L", "F"]},
        {"PatientOrientation": ["R", "H"], "SeriesDescription": "lat"},
        {"ViewPosition": "", "PatientOrientation": ["P", "A"]},
        {"ViewPosition": "", "SeriesDescription": "Chest PA and lateral"},
        {"ViewPosition": "PA", "SeriesDescription": "Thorax lateral"},
        {"ViewCodeSequence": item(CodeValue="272479007", CodeMeaning="postero-anterior")},
        {"ViewCodeSequence": item(CodeMeaning="lateral decubitus")},
        {"ViewPosition": "", "ViewCodeSequence": Sequence([])},
    ],
)
def test_views_that_are_or_may_be_frontal(dicom_file, tags):
    decode(dicom_file(**tags))


def grey_in_colours(dataset, spread):
    pixels = np.full((32, 32, 3), 90, np.uint8)
    pixels[:, 16:] = 180
    pixels[..., 0] += spread
    made = dataset(pixels[..., 0].copy(), bits=8, SamplesPerPixel=3)
    made.PhotometricInterpretation, made.PlanarConfiguration = "RGB", 0
    made.PixelData = pixels.tobytes()
    file = BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_a_grey_film_in_colours_of_equal_channels_is_read(dataset):
    film = decode(grey_in_colours(dataset, 0))
    assert np.unique(film.pixels).tolist() == [90, 180]
    assert "a grey film stored in colours" in film.facts.notes
    assert "is in colour, not grey" in refusal(grey_in_colours(dataset, 40)).reason


def test_the_index_of_a_patient_cd_is_named(dicom_file):
    uid = "1.2.840.10008.1.3.10"
    data = dicom_file(PixelData=None, Modality=None, SOPClassUID=uid)
    assert "it is the index of a patient CD (DICOMDIR)" in refusal(data).reason


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"BitsStored": 17}, "states 17 bits stored, up to bit 11, of 16"),
        ({"HighBit": 40}, "states 12 bits stored, up to bit 40, of 16"),
        ({"Rows": [32, 32]}, "does not state one whole number as its Rows (0028,0010)"),
        ({"SamplesPerPixel": 2}, "is in colour"),
    ],
)
def test_numbers_that_contradict_each_other(dicom_file, tags, reason):
    assert reason in refusal(dicom_file(**tags)).reason


@pytest.mark.parametrize("vr", [b"UL", b"SS", b"IS"])
def test_rows_in_another_representation(dicom_file, vr):
    """As UL in Rows and Columns, which a reader of two bytes takes for what follows."""
    value = {b"UL": b"\x04\0 \0\0\0", b"SS": b"\x02\0 \0", b"IS": b"\x02\x0032"}[vr]
    data = dicom_file().replace(b"\x28\0\x10\0US\x02\0 \0", b"\x28\0\x10\0" + vr + value)
    assert np.array_equal(decode(data).pixels, decode(dicom_file()).pixels)
    giant = b"\x28\0\x10\0UL\x04\0\xff\xff\xff\x7f"
    giant = dicom_file().replace(b"\x28\0\x10\0US\x02\0 \0", giant)
    assert "as its Rows (0028,0010)" in refusal(giant).reason


@pytest.mark.parametrize("length", [0, 1, 2**16, 2**32 - 1])
def test_a_meta_header_whose_length_leads_out_of_the_file(dicom_file, length):
    data = bytearray(dicom_file())
    assert data[132:140] == b"\x02\0\0\0UL\x04\0"
    data[140:144] = length.to_bytes(4, "little")
    with suppress(UnreadableImage):
        assert decode(bytes(data)).pixels.shape == (32, 32)
    deflated = bytearray(dicom_file(syntax=DeflatedExplicitVRLittleEndian))
    deflated[140:144] = length.to_bytes(4, "little")
    assert refusal(bytes(deflated)).reason


@pytest.mark.parametrize("tag", ["SamplesPerPixel", "PixelRepresentation", "HighBit"])
def test_what_can_only_have_one_value_may_be_left_out(dicom_file, tag):
    assert np.array_equal(decode(dicom_file(**{tag: None})).pixels, decode(dicom_file()).pixels)


def test_a_modality_in_small_letters(dicom_file):
    assert decode(dicom_file(Modality="cr")).facts.format == "DICOM"


@pytest.mark.parametrize("view", ["AP", "PA", "", "LATERAL DECUBITUS", "LLD"])
def test_frontal_views(dicom_file, view):
    decode(dicom_file(ViewPosition=view))


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Modality": "MR"}, "is an MR image, not a radiograph"),
        ({"Modality": "OT"}, "is an image of unspecified kind (OT), not a radiograph"),
        ({"Modality": "QX"}, "is of another modality, not a radiograph"),
        ({"Modality": None}, "does not say by which modality it was made"),
        ({"BodyPartExamined": "HAND"}, "shows another body part (HAND), not the chest"),
        ({"BodyPartExamined": "UPPER EXTREMITY"}, "another body part (UPPER EXTREMITY), not"),
        ({"BodyPartExamined": "Hand of J. Doe"}, "shows another body part (HAND), not the chest"),
        ({"BodyPartExamined": "MANO"}, "shows another body part (HAND), not the chest"),
        ({"BodyPartExamined": "Schädel"}, "shows another body part (HEAD), not the chest"),
        ({"BodyPartExamined": "THORACIC SPINE"}, "another body part (SPINE), not"),
        ({"ViewPosition": "LL"}, "is a lateral view, not a frontal one"),
        ({"ViewPosition": "LATERAL"}, "is a lateral view, not a frontal one"),
        ({"ViewPosition": "RAO"}, "is an oblique view, not a frontal one"),
        ({"NumberOfFrames": 3}, "has 3 frames, not one"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "is in colour, not grey"),
        (
            {"PhotometricInterpretation": "PALETTE COLOR"},
            "a palette (PALETTE COLOR), which DICOM does not allow for a radiograph",
        ),
        ({"BitsAllocated": 32}, "has 32 bits a pixel, not 8 or 16"),
        ({"Rows": 30_000, "Columns": 30_000}, "30000 × 30000 pixels; at most"),
        ({"Rows": 1}, "at least 32 × 32"),
        ({"Rows": None}, "does not state its Rows (0028,0010)"),
        ({"BitsAllocated": None}, "does not state its BitsAllocated (0028,0100)"),
        ({"PhotometricInterpretation": None}, "its PhotometricInterpretation (0028,0004)"),
        ({"PixelData": None}, "holds no picture: it is the header of a radiograph"),
    ],
)
def test_refused_with_the_reason(dicom_file, tags, reason):
    error = refusal(dicom_file(**tags))
    assert reason in error.reason
    assert error.remedy


def test_every_reason_is_named(dicom_file):
    error = refusal(dicom_file(Modality="US", NumberOfFrames=2, SamplesPerPixel=3))
    assert error.reason == (
        "This DICOM film is an ultrasound image, not a radiograph and has 2 frames, not one "
        "and is in colour, not grey."
    )
    assert "Expected one frontal chest radiograph (CR, DX, RG or XR)" in error.remedy


@pytest.mark.parametrize(
    ("modality", "uid", "what"),
    [
        ("RTPLAN", RTPlanStorage, "it is an RT plan."),
        ("ECG", TwelveLeadECGWaveformStorage, "it is an ECG."),
        ("", CTImageStorage, "it is “CT Image Storage”."),
        ("", "1.2.3.4", "it is something else"),
    ],
)
def test_without_pixels_it_says_what_it_is(dicom_file, modality, uid, what):
    data = dicom_file(PixelData=None, Modality=modality, SOPClassUID=uid)
    assert what in refusal(data).reason


def test_a_missing_body_part_is_noted(dicom_file):
    film = decode(dicom_file(BodyPartExamined=None))
    assert "the file does not say which body part it shows" in film.facts.notes


@pytest.mark.parametrize(("meaning", "accepted"), [("Chest", True), ("Foot", False)])
def test_the_anatomic_region_stands_in_for_the_body_part(dicom_file, meaning, accepted):
    region = Dataset()
    region.CodeMeaning = meaning
    data = dicom_file(BodyPartExamined=None, AnatomicRegionSequence=Sequence([region]))
    if accepted:
        assert decode(data).facts.notes[-1:] == ("burned-in text is not removed",)
    else:
        assert "another body part (FOOT)" in refusal(data).reason


def test_raw_detector_values_are_noted(dicom_file):
    notes = decode(dicom_file(PresentationIntentType="FOR PROCESSING")).facts.notes
    assert "raw detector values, not meant for display" in notes


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_other_encodings_give_the_same_film(dicom_file, syntax):
    expected = decode(dicom_file()).pixels
    assert np.array_equal(decode(dicom_file(syntax=syntax)).pixels, expected)


def test_big_endian(dicom_file, ramp):
    expected = decode(dicom_file()).pixels
    data = dicom_file(ramp.byteswap(), syntax=ExplicitVRBigEndian)
    assert np.array_equal(decode(data).pixels, expected)


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian])
@pytest.mark.parametrize("stray", [b"", b" "])
def test_a_file_whose_header_was_cut_off(dicom_file, syntax, stray):
    data = dicom_file(syntax=syntax) if syntax else dicom_file()
    first_element = data.index(b"\x08\x00\x16\x00", 140)
    film = decode(stray + data[first_element:])
    assert np.array_equal(film.pixels, decode(data).pixels)


def test_a_deflate_bomb_is_refused(dicom_file):
    data = dicom_file(syntax=DeflatedExplicitVRLittleEndian)
    header = data[: 144 + int.from_bytes(data[140:144], "little")]
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = packer.compress(bytes(3 * 2**20)) + packer.flush()
    error = refusal(header + bomb, limits=Limits(max_pixels=2**19))
    assert "unpacks to more data than is allowed" in error.reason


def test_a_film_cut_short_is_refused_wherever_it_is_cut(dicom_file):
    data = dicom_file()
    for length in range(1, len(data), 61):
        refusal(data[:length])


def test_nothing_about_the_patient_shows(dicom_file, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    names = {"PatientName": "Secret^Name", "PatientID": "SECRET-ID", "PatientComments": "secret"}
    film = decode(dicom_file(**names))
    shown = [repr(film)]
    for tags in ({"Modality": "MR"}, {"PixelData": b"too short"}, {"Rows": 40}):
        error = refusal(dicom_file(**names, **tags))
        shown += [str(error), "".join(traceback.format_exception(error))]
    captured = capsys.readouterr()
    everything = "".join([*shown, caplog.text, captured.out, captured.err]).lower()
    assert "secret" not in everything


def test_changed_bytes_give_a_film_or_a_refusal(dicom_file):
    data = dicom_file()
    chance = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        changed = bytearray(data)
        for at in chance.integers(128, len(data) - 2048, 4):
            changed[at] = chance.integers(256)
        try:
            decode(bytes(changed))
        except UnreadableImage:
            refused += 1
    assert refused > 20


def test_a_video_is_named_as_the_compression_it_has(dicom_file, dataset):
    made = dataset(PixelData=b"\xfe\xff\x00\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4))
    made.file_meta.TransferSyntaxUID = MPEG2MPML
    made["PixelData"].is_undefined_length = True
    file = BytesIO()
    made.save_as(file, enforce_file_format=True)
    assert "compressed as MPEG2 Main Profile" in refusal(file.getvalue()).reason


REASONS = {
    "MR_small_padded": "is an MR image",
    "OBXXXX1A_rle_2frame": "has 2 frames, not one and is stored as colours of a palette",
    "SC_rgb_jpeg": "not a radiograph",
    "chrJapMulti": "holds no picture: it is the header of a radiograph",
    "mlut_18": "not a radiograph",
    "no_meta": "is a CT image",
    "rtplan": "it is an RT plan",
    "waveform_ecg": "it is an ECG",
}


def test_real_files(real_films):
    for path in sorted((real_films / "dicom").iterdir()):
        if path.stem in REASONS:
            assert REASONS[path.stem] in refusal(path.read_bytes()).reason
        elif path.stem.startswith("RG3"):
            assert "another body part (EXTREMITY)" in refusal(path.read_bytes()).reason
        else:
            film = decode(path.read_bytes())
            assert film.pixels.std() > 30
            assert ("inverted MONOCHROME1" in film.facts.notes) == (not path.stem.startswith("1.2"))


@pytest.mark.parametrize(
    ("tags", "spacing"),
    [
        ({"PixelSpacing": [0.14, 0.14]}, 0.14),
        ({"ImagerPixelSpacing": [0.2, 0.2]}, 0.2),
        ({"PixelSpacing": [0.14, 0.14], "ImagerPixelSpacing": [0.2, 0.2]}, 0.14),
        ({"PixelSpacing": [0.14, 0.3]}, None),
        ({"PixelSpacing": [0, 0]}, None),
        ({"PixelSpacing": ""}, None),
        ({}, None),
    ],
)
def test_pixel_spacing_is_read_where_pixels_are_square(dicom_file, tags, spacing):
    assert decode(dicom_file(**tags)).facts.pixel_spacing_mm == spacing
