"""A reader study: random order, blinded and then with help, kept answer by answer, evaluated."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pneumo_core.errors import DataSetError, ReadingLogError
from pneumo_core.inference.predict import Decision
from pneumo_core.metrics import Confusion
from pneumo_core.readings.reader_study import (
    ReaderStudy,
    make_study,
    read_answers,
    studies,
)
from pneumo_core.readings.study_results import Answer, StudyFilm, study_results
from tests.readings.examples import DIGEST, reading, rejected


class Model:
    """Calls what lies in PNEUMONIA/ pneumonia, but for one film; counts its readings."""

    def __init__(self):
        data = SimpleNamespace(source=None, second_source="", synthetic_films=None, films=100)
        points = SimpleNamespace(screening=0.2, ruling_in=0.8)
        self.bundle = SimpleNamespace(
            name="tiny",
            version="1",
            digest=DIGEST,
            points=points,
            card=SimpleNamespace(data=data, fitted_to=None, document={}),
        )
        self.calls = 0

    def read_path(self, path):
        self.calls += 1
        if path.stem == "p5":
            return replace(rejected(), facts=None)
        ill = "PNEUMONIA" in path.parts
        decision = Decision.PNEUMONIA if ill else Decision.NORMAL
        return reading(p_pneumonia=0.9 if ill else 0.1, decision=decision)


@pytest.fixture
def data(tmp_path):
    for i in range(6):
        for label, name in (("NORMAL", f"n{i}"), ("PNEUMONIA", f"p{i}")):
            path = tmp_path / "data" / label / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"film {name}".encode())
    return tmp_path / "data"


@pytest.fixture
def study(data, tmp_path):
    return make_study(data, Model(), studies_dir=tmp_path / "studies", seed=3)


def test_the_same_call_opens_the_same_study_and_reads_no_film_again(data, tmp_path, study):
    model = Model()
    again = make_study(data, model, studies_dir=tmp_path / "studies", seed=3)
    assert (again.id, again.films, model.calls) == (study.id, study.films, 0)
    other = make_study(data, model, studies_dir=tmp_path / "studies", seed=4)
    assert other.id != study.id
    assert model.calls == 12
    assert {one.id for one in studies(tmp_path / "studies")} == {study.id, other.id}
    assert [film.label for film in study.films] == ["normal"] * 6 + ["pneumonia"] * 6


def test_some_films_are_drawn_from_both_classes(data, tmp_path):
    made = make_study(data, Model(), studies_dir=tmp_path / "studies", films=5)
    labels = [film.label for film in made.films]
    assert (labels.count("normal"), labels.count("pneumonia")) == (3, 2)
    with pytest.raises(DataSetError, match="at least one film"):
        make_study(data, Model(), studies_dir=tmp_path / "studies", films=0)


def test_each_reader_has_a_random_order_that_stays(study):
    first, second = study.order("A"), study.order("B")
    assert first != second
    assert first == study.order(" A ")
    assert sorted(f.film for f in first) == sorted(f.film for f in second)
    assert first != sorted(first, key=lambda film: film.film)


def test_a_film_is_read_blinded_then_with_help_before_the_next(study):
    order = study.order("A")
    assert study.next_for("A") == (order[0], "before")
    study.record(Answer("A", order[0].film, "before", "normal", 2))
    assert study.next_for("A") == (order[0], "after")
    study.record(Answer("A", order[0].film, "after", "pneumonia"))
    again = ReaderStudy(study.folder)  # as after a crash
    assert again.next_for("A") == (order[1], "before")
    assert again.next_for("B") == (again.order("B")[0], "before")
    for film in order:
        for phase in ("before", "after"):
            again.record(Answer("A", film.film, phase, film.label))
    assert again.next_for("A") is None
    assert len(again.answers("A")) == 24


def test_a_second_answer_replaces_the_first(study):
    film = study.films[0].film
    study.record(Answer("A", film, "before", "pneumonia"))
    study.record(Answer("A", film, "before", "normal", 5))
    ((found),) = study.answers("A")
    assert (found.finding, found.confidence) == ("normal", 5)


def test_readers_of_similar_names_have_files_of_their_own(study):
    for name in ("Dr. A", "Dr A", "Dr/A", "Ärztin", "../x"):
        study.record(Answer(name, study.films[0].film, "before", "normal"))
    assert study.readers() == sorted(["Dr. A", "Dr A", "Dr/A", "Ärztin", "../x"])
    assert len(list(study.folder.glob("reader-*.json"))) == 5


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        (("A", "x.png", "before", "other"), "normal, pneumonia as finding, got 'other'"),
        (("A", "x.png", "open", "normal"), "before, after as phase"),
        (("A", "x.png", "after", "normal", 0), "as confidence, got 0"),
        ((" ", "x.png", "after", "normal"), "name of a reader"),
    ],
)
def test_an_answer_has_known_words_only(faulty, words):
    with pytest.raises(ReadingLogError, match=words):
        Answer(*faulty)


def test_an_answer_to_another_film_and_a_damaged_study_are_told(study):
    with pytest.raises(ReadingLogError, match=r"Expected a film of the study, got 'x\.png'"):
        study.record(Answer("A", "x.png", "before", "normal"))
    study.record(Answer("A", study.films[0].film, "before", "normal"))
    (path,) = study.folder.glob("reader-*.json")
    path.write_text('{"reader": "A", "answers": [{"film": 1}]}')
    with pytest.raises(ReadingLogError, match="got a damaged file"):
        study.answers("A")
    (study.folder / "study.json").write_text("{}")
    with pytest.raises(ReadingLogError, match=r"no readable study\.json"):
        ReaderStudy(study.folder)
    assert studies(study.folder.parent) == []


def film(name, label, p=0.5):
    return StudyFilm(name, "", label, p, "REFER", "")


def test_results_by_hand():
    films = [film(f"p{i}", "pneumonia", 0.9 - 0.1 * i) for i in range(4)]
    films += [film(f"n{i}", "normal", 0.15 + 0.1 * i) for i in range(4)]  # 0.15 … 0.45
    films += [film("x", "normal", None)]
    before = ["pneumonia", "normal", "normal", "normal"] + ["normal"] * 3 + ["pneumonia"]
    after = ["pneumonia"] * 3 + ["normal"] + ["normal"] * 4
    answers = [
        Answer("A", one.film, phase, finding)
        for phase, findings in (("before", before), ("after", after))
        for one, finding in zip(films[:8], findings, strict=True)
    ]
    found = study_results(films, {"A": answers, "B": answers[:4]})
    assert (found.n, found.n_pneumonia, found.without_number) == (9, 4, 1)
    assert found.auc.value == 1.0
    first, second, third = found.readers
    assert (first.reader, first.phase, first.counts) == ("A", "before", Confusion(1, 1, 3, 3))
    assert first.sensitivity == pytest.approx((0.25, 0.0456, 0.6994), abs=1e-4)  # Wilson
    assert (second.phase, second.counts) == ("after", Confusion(3, 0, 4, 1))
    assert (third.reader, third.counts.n) == ("B", 4)
    sensitivity, specificity = found.changes
    assert (sensitivity.on, sensitivity.test.only_first, sensitivity.test.only_second) == (
        *("sensitivity", 2, 0),
    )
    assert sensitivity.test.difference.value == pytest.approx(0.5)
    assert sensitivity.test.p_exact == pytest.approx(0.5)  # two of two: 2 · 1/4
    assert specificity.test.difference.value == pytest.approx(0.25)
    made = found.to_dict()
    assert made["readers"][0]["sensitivity"] == 0.25
    assert made["readers"][2]["specificity"] is None
    assert made["changes"][0]["only_with"] == 2
    assert made["roc"]["threshold"][0] is None
    assert made["auc"] == 1.0


def test_films_of_one_class_have_no_curve_and_nobody_no_result():
    found = study_results([film("n", "normal")], {})
    assert (found.roc, found.auc, found.readers, found.changes) == (None, None, (), ())
    assert found.to_dict()["roc"] is found.to_dict()["auc"] is None


def test_the_csv_holds_every_answer_with_label_and_model(study):
    name = study.order("=A")[0]
    study.record(Answer("=A", name.film, "before", name.label, 3))
    (row,) = csv.DictReader(io.StringIO(study.to_csv().decode()))
    assert (row["reader"], row["film"], row["correct"]) == ("'=A", name.film, "1")
    assert (row["label"], row["confidence"]) == (name.label, "3")


def test_answers_are_read_from_csv():
    lines = (
        "reader,film,phase,finding,confidence",
        "A, NORMAL/n0.png ,before,normal,4",
        "A,x,after,pneumonia,",
    )
    first, second = read_answers("\n".join(lines).encode("utf-8-sig"))
    assert (first.film, first.confidence, second.confidence) == ("NORMAL/n0.png", 4, None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe\x00", "as CSV in UTF-8"),
        (b"reader,film\nA,x\n", "phase, finding is missing"),
        (b"reader,film,phase,finding\nA,x,before,maybe\n", "Line 2 of .*as finding, got 'maybe'"),
        (b"reader,film,phase,finding,confidence\nA,x,before,normal,high\n", "Line 2 of"),
    ],
)
def test_faulty_answers_are_told_by_line(data, words):
    with pytest.raises(DataSetError, match=words):
        read_answers(data)
