"""A film becomes a decision, whatever the film."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from pneumo_core.bundle import framing
from pneumo_core.bundle.feature_checks import OutOfDistribution
from pneumo_core.errors import BundleError
from pneumo_core.imaging.decode import Film, SourceFacts
from pneumo_core.imaging.dicom_content import RAW
from pneumo_core.imaging.lung_frame import LungFrame
from pneumo_core.imaging.lungs import NO_LUNGS
from pneumo_core.inference import prepare as preparing
from pneumo_core.inference import runtime
from pneumo_core.inference.input_checks import OOD_ADVICE, RAW_VALUES, ImageCheck
from pneumo_core.inference.predict import Decision, Reader
from pneumo_core.inference.runtime import Runtime
from pneumo_core.inference.table import as_row
from tests.lungs import NONE_FOUND, StubFinder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pneumo_core.bundle import Bundle

PASSED = ImageCheck(ok=True, reasons=())


@pytest.fixture
def reader(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A reader whose gate lets flat pictures pass."""
    monkeypatch.setattr(preparing, "check_film", lambda *_: PASSED)
    return Reader(tiny_bundle)


def _film(pixels: np.ndarray) -> Film:
    height, width = pixels.shape
    facts = SourceFacts("PNG", width, height, 8, "grey", pixels.size, "0" * 64, 0.0, ())
    return Film(pixels, facts)


def _flat(level: int) -> Film:
    return _film(np.full((90, 70), level, np.uint8))


@pytest.mark.parametrize(
    ("level", "p", "decision"),
    [
        (0, 0.0067, Decision.NORMAL),
        (51, 0.0474, Decision.NORMAL),
        (102, 0.2689, Decision.REFER),
        (153, 0.7311, Decision.REFER),
        (204, 0.9526, Decision.PNEUMONIA),
        (255, 0.9933, Decision.PNEUMONIA),
    ],
)
def test_known_films_get_their_known_decisions(
    reader: Reader, level: int, p: float, decision: Decision
) -> None:
    reading = reader.read(_flat(level))
    assert reading.status == "ok"
    assert reading.decision is decision
    assert reading.p_pneumonia == pytest.approx(p, abs=1e-3)
    assert reading.p_bacterial == pytest.approx(0.7 * p, abs=1e-3)
    assert reading.p_viral == pytest.approx(0.3 * p, abs=1e-3)
    assert reading.bacterial_share == pytest.approx(0.7, abs=1e-3)
    assert (reading.threshold_low, reading.threshold_high) == (0.2, 0.8)
    assert reading.bundle == "tiny 1.0"
    assert reading.gate_ok
    assert reading.ms > 0


def test_a_flat_film_is_the_same_however_framed(reader: Reader) -> None:
    reading = reader.read(_flat(204))
    assert reading.p_low == pytest.approx(reading.p_pneumonia, abs=1e-6)
    assert reading.p_high == pytest.approx(reading.p_pneumonia, abs=1e-6)


def test_the_range_holds_the_film_itself(reader: Reader) -> None:
    pixels = np.zeros((80, 80), np.uint8)
    pixels[4:-4, 4:-4] = 128  # cropping takes the dark rim away
    reading = reader.read(_film(pixels))
    assert reading.p_low is not None
    assert reading.p_high is not None
    assert reading.p_low == pytest.approx(reading.p_pneumonia, abs=1e-6)
    assert reading.p_high > reading.p_low + 0.02


def test_a_film_that_small_reframings_turn_around_is_referred(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = np.stack([np.full((64, 64), level, np.uint8) for level in (230, 20, 230)])
    monkeypatch.setattr(runtime, "framings", lambda *_: views)
    reading = reader.read(_flat(230))
    assert reading.p_pneumonia == pytest.approx(0.9824, abs=1e-3)
    assert reading.decision is Decision.REFER
    assert reading.message.startswith(
        "Refer: small crops and shifts of this film change the answer"
    )


def test_the_place_is_where_the_film_is_bright(reader: Reader) -> None:
    pixels = np.zeros((96, 96), np.uint8)
    pixels[64:, 48:] = 255
    reading = reader.read(_film(pixels))
    assert reading.where == "mostly the left lower zone"
    assert reading.cam is not None
    assert reading.cam.shape == (8, 8)
    assert reading.cam[7, 7] == pytest.approx(1.0)
    assert reading.cam[0, 0] == 0


def test_a_large_film_is_shown_at_1024(reader: Reader) -> None:
    large = reader.read(_film(np.zeros((500, 2048), np.uint8))).pixels
    assert large is not None
    assert large.shape == (250, 1024)
    small = reader.read(_flat(7)).pixels
    assert small is not None
    assert small.shape == (90, 70)


def test_a_model_without_subtypes_names_none(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    monkeypatch.setattr(preparing, "check_film", lambda *_: PASSED)
    card = tiny_bundle.card.with_parts(classes=["normal", "pneumonia"])
    reading = Reader(replace(tiny_bundle, card=card)).read(_flat(255))
    assert reading.p_pneumonia == pytest.approx(0.9933, abs=1e-3)
    assert [reading.p_bacterial, reading.p_viral, reading.bacterial_share] == [None] * 3


def test_temperature_is_applied(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setattr(preparing, "check_film", lambda *_: PASSED)
    card = tiny_bundle.card.with_parts(calibration={"temperature": 2.0})
    reading = Reader(replace(tiny_bundle, card=card)).read(_flat(255))
    # exp((ln 0.7 + 5) / 2) + exp((ln 0.3 + 5) / 2) against 1
    odds = np.exp(2.5) * (np.sqrt(0.7) + np.sqrt(0.3))
    assert reading.p_pneumonia == pytest.approx(odds / (1 + odds), abs=1e-3)


# -- what cannot be read


def test_a_film_that_the_gate_rejects_gets_no_probability(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons = ("This is a colour image, not a radiograph.", "Drop the film itself.")
    monkeypatch.setattr(preparing, "check_film", lambda *_: ImageCheck(ok=False, reasons=reasons))
    reading = Reader(tiny_bundle).read(_flat(200))
    assert reading.status == "rejected"
    assert reading.message == (
        "Not read: This is a colour image, not a radiograph. Drop the film itself."
    )
    assert reading.gate_reasons == reasons
    assert not reading.gate_ok
    assert [reading.decision, reading.p_pneumonia, reading.p_low, reading.cam] == [None] * 4
    assert reading.pixels is not None


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 100, b"no picture", b"\xff\xd8\xff\xe0" + b"\0" * 50]
)
def test_bytes_that_are_no_film_are_an_error_with_a_reason(reader: Reader, data: bytes) -> None:
    reading = reader.read_bytes(data)
    assert reading.status == "error"
    assert len(reading.message) > 20
    assert [reading.decision, reading.p_pneumonia, reading.pixels] == [None] * 3
    assert (reading.threshold_low, reading.threshold_high) == (0.2, 0.8)


def test_bytes_and_files_are_read_alike(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    cv2.imwrite(str(path), np.full((90, 70), 204, np.uint8))
    for reading in (reader.read_path(path), reader.read_bytes(path.read_bytes())):
        assert reading.p_pneumonia == pytest.approx(0.9526, abs=1e-3)
        assert reading.facts is not None
        assert reading.facts.format == "PNG"


def test_a_missing_file_is_an_error_with_a_reason(reader: Reader, tmp_path: Path) -> None:
    reading = reader.read_path(tmp_path / "none.png")
    assert reading.status == "error"
    assert reading.message


def test_an_unforeseen_fault_is_logged_without_what_it_quotes(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: bytes, **__: object) -> Film:
        raise KeyError("Doe^Jane in /home/jane/film.dcm")

    monkeypatch.setattr(preparing, "decode", fail)
    with caplog.at_level(logging.ERROR):
        reading = reader.read_bytes(b"film")
    assert reading.status == "error"
    assert reading.message == (
        "This film could not be read: an unexpected error. Try another copy of it."
    )
    assert "KeyError in prepare.py:" in caplog.text
    assert "jane" not in caplog.text.lower()


def test_logits_that_are_no_numbers_are_no_decision(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = np.full((6, 3), np.nan, np.float32), np.zeros((6, 8, 8, 4), np.float32)
    monkeypatch.setattr(reader._runtime, "run", lambda _: logits)
    assert reader.read(_flat(1)).status == "error"


def test_the_reader_takes_the_bundle_in_service(
    tiny_models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMO_MODELS", str(tiny_models_dir))
    assert Reader().bundle.name == "tiny"


def test_a_picture_unlike_all_films_is_referred_whatever_its_probability(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "check_film", lambda *_: PASSED)
    width = Runtime(tiny_bundle).head_kernel.shape[0]
    shutil.copytree(tiny_bundle.path, tmp_path / "wary")
    card = tiny_bundle.card.with_parts(familiarity={"limit": 1.0})
    wary = replace(tiny_bundle, path=tmp_path / "wary", card=card)
    # Pooled features of a flat film have one sign: what points the other way is no film.
    for sign, ok in ((1, True), (-1, False)):
        OutOfDistribution.save(np.full((1, width), sign / width**0.5), wary.path)
        reading = Reader(wary).read(_flat(255))
        assert reading.status == "ok"
        assert reading.p_pneumonia == pytest.approx(0.9933, abs=1e-3)
        assert reading.gate_ok is ok
        assert not reading.in_distribution  # this bundle has no orientation check
        assert reading.decision is (Decision.PNEUMONIA if ok else Decision.REFER)
    assert reading.gate_reasons == (OOD_ADVICE,)
    assert reading.message.startswith("Refer: this image is out of distribution")


@pytest.fixture
def lung_reader(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Reader]:
    """A reader in a lung frame whose finder finds `made_lungs` with changes."""
    monkeypatch.setattr(preparing, "check_film", lambda *_: ImageCheck(ok=True))
    card = tiny_bundle.card.with_parts(input={"size": 64, "frame": asdict(LungFrame())})

    def make(**changes: object) -> Reader:
        monkeypatch.setattr(framing, "load_finder", lambda *_, **__: StubFinder(changes))
        return Reader(replace(tiny_bundle, card=card))

    return make


def test_a_film_is_read_in_the_frame_that_its_lungs_set(lung_reader: Callable[..., Reader]) -> None:
    pixels = np.zeros((240, 320), np.uint8)
    pixels[120:180, 200:280] = 255  # the lower half of the left lung
    reading = lung_reader().read(_film(pixels))
    assert reading.window.width == pytest.approx((1 + 0.75 * 1.15) / 2)
    assert reading.cam is not None
    assert reading.cam.shape == (64, 64)
    assert reading.cam[40, 48] > 0.5
    assert reading.where.startswith("the left middle and lower zones") or "left" in reading.where
    assert reading.inside_lungs is not None
    assert reading.inside_lungs > 0.6
    row = as_row("a.png", reading)
    assert row["lungs"]["right"] == {"left": 40.0, "top": 60.0, "right": 120.0, "bottom": 180.0}
    assert row["lungs"]["found"] is True


def test_a_film_without_lungs_is_rejected(lung_reader: Callable[..., Reader]) -> None:
    reading = lung_reader(**NONE_FOUND).read(_flat(230))
    assert (reading.status, reading.decision, reading.p_pneumonia) == ("rejected", None, None)
    assert reading.message == f"Not read: {NO_LUNGS}"
    row = as_row("a.png", reading)
    assert row["lungs"] == {"found": False, "right": None, "left": None, "cut_off": []}


def test_a_film_on_its_side_is_referred_by_its_lungs(lung_reader: Callable[..., Reader]) -> None:
    reading = lung_reader(quarters=1).read(_flat(230))
    assert reading.decision is Decision.REFER
    assert reading.orientation == "sideways"
    assert reading.inside_lungs is None
    assert as_row("a.png", reading)["lungs"]["right"] is None


def test_a_negative_is_referred_and_not_rejected(lung_reader: Callable[..., Reader]) -> None:
    reading = lung_reader(negative=True).read(_flat(230))
    assert (reading.status, reading.decision) == ("ok", Decision.REFER)
    assert reading.orientation == "negative"
    assert "invert its grey levels and read it again" in reading.message


@pytest.mark.parametrize("notes", [(), (RAW,)])
def test_raw_detector_values_are_said_with_the_decision(
    lung_reader: Callable[..., Reader], notes: tuple[str, ...]
) -> None:
    film = _flat(230)
    reading = lung_reader().read(Film(film.pixels, replace(film.facts, notes=notes)))
    assert reading.decision is Decision.PNEUMONIA
    assert reading.message.endswith(f"Note: {RAW_VALUES}") is bool(notes)
    assert (RAW_VALUES in reading.gate_reasons) is bool(notes)
    assert reading.gate_ok


def test_a_lung_frame_without_a_finder_is_no_reader(tiny_bundle: Bundle) -> None:
    card = tiny_bundle.card.with_parts(input={"size": 64, "frame": asdict(LungFrame())})
    with pytest.raises(BundleError, match="Expected the lung finder in models/lungs"):
        Reader(replace(tiny_bundle, card=card))
