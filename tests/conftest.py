"""Fixtures that several rooms share: a tiny network with known answers, and a bundle of it."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from tests import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import keras

    from pneumo_core.bundle import Bundle


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Trio, which Selenium brings along, warns when Hypothesis asks it for its plugin.
os.environ.setdefault("HYPOTHESIS_NO_PLUGINS", "1")
# One thread each: pytest-xdist already gives every core a worker.
for _name in (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
):
    os.environ.setdefault(_name, "1")
# Some hundred processes import the same modules, which are compiled once: caches are kept, also
# where the environment says not to, as containers do.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


TINY_SIZE = 64


def pytest_configure(config: pytest.Config) -> None:
    """Let pass what Keras itself does with NumPy 2: its variables take no `copy` argument yet."""
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `keras` what needs the tiny bundle, since making it imports Keras.

    What takes longest comes first: with several workers the short tests fill the gaps at the end.
    A file of browser tests waits more than it computes, so three that use Keras follow each.
    """
    for item in items:
        if {"tiny_models_dir", "tiny_network"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("keras")
    marks: dict[Path, set[str]] = {}  # by file, whose tests stay together
    for item in items:
        marks.setdefault(item.path, set()).update(mark.name for mark in item.iter_markers())
    browser = [path for path, names in marks.items() if "browser" in names]
    keras = [path for path, names in marks.items() if "keras" in names and path not in browser]
    order: list[Path] = []
    while browser or keras:
        order += [*browser[:1], *keras[:3]]
        del browser[:1], keras[:3]
    turn = {path: number for number, path in enumerate(order)}
    items.sort(key=lambda item: turn.get(item.path, len(turn)))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what is loaded by now: with TensorFlow, half a second each."""
    gc.freeze()


@pytest.fixture(scope="session")
def tiny_network() -> keras.Model:
    """A network whose answer follows from the mean grey level g of a film, 0..255.

    P(pneumonia) = sigmoid(10 g/255 − 5), of which bacterial 70 %: black is normal (0.007), mid
    grey undecided (0.5), white pneumonia (0.993). The map is highest where the film is brightest.
    """
    import keras
    from keras import layers

    film = keras.Input((TINY_SIZE, TINY_SIZE, 1), name="film")
    places = layers.AveragePooling2D(8)(layers.Rescaling(1 / 255)(film))
    features = layers.Conv2D(4, 1, activation="relu", name="features")(places)
    logits = layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(features))
    network = keras.Model(film, logits, name="tiny")
    network.set_weights(
        [
            np.array([[[[1.0, 0.5, 0.0, 0.0]]]]),  # two features grow with brightness
            np.array([0.0, 0.0, 1.0, 0.0]),  # one is always 1, one always 0
            np.array([[0.0, 5.0, 5.0], [0.0, 10.0, 10.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
            np.array([0.0, np.log(0.7) - 5.0, np.log(0.3) - 5.0]),
        ]
    )
    return network


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras works step by step: to trace and optimise a graph takes longer than to use it here.

    Fixtures of a wider scope and processes of their own call `step_by_step` themselves.
    """
    step_by_step(monkeypatch)


def step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network is compiled into a graph until `monkeypatch` is undone."""
    import keras

    always = property(lambda _: True, lambda _, __: None)
    monkeypatch.setattr(keras.Model, "run_eagerly", always)


@pytest.fixture(scope="module")
def quick_training() -> Iterator[None]:
    """What a file trains takes seconds, see `train_quickly`."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        train_quickly(monkeypatch)
        yield


def train_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings go step by step, with one narrow block for "cnn" and few thresholds for figures.

    The out-of-distribution check is measured in 3 views, not in all that keep the lungs.
    """
    from pneumo_core.training import feature_checks, fit, network

    step_by_step(monkeypatch)
    views = feature_checks._lung_views()[:3]
    monkeypatch.setattr(feature_checks, "_lung_views", lambda count=None: views[:count])
    monkeypatch.setattr(network, "_CNN_WIDTHS", (8,))
    monkeypatch.setattr(fit, "_BINS", 200)


@pytest.fixture
def tiny_card() -> dict[str, Any]:
    """A card for the tiny network with every optional part."""
    return _card()


@pytest.fixture
def tiny_predictions() -> pd.DataFrame:
    """Predictions on 60 films that do not exist."""
    return _predictions()


@pytest.fixture(scope="session")
def tiny_models_dir(tiny_network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the bundle "tiny" in service. Set PNEUMO_MODELS to it; do not write."""
    from pneumo_core.bundle import activate, write_bundle

    folder = tmp_path_factory.mktemp("models")
    write_bundle(
        tiny_network, name="tiny", card=_card(), predictions=_predictions(), models_dir=folder
    )
    activate("tiny", folder)
    return folder


@pytest.fixture(autouse=True)
def _no_look_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test-set evaluation that one test recorded does not count for the next."""
    yield
    if "tiny_models_dir" in request.fixturenames:
        folder: Path = request.getfixturevalue("tiny_models_dir")
        for path in (*folder.glob("*.ledger.jsonl"), *folder.glob(".*.lock")):
            path.unlink()


@pytest.fixture(scope="session")
def tiny_bundle(tiny_models_dir: Path) -> Bundle:
    """The bundle "tiny"."""
    from pneumo_core.bundle import load_bundle

    return load_bundle("tiny", models_dir=tiny_models_dir)


def _card() -> dict[str, Any]:
    rate = {"value": 0.951, "low": 0.924, "high": 0.969}
    return {
        "title": "Tiny, a network for tests",
        "summary": "Calls bright pictures pneumonia.",
        "classes": ["normal", "bacterial", "viral"],
        "input": {"size": TINY_SIZE},
        "calibration": {"temperature": 1.0, "ece_before": 0.0312},
        "operating_points": {
            "screening": {"threshold": 0.2, "sensitivity": rate, "specificity": rate},
            "balanced": {"threshold": 0.5, "sensitivity": rate, "specificity": rate},
            "ruling_in": {"threshold": 0.8},
            "fitted_on": "60 films that do not exist",
        },
        "network": {"backbone": "tiny", "weights": "written by hand"},
        "data": {"films": 5216, "normal": 1341},
        "figures": {
            "AUC": {"value": 0.9941, "low": 0.99, "high": 0.998},
            "accuracy": rate,
            "n": 60,
        },
        "training": {"preset": "none", "seed": 7, "machine": None},
        "limitations": ["It knows brightness and nothing else."],
        "versions": {"keras": "3"},
    }


def _predictions() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    subtype = np.array(["normal", "bacterial", "viral"])[np.arange(60) % 3]
    ill = subtype != "normal"
    pneumonia = 1 / (1 + np.exp(-rng.normal(np.where(ill, 2.0, -2.0), 1.5)))
    return pd.DataFrame(
        {
            "film": [f"{'PNEUMONIA' if one else 'NORMAL'}/{i}.png" for i, one in enumerate(ill)],
            "split": "train",
            "label": np.where(ill, "pneumonia", "normal"),
            "subtype": subtype,
            "group": [f"{kind}-{i // 6}" for i, kind in enumerate(subtype)],
            "p_normal": 1 - pneumonia,
            "p_bacterial": 0.7 * pneumonia,
            "p_viral": 0.3 * pneumonia,
            "p_pneumonia": pneumonia,
        }
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
    folder = SHARED
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the project: real films are not checked")
    return folder
