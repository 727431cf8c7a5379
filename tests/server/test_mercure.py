"""The module of mercure, in a folder such as mercure makes."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import dcmread

from pneumo_core.readings.dicom_source import uid_of
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from tests.server.conftest import StandIn

STUDY, SERIES = uid_of(b"m", "study"), uid_of(b"m", "series")


@pytest.fixture
def module() -> ModuleType:
    where = ROOT / "deploy" / "mercure" / "module.py"
    spec = importlib.util.spec_from_file_location("mercure_module", where)
    assert spec is not None and spec.loader is not None  # noqa: PT018
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn
) -> Callable[..., tuple[Path, Path]]:
    """A function: the two folders, with the films and the settings of the rule."""

    def make(*films: bytes, **settings: Any) -> tuple[Path, Path]:
        inbox, out = tmp_path / "in", tmp_path / "out"
        for folder, name in ((inbox, "MERCURE_IN_DIR"), (out, "MERCURE_OUT_DIR")):
            folder.mkdir()
            monkeypatch.setenv(name, str(folder))
        for number, data in enumerate(films):
            (inbox / f"{SERIES}#1.2.{number}.dcm").write_bytes(data)
            (inbox / f"{SERIES}#1.2.{number}.tags").write_text('{"Modality": "DX"}')
        process = {"module_name": "pneumo", "settings": settings, "retain_input_images": False}
        (inbox / "task.json").write_text(json.dumps({"id": "1", "process": process}))
        return inbox, out

    return make


@pytest.fixture
def film(dicom_file: Callable[..., bytes]) -> bytes:
    return dicom_file(StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES)


def test_films_come_back_as_objects_of_their_study(
    module: ModuleType, task: Callable[..., Any], film: bytes
) -> None:
    _, out = task(film, film[:-50])
    assert module.main() == 0
    objects = [dcmread(path) for path in sorted(out.glob("*.dcm"))]
    assert sorted(one.Modality for one in objects) == ["OT", "SR"]
    for one in objects:
        assert (one.StudyInstanceUID, one.PatientID) == (STUDY, "SECRET-ID")
        assert (out / f"{one.SeriesInstanceUID}#{one.SOPInstanceUID}.dcm").exists()
    found = json.loads((out / "result.json").read_text())
    assert [row["status"] for row in found["films"]] == ["ok", "error"]
    note = found["__mercure_notification"]
    assert note["text"].startswith("Pneumo: 1 ERROR, 1 PNEUMONIA. ")
    assert note["requested"] is True
    assert "SECRET" not in json.dumps(found)


def test_the_settings_of_the_rule_count(
    module: ModuleType, task: Callable[..., Any], film: bytes
) -> None:
    _, out = task(film, parts=["encapsulated_pdf"], with_patient=False, notify=["REFER"])
    assert module.main() == 0
    (path,) = out.glob("*.dcm")
    assert dcmread(path).PatientID in {None, ""}
    found = json.loads((out / "result.json").read_text())
    assert found["__mercure_notification"]["requested"] is False


def test_a_task_without_a_film_that_can_be_read_fails_in_words(
    module: ModuleType,
    task: Callable[..., Any],
    film: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    inbox, _ = task(film[:-50])
    assert module.main() == 1
    assert "Of 1 film none could be read." in capsys.readouterr().err
    for path in inbox.glob("*.dcm"):
        path.unlink()
    assert module.main() == 1
    assert "Expected films (.dcm)" in capsys.readouterr().err


def test_an_unknown_part_is_named(
    module: ModuleType,
    task: Callable[..., Any],
    film: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    task(film, parts=["heat"])
    assert module.main() == 1
    assert "structured_report, got heat" in capsys.readouterr().err
