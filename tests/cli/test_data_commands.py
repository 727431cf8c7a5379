"""`audit`, `folds` and `fetch-data` as a person or a program meets them."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from pneumo_core import DISCLAIMER
from pneumo_core.config import Settings
from pneumo_core.dataset.download import Fetched
from pneumo_core.dataset.folds import read_manifest
from pneumo_core.dataset.index import index_folder
from pneumo_core.training.dataset import gather
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.run import create_run
from pneumo_core.training.sources import FilmSource


def put(path, seed):
    """Soft blots that differ as much as can be, all of one size and one quality."""
    blots = np.random.default_rng(seed).integers(0, 256, (16, 16), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = cv2.resize(blots, (80, 64), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """120 films, one of them twice, and a file that is no film."""
    root = tmp_path_factory.mktemp("demo") / "films <of 2026>"
    for n in range(60):
        split = "test" if n % 2 == 0 else "train"
        put(root / f"{split}/NORMAL/IM-{n:04d}-0001.jpeg", 2 * n)
        kind = ("bacteria", "virus")[n // 2 % 2]
        put(root / f"{split}/PNEUMONIA/person{n}_{kind}_{n}.jpeg", 2 * n + 1)
    (root / "train/NORMAL/IM-0900-0001.jpeg").write_text("<b>no film</b>")
    first = root / "train/PNEUMONIA/person1_bacteria_1.jpeg"
    (root / "train/PNEUMONIA/person900_virus_1.jpeg").write_bytes(first.read_bytes())
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(call, monkeypatch, cache):
    """`call`, with one cache for all tests."""
    monkeypatch.setenv("PNEUMO_CACHE", str(cache))
    return call


def test_audit_gives_one_json_document(run, demo):
    code, out, err = run("audit", demo, "--json")
    found = json.loads(out)
    assert code == 1  # of an unreadable file, which is named
    assert "Not read: train/NORMAL/IM-0900-0001.jpeg: This is a text file" in err
    assert list(found) == [
        *("disclaimer", "pneumo", "data", "counts", "facts", "findings", "overall", "shortcuts")
    ]
    assert found["disclaimer"] == DISCLAIMER
    assert found["data"] == demo.name
    assert found["counts"]["films"] == 122
    assert [row["film"] for row in found["counts"]["unreadable"]] == [
        "train/NORMAL/IM-0900-0001.jpeg"
    ]
    assert found["facts"]["formats"] == {"JPEG": 121}
    assert found["facts"]["measures"]["quality"] == dict.fromkeys(
        ("least", "middle", "largest"), 85.0
    )
    findings = {one["code"]: one for one in found["findings"]}
    assert findings["exact-duplicates"]["count"] == 1
    assert len(findings["exact-duplicates"]["films"]) == 2
    assert findings["foreign"]["count"] == 1
    assert set(findings["foreign"]) == {
        *("code", "title", "count", "films", "harm", "why", "done", "unit")
    }
    rows = {(row["feature"], row["split"]): row for row in found["shortcuts"]}
    assert rows["quality", "train"]["state"] == "constant"
    assert rows["quality", "train"]["auc"] is None  # no NaN in JSON
    assert 0.3 < rows["mean", "train"]["low"] < 0.6  # chance, give or take
    assert rows["mean", "test"]["across"] is not None
    assert found["overall"]


def test_audit_in_words(run, demo):
    code, out, _ = run("audit", demo)
    assert code == 1
    lines = out.splitlines()
    assert lines[0].startswith("122 films of ")
    assert lines[0].endswith("; 1 pair of duplicates, 1 unreadable")
    assert "Pairs of identical files: 1 pair (medium harm)" in lines
    assert "    train/PNEUMONIA/person900_virus_1.jpeg" in lines
    assert any(line.startswith("Checked and not found: Damaged or trunc") for line in lines)
    assert lines[-1] == DISCLAIMER


class Page(HTMLParser):
    """What a page shows and what it asks of elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.asked, self.words, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.asked += [value for name, value in attributes if name in {"src", "href", "srcset"}]
        if tag not in {"meta", "line", "circle"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, _):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_audit_as_a_page_that_needs_nothing_else(run, demo, tmp_path):
    code, out, _ = run("audit", demo, "--html", tmp_path / "audit.html", "--json")
    assert code == 1
    text = (tmp_path / "audit.html").read_text("utf-8")
    page = Page(text)
    assert page.open == []
    assert page.asked == []
    assert not {"script", "link", "img", "b"} & set(page.tags)
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    words = " ".join(page.words)
    assert f"Audit of {demo.name}" in words
    assert DISCLAIMER in words
    found = json.loads(out)
    assert found["overall"] in words
    for one in found["findings"]:
        assert one["title"] in words
    for row in found["shortcuts"]:
        assert row["words"] in words
    measured = [row for row in found["shortcuts"] if row["auc"] is not None]
    assert page.tags.count("circle") == len(measured)
    assert [path.name for path in tmp_path.iterdir()] == ["audit.html"]


def test_audit_of_nothing_and_a_page_to_nowhere(run, demo, tmp_path):
    code, _, err = run("audit", tmp_path)
    assert code == 1
    assert "Error: Expected train/, val/ or test/ with NORMAL/ and PNEUMONIA/ in each" in err
    code, _, err = run("audit", demo, "--html", tmp_path / "none/audit.html")
    assert code == 2
    assert "Name another place" in " ".join(err.replace("│", " ").split())


def test_folds_are_those_of_training(run, demo, tmp_path):
    code, out, err = run("folds", demo, "--out", tmp_path / "folds.json")
    assert code == 1  # the file that is no film
    assert "Not read: train/NORMAL/IM-0900-0001.jpeg" in err
    lines = out.splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("fold 0: ")
    assert lines[5] == "No patient is in two folds."
    assert lines[6] == f"The manifest is {tmp_path / 'folds.json'}; seed {make_recipe().seed}."
    train_and_val = index_folder(demo).query("readable and split != 'test'")
    shares = [int(line.split(":")[1].split()[0]) for line in lines[:5]]
    assert sum(shares) == len(train_and_val)

    run_of_it = create_run(tmp_path / "runs", make_recipe("quick"), data=demo, bundle="b")
    settings = replace(Settings(), cache_dir=tmp_path / "cache")
    corpus = gather([FilmSource(demo)], make_recipe("quick"), run_of_it, settings, lambda *_: None)
    ours, theirs = tmp_path / "folds.json", run_of_it.folder / "folds.json"
    assert ours.read_text("utf-8") == theirs.read_text("utf-8")
    assert (read_manifest(ours).fold_of(corpus.index) == corpus.fold).all()


def test_folds_and_seed_can_be_chosen(run, demo, tmp_path):
    for seed in (1, 2):
        run("folds", demo, "--folds", 3, "--seed", seed, "--out", tmp_path / f"{seed}.json")
    first, second = (read_manifest(tmp_path / f"{seed}.json") for seed in (1, 2))
    assert (first.folds, first.seed) == (3, 1)
    assert (first.films["fold"] != second.films["fold"]).any()
    code, out, err = run("folds", demo, "--folds", 500)
    assert (code, out) == (1, "")
    assert "Error: Expected at least 500 normal patients for 500 folds" in err


def test_fetch_data_into_a_file_is_wrong_usage(run, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = run("fetch-data", tmp_path / "file")
    assert code == 2
    assert "is a file." in " ".join(err.replace("│", " ").split())


def test_fetch_data_says_what_came(run, tmp_path, monkeypatch):
    def fetched(dest, *, report):
        report("check", 1, 2, "")
        return Fetched(dest, 5856, 5856, "c0ffee")

    monkeypatch.setattr("pneumo_core.dataset.download.fetch_data", fetched)
    code, out, _ = run("fetch-data", tmp_path)
    assert code == 0
    assert out.splitlines() == [
        f"5,856 films are in {tmp_path}, as many as published.",
        "The archive's second copies (5,856 files) are not used.",
        "Content: c0ffee",
    ]


def test_a_film_of_each_kind_is_counted_as_before(run, tmp_path):
    for film in ("train/NORMAL/IM-1-1.png", "train/PNEUMONIA/person1_virus_1.png"):
        (tmp_path / film).parent.mkdir(parents=True)
        cv2.imwrite(str(tmp_path / film), cv2.getGaussianKernel(64, 9) @ [[2000.0] * 64])
    code, out, _ = run("index", tmp_path, "--json")
    assert code == 0
    assert json.loads(out)["splits"]["train"]["subtypes"] == {"normal": 1, "viral": 1}
