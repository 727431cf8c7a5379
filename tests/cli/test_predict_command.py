"""`predict`: a decision a film as lines, JSON, CSV and pictures, whatever else lies there."""

import csv
import json
import re
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from pneumo_core.synthetic.appearance import synthetic_film
from tests.bundle.bundle_zips import zipped


def test_predict_gives_one_json_object_a_line(run, films):
    code, out, _ = run("predict", films, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["file"] for row in rows] == [f"{films}/a.png", f"{films}/b/c.jpg"]
    for row in rows:
        assert list(row) == [
            *("file", "status", "decision", "p_pneumonia", "p_bacterial", "p_viral"),
            *("threshold_low", "threshold_high", "gate", "message", "ms"),
            *("p_low", "p_high", "model", "disclaimer", "lungs"),
        ]
        assert row["status"] == "ok"
        assert row["decision"] in {"NORMAL", "PNEUMONIA", "REFER"}
        assert row["p_bacterial"] + row["p_viral"] == pytest.approx(row["p_pneumonia"], abs=1e-5)
        assert (row["threshold_low"], row["threshold_high"]) == (0.2, 0.8)
        assert row["gate"] == {"ok": True, "reasons": []}


def test_a_broken_file_costs_only_itself(run, films):
    (films / "broken.png").write_bytes(b"no picture at all")
    code, out, err = run("predict", films, "--json")
    rows = {row["file"].rsplit("/", 1)[-1]: row for row in map(json.loads, out.splitlines())}
    assert code == 1
    assert rows["a.png"]["status"] == rows["c.jpg"]["status"] == "ok"
    assert rows["broken.png"]["status"] == "error"
    assert rows["broken.png"]["p_pneumonia"] is None
    assert "Expected" in rows["broken.png"]["message"]
    assert "Of 3 files 1 could not be read.\n" in err


def test_what_the_gate_rejects_is_no_failure(run, tmp_path):
    colour = np.zeros((200, 200, 3), np.uint8)
    colour[:, :100, 2] = 200
    colour[:, 100:, 1] = 180
    cv2.imwrite(str(tmp_path / "photo.png"), colour)
    code, out, err = run("predict", tmp_path / "photo.png", "--json")
    row = json.loads(out)
    assert code == 0
    assert (row["status"], row["decision"]) == ("rejected", None)
    assert not row["gate"]["ok"]
    assert "colour" in row["message"]
    assert err == "Of 1 file 1 was rejected as not a frontal chest film.\n"


def test_a_line_shows_the_probability_as_the_screens_do(run, films):
    code, out, _ = run("predict", films)
    assert code == 0
    for line in out.splitlines():
        chance = line.split("\t")[2]
        assert re.fullmatch(r"([<>]?\d+) % \([<>]?\d+((–| to )[<>]?\d+)? %\)", chance)
        assert not chance.startswith(("0 ", "100 "))


def test_of_a_doubtful_film_no_number_is_printed(run, films, monkeypatch):
    from pneumo_core.inference.input_checks import OOD_ADVICE, FeatureChecks

    monkeypatch.setattr(FeatureChecks, "check", lambda *_, **__: ("upright", (OOD_ADVICE,)))
    code, out, _ = run("predict", films / "a.png")
    assert code == 0
    assert out == f"{films}/a.png\tREFER\t–\tRefer: {OOD_ADVICE}\n"


def test_what_is_not_there_is_named_and_the_rest_is_read(run, films):
    code, out, err = run("predict", films / "a.png", films / "nothere.jpg")
    good, missing = out.splitlines()
    assert code == 1
    assert good.startswith(f"{films}/a.png\t")
    assert missing.startswith(f"{films}/nothere.jpg\tERROR\t")
    assert "There is no file nothere.jpg." in missing
    assert err == "Of 2 files 1 could not be read.\n"


def test_where_nothing_is_there_the_call_was_wrong(run, tmp_path):
    code, out, err = run("predict", tmp_path / "x.png", tmp_path / "y.png")
    assert (code, out) == (2, "")
    words = "".join(err.replace("│", "").split())  # the frame round it breaks long paths
    assert "x.png" in words
    assert "y.png" in words


def test_predict_writes_a_table_and_pictures(run, films, tmp_path):
    table, pictures = tmp_path / "out.csv", tmp_path / "seen"
    code, out, _ = run("predict", films, "--csv", table, "--overlay", pictures)
    assert code == 0
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["gate"] for row in rows] == ["ok", "ok"]
    assert all("Not a medical device" in row["disclaimer"] for row in rows)
    first, second = sorted(pictures.iterdir())
    assert re.fullmatch(r"b-c\.[0-9a-f]{8}\.cam\.png", first.name)
    assert re.fullmatch(r"films-a\.[0-9a-f]{8}\.cam\.png", second.name)
    with Image.open(first) as picture:
        assert (picture.mode, picture.size) == ("RGB", (160, 160))
        assert "Not a medical device" in picture.text["Disclaimer"]
    assert out.splitlines()[0].startswith(f"{films}/a.png\t")


def test_an_unknown_method_is_named_with_those_there_are(run, films):
    code, _, err = run("predict", films, "--method", "guess")
    assert code == 1
    assert "gradcam" in err


def test_of_a_patient_cd_the_films_are_read_and_the_rest_is_one_line(
    run, films, tmp_path, dicom_file
):
    disc = tmp_path / "films" / "cd"
    (disc / "IMAGES").mkdir(parents=True)
    (disc / "VIEWER").mkdir()
    (disc / "DICOMDIR").write_bytes(dicom_file(PixelData=None, SOPClassUID="1.2.840.10008.1.3.10"))
    (disc / "IMAGES" / "IM001").write_bytes(dicom_file(Modality="MR"))
    (disc / "autorun.inf").write_text("[autorun]")
    (disc / "VIEWER" / "viewer.exe").write_bytes(b"MZ" + bytes(99))
    Image.fromarray(np.zeros((48, 48), np.uint8)).save(disc / "VIEWER" / "icon.png")
    code, out, err = run("predict", films, "--json")
    rows = {row["file"].rsplit("/", 1)[-1]: row for row in map(json.loads, out.splitlines())}
    assert code == 0
    assert set(rows) == {"a.png", "c.jpg", "IM001"}
    assert "is an MR image" in rows["IM001"]["message"]
    assert "Passed over: 4 other files of a patient CD (its index and viewer).\n" in err


def test_the_films_of_a_zip_are_read_and_named_after_it(run, films, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "cd"), "zip", films)
    code, out, _ = run("predict", archive, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["file"] for row in rows] == [f"{archive}/a.png", f"{archive}/b/c.jpg"]
    assert {row["status"] for row in rows} == {"ok"}
    (tmp_path / "bad.zip").write_bytes((tmp_path / "cd.zip").read_bytes()[:-30])
    code, out, _ = run("predict", tmp_path / "bad.zip", films / "a.png", "--json")
    assert code == 1
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["error", "ok"]


def test_an_empty_folder_is_told(run, tmp_path):
    (tmp_path / "none").mkdir()
    code, out, err = run("predict", tmp_path / "none")
    assert (code, out) == (1, "")
    assert "expected at least one film" in err


def test_a_zip_of_a_patient_cd_is_read_with_a_row_a_member(run, tmp_path, dicom_file):
    film = cv2.imencode(".png", synthetic_film("normal", 0, size=160))[1].tobytes()
    disc = tmp_path / "cd.zip"
    members = {"cd/DICOMDIR": dicom_file(PixelData=None), "cd/VIEWER/view.exe": b"MZ" + bytes(99)}
    members |= {"cd/IMAGES/IM1": dicom_file(Modality="MR"), "cd/IMAGES/IM2": dicom_file()[:-50]}
    members |= {f"films/{i}.png": film for i in range(3)} | {"films/up/../../x": b"x"}
    disc.write_bytes(zipped(members))
    code, out, err = run("predict", disc, "--json", "--report", tmp_path / "pages")
    rows = {row["file"].removeprefix(f"{disc}/"): row for row in map(json.loads, out.splitlines())}
    assert code == 1
    assert list(rows) == [*list(members)[2:]]
    assert {rows[f"films/{i}.png"]["status"] for i in range(3)} == {"ok"}
    assert rows["cd/IMAGES/IM1"]["status"] == "rejected"
    assert rows["cd/IMAGES/IM2"]["status"] == "error"
    assert "outside its folder" in rows["films/up/../../x"]["message"]
    assert "Passed over: 2 other files of a patient CD" in err
    assert "Of 6 files 2 could not be read and 1 was rejected" in err
    assert len(list((tmp_path / "pages").iterdir())) == 6
    disc.write_bytes(disc.read_bytes()[:-40])
    code, out, _ = run("predict", disc)
    assert (code, out.count("\n")) == (1, 1)
    assert "This ZIP file is damaged or protected" in out
