"""What a run will take: measured paces, rough ones, and what makes it impossible."""

import json
from dataclasses import asdict, replace

import pytest

from pneumo_core.config import Settings
from pneumo_core.errors import DataSetError
from pneumo_core.training import hardware
from pneumo_core.training.dataset import Material, lacks, material
from pneumo_core.training.hardware import Gpu, Machine, cached_machine
from pneumo_core.training.held_out import POINT_VIEWS, SUITE_VIEWS, VIEWS
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs import estimate as module
from pneumo_core.training.runs import estimate as pace
from pneumo_core.training.runs.estimate import (
    Estimate,
    Pace,
    estimate,
    known_pace,
    measure_pace,
    shortages,
)
from pneumo_core.training.runs.run import create_run

CNN = make_recipe("quick", backbone="cnn", size=64)
PACE = Pace(train=0.01, validation=0.004, start=10.0, save=2.0, memory=2**30, measured="today")
GIB = 2**30


@pytest.fixture
def settings(tmp_path):
    return Settings(
        models_dir=tmp_path / "models", runs_dir=tmp_path / "runs", cache_dir=tmp_path / "cache"
    )


def keep(recipe, settings, found):
    path = pace._pace_file(recipe, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(found)))


def test_a_measured_pace_gives_the_time_of_every_part(settings, monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 2)
    keep(CNN, settings, PACE)
    found = estimate(replace(CNN, robustness=True, stress_films=50), 1000, settings)
    epoch = 800 * 0.01 + 200 * 0.004 + 2
    assert found.measured
    assert found.memory == GIB
    an_answer = 0.004 + 0.003 * 0.16 / 2
    suite = 50 * len(SUITE_VIEWS) * an_answer
    answers = 200 * len(POINT_VIEWS) * an_answer
    bundle = 5000 * (0.004 + 0.003 * 0.16 / 2) + 7
    without = 10 + 3 * epoch + answers + 1000 * 0.02 / 2 + bundle
    assert found.seconds == pytest.approx(without + suite)
    assert not CNN.robustness  # quick: the suite is not run, and takes no time
    assert estimate(CNN, 1000, settings).seconds == pytest.approx(without)


def test_folds_are_trained_each_and_all_films_at_the_end(settings, monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 2)
    keep(CNN, settings, PACE)
    recipe = replace(CNN, folds=2, epochs=1, robustness=True, stress_films=0)
    found = estimate(recipe, 1000, settings)
    answers = 500 * len(VIEWS) * (0.004 + 0.003 * 0.16 / 2)
    fold = 10 + 500 * 0.01 + 500 * 0.004 + 2 + answers
    everything = 10 + 1000 * 0.01 + 2
    bundle = 5000 * (0.004 + 0.003 * 0.16 / 2) + 7
    assert found.seconds == pytest.approx(2 * fold + everything + 10 + bundle)


def test_folds_that_are_not_measured_take_no_time(settings):
    keep(CNN, settings, PACE)
    whole = estimate(replace(CNN, folds=5), 1000, settings).seconds
    two = estimate(replace(CNN, folds=5, measured_folds=2), 1000, settings).seconds
    one = estimate(replace(CNN, folds=5, measured_folds=1), 1000, settings).seconds
    assert whole - two == pytest.approx(3 * (two - one))


def test_every_block_takes_as_long_as_a_network_from_scratch(settings):
    upper = replace(CNN, backbone="resnet50", weights="imagenet")
    whole, scratch = replace(upper, trained_from="all"), replace(upper, weights="none")
    upper, whole, scratch = (estimate(one, 1000, settings) for one in (upper, whole, scratch))
    assert whole == scratch
    assert whole.seconds > 1.5 * upper.seconds
    assert whole.memory > upper.memory


def test_on_a_gpu_a_batch_takes_none_of_the_computers_memory(settings):
    small, large = (estimate(replace(CNN, batch=b), 1000, settings, gpus=1) for b in (8, 512))
    assert small.memory == large.memory


def test_without_a_measure_the_time_is_said_to_be_rough(settings):
    found = estimate(CNN, 1000, settings)
    assert not found.measured
    assert found.sentence().startswith("very roughly ")
    assert replace(found, measured=True, seconds=900.0, least=900.0).sentence() == "about 15 min"
    large = estimate(
        replace(CNN, backbone="resnet50", weights="imagenet", size=224), 1000, settings
    )
    scratch = estimate(replace(CNN, backbone="resnet50", size=224), 1000, settings)
    assert found.seconds < large.seconds < scratch.seconds
    assert found.memory < large.memory < scratch.memory
    assert estimate(CNN, 1000, settings, gpus=1).seconds < found.seconds


def test_a_pace_is_of_one_network_size_batch_start_and_machine(settings, monkeypatch):
    keep(CNN, settings, PACE)
    assert known_pace(CNN, settings) == PACE
    assert known_pace(replace(CNN, epochs=9, seed=1, learning_rate=0.1), settings) == PACE
    for other in ({"size": 96}, {"batch": 8}, {"backbone": "resnet50"}, {"precision": "float32"}):
        assert known_pace(replace(CNN, **other), settings) is None
    monkeypatch.setattr(pace, "machine_key", lambda: "another machine")
    assert known_pace(CNN, settings) is None


def test_an_earlier_run_of_this_kind_is_a_measure_too(settings):
    facts = {name: value for name, value in asdict(PACE).items() if name != "measured"}
    run = create_run(settings.runs_dir, CNN, data=settings.runs_dir, bundle="m")
    assert known_pace(CNN, settings) is None
    run.update(pace=facts)
    assert replace(known_pace(CNN, settings), measured="today") == PACE
    assert known_pace(replace(CNN, size=96), settings) is None
    run.update(host="another machine")
    assert known_pace(CNN, settings) is None


@pytest.mark.keras
def test_the_pace_is_measured_on_the_routine_itself_and_kept(settings, eager):
    heard = []
    recipe = replace(CNN, batch=2, precision="float32")
    found = measure_pace(recipe, settings, report=lambda *facts: heard.append(facts))
    assert 0 < found.train < 60
    assert 0 < found.validation < 60
    assert found.start > 0
    assert found.memory > 50 * 2**20
    assert known_pace(recipe, settings) == found
    assert heard[0] == ("pace", 0, 1, "measuring 4 steps of cnn at 64 px")


def test_too_little_memory_or_disk_is_told_in_numbers(settings, monkeypatch):
    monkeypatch.setattr(module, "memory_left", lambda: 2 * GIB)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Disk(free=100 * GIB))
    expected = Estimate(60.0, 5 * GIB, measured=True)
    (told,) = shortages(CNN, 1000, expected, settings)
    assert told.startswith("Expected about 5 GB of free memory, as measured here; 2 GB are")
    guessed = replace(expected, measured=False)
    monkeypatch.setattr(module, "memory_limit", lambda: 8 * GIB)
    assert shortages(CNN, 1000, guessed, settings) == []
    monkeypatch.setattr(module, "memory_limit", lambda: 4 * GIB)
    (told,) = shortages(CNN, 1000, guessed, settings)
    assert told.startswith("Expected very roughly 5 GB of memory; this machine has 4 GB in")
    assert shortages(CNN, 1000, replace(expected, memory=GIB), settings) == []
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Disk(free=GIB))
    (told,) = shortages(CNN, 1000, replace(expected, memory=GIB), settings)
    assert "1 GB are free. Free some space" in told


class Disk:
    def __init__(self, free):
        self.free = free


FILMS = Material(
    normal=40,
    bacterial=50,
    viral=30,
    unknown=0,
    normal_patients=20,
    pneumonia_patients=30,
    test=10,
)


def test_films_are_counted_by_their_names(tmp_path):
    names = [
        *(f"train/NORMAL/IM-{i:04}-0001.jpeg" for i in range(3)),
        "train/PNEUMONIA/person1_bacteria_1.jpeg",
        "train/PNEUMONIA/person1_bacteria_2.jpeg",
        "val/PNEUMONIA/person1_virus_1.jpeg",
        "val/PNEUMONIA/somebody.jpeg",
        "test/NORMAL/IM-0009-0001.jpeg",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = material(tmp_path)
    assert (found.normal, found.bacterial, found.viral, found.unknown) == (3, 2, 1, 1)
    assert (found.normal_patients, found.pneumonia_patients) == (3, 3)
    assert (found.films, found.test) == (7, 1)
    assert found.sentence() == (
        "7 training films: 3 normal / 2 bacterial / 1 viral / 1 pneumonia of unknown kind"
    )
    with pytest.raises(DataSetError, match="Expected a folder of films"):
        material(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("changes", "recipe", "words"),
    [
        ({}, CNN, []),
        ({"viral": 0}, CNN, ["there is no viral film. Choose the task with two classes."]),
        ({"viral": 0}, replace(CNN, task="binary"), []),
        ({"unknown": 12}, CNN, ["12 are of unknown kind. Choose the task with two classes."]),
        ({"normal_patients": 4}, CNN, ["at least 5 normal patients", "got 4"]),
        ({"pneumonia_patients": 9}, replace(CNN, folds=10), ["at least 10 pneumonia patients"]),
        (
            {"normal": 0, "bacterial": 0, "viral": 0, "normal_patients": 0},
            CNN,
            ["all films of this folder are in test/"],
        ),
    ],
)
def test_what_the_films_lack_is_told_before_anything_starts(changes, recipe, words):
    told = " ".join(lacks(replace(FILMS, **changes), recipe))
    assert bool(told) is bool(words)
    for part in words:
        assert part in told


def machine(**changes):
    facts = {"cores": 2, "memory": 24 * GIB, "processor": "2 CPU cores", "gpus": ()}
    facts |= {"backend": "tensorflow", "policy": "float32", "xla": False}
    return Machine(**{**facts, "key": hardware.machine_key(), **changes})


def test_the_machine_is_known_as_long_as_it_is_the_same(settings, monkeypatch):
    assert cached_machine(settings) is None
    gpu = machine(gpus=(Gpu("NVIDIA H200", 140 * GIB),))
    settings.cache_dir.mkdir()
    (settings.cache_dir / "machine.json").write_text(json.dumps(asdict(gpu)))
    assert cached_machine(settings) == gpu
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert cached_machine(settings) is None


def test_the_machine_in_one_line():
    assert machine().sentence() == "2 CPU cores, 24 GB of memory, no GPU"
    gpus = (Gpu("NVIDIA H200", 140 * GIB),)
    assert machine(cores=1, gpus=gpus).sentence() == (
        "1 CPU core, 24 GB of memory, NVIDIA H200 (140 GB)"
    )


def test_the_time_says_how_early_a_run_may_stop(settings):
    whole = replace(CNN, epochs=12, patience=4)
    found = estimate(whole, 1000, settings)
    assert found.least == estimate(replace(CNN, epochs=5, patience=0), 1000, settings).seconds
    assert found.least < found.seconds
    assert " (if it stops early) to " in found.sentence()
    last_counts = estimate(replace(CNN, epochs=12, patience=0), 1000, settings)
    assert last_counts.least == last_counts.seconds
    assert " to " not in last_counts.sentence()


def test_sources_that_are_left_out_take_a_training_each(settings):
    keep(CNN, settings, PACE)
    plain = estimate(CNN, 1000, settings, sources=2)
    found = estimate(replace(CNN, leave_source_out=True), 1000, settings, sources=2)
    epoch = 400 * 0.01 + 100 * 0.004 + 2  # of 500 films a fifth chooses the epoch
    a_source = 10 + 3 * epoch + 500 * 0.004
    assert found.seconds - plain.seconds == pytest.approx(2 * a_source)
    assert estimate(replace(CNN, leave_source_out=True), 1000, settings) == estimate(
        CNN, 1000, settings
    )
