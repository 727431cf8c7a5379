"""DICOM files of one small film, made in memory, and the films of the data folder if any."""

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)


@pytest.fixture(scope="session")
def ramp():
    """uint16 (32, 32), 12 bits: 64 x + 32 y, so 0 to 2976."""
    y, x = np.mgrid[:32, :32]
    return (64 * x + 32 * y).astype(np.uint16)


@pytest.fixture(scope="session")
def dataset(ramp):
    """A function: a chest film's data set around `pixels`; keywords set or (None) drop tags."""

    def make(pixels=ramp, *, bits=12, syntax=ExplicitVRLittleEndian, **tags):
        made = Dataset()
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = syntax
        made.SOPClassUID = DigitalXRayImageStorageForPresentation
        made.SOPInstanceUID = generate_uid(entropy_srcs=["film"])
        made.PatientName, made.PatientID = "Secret^Name", "SECRET-ID"
        made.Modality, made.BodyPartExamined, made.ViewPosition = "DX", "CHEST", "AP"
        made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
        made.PixelRepresentation = int(pixels.dtype.kind == "i")
        made.Rows, made.Columns = pixels.shape
        made.BitsAllocated = 8 * pixels.itemsize
        made.BitsStored, made.HighBit = bits, bits - 1
        made.PixelData = pixels.tobytes()
        made["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some tests set values that DICOM forbids
            for tag, value in tags.items():
                if value is None:
                    delattr(made, tag)
                else:
                    setattr(made, tag, value)
        return made

    return make


@pytest.fixture(scope="session")
def dicom_file(dataset):
    """A function: the bytes of the DICOM file of `dataset(...)`."""

    def write(*args, **tags):
        file = BytesIO()
        dataset(*args, **tags).save_as(file, enforce_file_format=True)
        return file.getvalue()

    return write


@pytest.fixture(scope="session")
def real_films():
    """The folder of real material beside the project; the test is skipped where it is absent."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the project: real films are not checked")
    return folder
