"""`predict` with pages and objects, `readings`, `reader-study`; the model is the one that ships."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from pydicom import dcmread
from pypdf import PdfReader

from pneumo_core.config import load_settings
from pneumo_core.readings.film_report import from_log
from pneumo_core.readings.log import Filter, ReadingLog, Verdict
from pneumo_core.readings.worklist import worklist_pdf, worklist_zip
from pneumo_core.synthetic.appearance import synthetic_film
from tests.readings.sources import PLANTED, STUDY_UID, TAKEN, film, film_file

FOLDERS = ("report", "secondary-capture", "structured-report", "encapsulated-pdf")


@pytest.fixture
def shipped(call, monkeypatch, tmp_path):
    """`call`, with a log of its own; the model is the one that ships: no Keras is needed."""
    for name in ("PNEUMO_MODELS", "PNEUMO_READINGS", "PNEUMO_DATABASE_URL", "PNEUMO_LOG_READINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    return call


def dicom(path, **tags):
    pixels = synthetic_film("normal", 1, size=400).astype(np.uint16) * 16
    made = film(**tags)
    made.Rows, made.Columns = pixels.shape
    made.PixelData = pixels.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(film_file(made))
    return path


def into(folder):
    return [word for name in FOLDERS for word in (f"--{name}", folder / name)]


def contents(folder) -> dict[str, bytes]:
    """All files below a folder, with the text of each PDF, also of one inside a DICOM file."""
    found = {}
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        found[path.name] = path.read_bytes()
        document = found[path.name]
        if path.name.endswith(".pdf.dcm"):
            document = dcmread(path).EncapsulatedDocument
        if b"%PDF" in document[:10]:
            pages = PdfReader(io.BytesIO(document)).pages
            found[f"text of {path.name}"] = "\n".join(p.extract_text() for p in pages).encode()
    return found


def test_predict_writes_one_file_a_film_named_after_it(shipped, tmp_path):
    path = dicom(tmp_path / "ward" / "one.dcm")
    code, out, _ = shipped("predict", path, "--json", "--log", *into(tmp_path / "out"))
    row = json.loads(out)
    assert code == 0
    endings = {
        name: f".{end}"
        for name, end in zip(FOLDERS, ("pdf", "sc.dcm", "sr.dcm", "pdf.dcm"), strict=True)
    }
    for name, ending in endings.items():
        (file,) = (tmp_path / "out" / name).iterdir()
        assert re.fullmatch(rf"ward-one\.[0-9a-f]{{8}}{re.escape(ending)}", file.name)
        assert row[name.replace("-", "_")] == str(file)
    assert row["age"] == "Age inside the model's population: children of 1–5 years and adults."
    _, out, _ = shipped("readings", "list", "--json")
    (logged,) = json.loads(out)
    assert (logged["id"], logged["decision"]) == (row["reading"], row["decision"])
    assert logged["p_pneumonia"] == round(row["p_pneumonia"], 3)


def test_nothing_is_logged_or_written_unless_asked(shipped, tmp_path):
    code, out, _ = shipped("predict", dicom(tmp_path / "one.dcm"), "--json")
    assert code == 0
    assert not {"reading", "report"} & set(json.loads(out))
    assert not load_settings().readings_dir.exists()


def test_an_adult_is_outside_and_a_missing_age_is_said(shipped, tmp_path):
    adult = dicom(tmp_path / "adult.dcm", PatientAge="054Y")
    silent = dicom(tmp_path / "silent.dcm", PatientAge=None, PatientBirthDate=None)
    code, out, _ = shipped("predict", adult, silent, "--json", "--model", "kermany-r50v2")
    first, second = map(json.loads, out.splitlines())
    assert code == 0
    assert (first["decision"], first["gate"]["ok"]) == ("REFER", False)
    assert first["message"].startswith("Outside what this model can read: The patient is older")
    assert "54" not in first["message"]
    assert second["age"].startswith("Age not given.")
    assert "older" not in second["message"]
    _, out, _ = shipped("predict", adult, "--model", "kermany-r50v2")
    assert out.split("\t")[2] == "–"


def test_a_damaged_file_has_a_page_and_a_log_entry_and_no_object(shipped, tmp_path):
    whole = dicom(tmp_path / "whole.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:3000])
    code, out, err = shipped(
        "predict", tmp_path / "cut.dcm", "--json", "--log", *into(tmp_path / "out")
    )
    assert code == 1
    assert (tmp_path / "out" / "report").exists()
    assert not (tmp_path / "out" / "structured-report").exists()
    assert "no DICOM object is written" in err
    _, out, _ = shipped("readings", "list", "--json")
    (logged,) = json.loads(out)
    assert (logged["status"], len(logged["sha256"])) == ("error", 64)


# The patient


def test_no_patient_leaves_a_film_in_anything_that_is_kept_or_written(
    shipped, tmp_path, monkeypatch, caplog
):
    caplog.set_level("DEBUG")
    path = dicom(tmp_path / "films" / "one.dcm")
    out_dir = tmp_path / "out"
    code, out, err = shipped(
        *("predict", path, "--log", "--csv", tmp_path / "table.csv"), *into(out_dir)
    )
    assert code == 0
    _, json_out, json_err = shipped("predict", path, "--json", "--log")
    settings = load_settings()
    with ReadingLog.open(settings) as log:
        added = log.find()[0]
        log.add_verdict(added.id, Verdict("Dr. A", "agree", "normal"))
        reports = [from_log(one, "Not a medical device.") for one in log.find(Filter())]
    (out_dir / "worklist.pdf").write_bytes(worklist_pdf(reports))
    with zipfile.ZipFile(io.BytesIO(worklist_zip(reports))) as archive:
        archive.extractall(out_dir / "zip")
    shipped("readings", "export", out_dir / "log.csv")
    kept = contents(out_dir) | contents(settings.readings_dir)
    kept["table.csv"] = (tmp_path / "table.csv").read_bytes()
    kept["terminal"] = f"{out}{err}{json_out}{json_err}{caplog.text}".encode()
    assert len(kept) > 12
    found = [
        (name, tag)
        for name, data in kept.items()
        for tag, value in PLANTED.items()
        if value.encode() in data
    ]
    assert found == []
    holding = {name for name, data in kept.items() if STUDY_UID.encode() in data}
    assert {name.rpartition(".")[2] for name in holding} == {"dcm"}  # they refer to the image
    assert len(holding) == 3


def test_the_patient_is_taken_over_where_asked_and_still_not_logged(shipped, tmp_path):
    path = dicom(tmp_path / "films" / "one.dcm")
    shipped("predict", path, "--log", "--with-patient", *into(tmp_path / "out"))
    written = contents(tmp_path / "out")
    for tag in TAKEN:
        assert sum(PLANTED[tag].encode() in data for data in written.values()) >= 3, tag
    page = next(data for name, data in written.items() if name.startswith("text of"))
    assert b"Zacharias^Quintessa" in page
    for data in contents(load_settings().readings_dir).values():
        assert not any(value.encode() in data for value in PLANTED.values())


# The log


def test_readings_are_listed_exported_and_deleted(shipped, tmp_path):
    _, out, err = shipped("readings", "list")
    assert out == ""
    assert "holds no reading yet" in err
    cv2.imwrite(str(tmp_path / "a.png"), synthetic_film("normal", 0, size=160))
    shipped("predict", tmp_path / "a.png", tmp_path / "a.png", "--log")
    code, out, _ = shipped("readings")
    first, second = (line.split("\t") for line in out.splitlines())
    assert code == 0
    assert first[2] == second[2]
    assert first[1].startswith(f"{datetime.now(UTC):%Y-}")
    code, out, _ = shipped("readings", "export", tmp_path / "log.csv")
    assert (code, out) == (0, f"2 readings were written to {tmp_path / 'log.csv'}.\n")
    with (tmp_path / "log.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [first[0], second[0]]
    code, _, err = shipped("readings", "delete", first[0][:13], "nothere", "--yes")
    assert code == 1
    assert "Expected the id of a reading in the log, got 'nothere'" in err
    code, out, _ = shipped("readings", "delete", first[0][:13], "--yes")
    assert (code, out) == (0, "1 reading was deleted.\n")
    _, out, _ = shipped("readings", "list", "--json")
    assert [row["id"] for row in json.loads(out)] == [second[0]]


def test_a_log_that_is_off_or_fails_is_told_and_no_answer_is_lost(shipped, tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.png"), synthetic_film("normal", 0, size=160))
    monkeypatch.setenv("PNEUMO_LOG_READINGS", "0")
    for words in (("readings", "list"), ("predict", tmp_path / "a.png", "--log")):
        code, out, err = shipped(*words)
        assert (code, out) == (1, "")
        assert "Expected the log of readings to be on" in err
    monkeypatch.delenv("PNEUMO_LOG_READINGS")
    monkeypatch.setattr(ReadingLog, "add", lambda *_args, **_more: Verdict(agreement="maybe"))
    code, out, err = shipped("predict", tmp_path / "a.png", tmp_path / "a.png", "--log")
    assert code == 1
    assert len(out.splitlines()) == 2
    assert err.count("Not logged, nor are the films after it") == 1


# The reader study


@pytest.fixture
def labelled_films(tmp_path):
    folder = tmp_path / "data"
    for i in range(2):
        for label, kind in (("NORMAL", "normal"), ("PNEUMONIA", "bacterial")):
            path = folder / label / f"{kind}{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), synthetic_film(kind, i, size=160))
    return folder


def test_a_reader_study_from_a_file_of_answers(shipped, labelled_films, tmp_path):
    answers = tmp_path / "answers.csv"
    lines = ["reader,film,phase,finding,confidence"]
    for phase in ("before", "after"):
        for name, finding in (
            ("NORMAL/normal0.png", "normal"),
            ("NORMAL/normal1.png", "pneumonia" if phase == "before" else "normal"),
            ("PNEUMONIA/bacterial0.png", "pneumonia"),
            ("PNEUMONIA/bacterial1.png", "pneumonia"),
        ):
            lines.append(f"Dr. A,{name},{phase},{finding},3")
    answers.write_text("\n".join(lines))
    call = ("reader-study", labelled_films, "--answers", answers)
    code, out, _ = shipped(*call, "--json", "--csv", tmp_path / "all.csv")
    found = json.loads(out)
    assert code == 0
    assert (found["n"], found["n_pneumonia"]) == (4, 2)
    assert found["model"].startswith("kermany-nih-r50v2")
    assert 0 <= found["auc_low"] <= found["auc"] <= 1
    assert [(r["reader"], r["phase"], r["specificity"]) for r in found["readers"]] == [
        ("Dr. A", "before", 0.5),
        ("Dr. A", "after", 1.0),
    ]
    assert found["changes"][1]["difference"] == 0.5
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 9
    code, out, _ = shipped(*call)
    assert code == 0
    assert "Dr. A\tbefore\t4 films\tsensitivity 100.0 % [34.2–100.0]" in out
    assert "Dr. A\twith the model's help\tspecificity +50.0 %" in out


def test_a_reader_is_asked_blinded_and_the_name_shown_does_not_tell(
    shipped, labelled_films, monkeypatch
):
    shown = []

    def prompt(words, **options):
        shown.append(words)
        return "n" if "Normal" in words else "4"

    monkeypatch.setattr("typer.prompt", prompt)
    code, out, err = shipped("reader-study", labelled_films, "--readers", "Dr. A", "--json")
    (before, after) = json.loads(out)["readers"]
    assert code == 0
    assert (before["n"], before["sensitivity"], after["specificity"]) == (4, 0.0, 1.0)
    assert len(shown) == 16
    paths = re.findall(r"film \d of 4: (\S+)", err)
    assert len(paths) == 4
    assert not any("normal" in path.lower() or "pneumonia1" in path for path in paths)
    assert err.index("film 1 of 4") < err.index("The model: ")


def test_a_study_on_no_labelled_film_is_told(shipped, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = shipped("reader-study", tmp_path / "empty")
    assert code == 1
    assert "Error: Expected" in err
