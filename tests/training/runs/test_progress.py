"""The time left of a whole run: of its phases, steady, and absent rather than wrong."""

from types import SimpleNamespace

import pytest

from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs import progress
from pneumo_core.training.runs.progress import (
    RemainingPhases,
    also_to_status,
    forget_robustness,
    smoothed,
    time_left,
)
from pneumo_core.training.runs.run import create_run
from pneumo_core.training.runs.status import RunStatus

of = RunStatus.of
AHEAD = RemainingPhases(answers=40.0, after=120.0, bundle=30.0, robustness=20.0)
WITHOUT = RemainingPhases(answers=40.0, after=100.0, bundle=30.0)


@pytest.mark.parametrize(
    ("phase", "share", "own", "left"),
    [
        ("validation", 0.25, None, 150.0),  # three quarters of the answers, and what follows
        ("validation", 0.25, 50.0, 170.0),  # as fast as it is by now
        ("bundle", 0.0, None, 50.0),
        ("bundle", 1.0, None, 20.0),
        ("robustness", 0.25, None, 15.0),
        ("robustness", 0.25, 30.0, 30.0),
        ("familiar", 0.0, None, None),  # a part of making the model: the time runs down
        ("decode", 0.5, 4.0, None),  # the training lies ahead
    ],
)
def test_a_phase_counts_what_follows_it(phase, share, own, left):
    assert AHEAD.left(phase, share, own) == left


def test_a_suite_that_is_not_run_takes_no_time(tmp_path):
    assert WITHOUT.left("bundle", 0.0, None) == 30
    assert WITHOUT.left("bundle", 1.0, None) is None
    run = create_run(tmp_path, make_recipe("quick", backbone="cnn"), data=tmp_path, bundle="m")
    forget_robustness(run)  # before any training nothing is ahead
    run.update(**AHEAD.facts())
    forget_robustness(run)
    assert RemainingPhases.of(run.status()).left("bundle", 0.0, None) == 30


def test_before_any_training_nothing_is_promised():
    assert RemainingPhases.of(of({})) is None
    assert RemainingPhases.of(of({"ahead_of_training": {"answers": 1.0}})) is None


def test_the_figure_falls_without_jumps():
    first = smoothed(of({}), 60.0, 1000.0)
    assert first == {"seconds_left": 60.0, "left_at": 1000.0}
    assert time_left(of(first), 1010.0) == 50
    assert smoothed(of(first), 80.0, 1010.0)["seconds_left"] == 59  # 50, and 0.3 of what is missing
    assert smoothed(of(first), 80.0, 1010.0, restart=True)["seconds_left"] == 80
    assert smoothed(of(first), None, 1010.0)["seconds_left"] == 50
    assert smoothed(of(first), None, 1010.0, restart=True)["seconds_left"] == 50


def test_a_time_that_has_run_out_is_not_told():
    told = smoothed(of({}), 60.0, 1000.0)
    assert time_left(of(told), 1060.0) is None
    assert smoothed(of(told), None, 1061.0)["seconds_left"] is None
    assert smoothed(of(told), 12.0, 1061.0)["seconds_left"] == 12
    assert time_left(of({})) is None
    assert time_left(of({"seconds_left": 95.0})) == 95  # of an earlier version, without its moment


def test_the_time_left_goes_on_after_the_training_to_the_end_of_the_run(tmp_path, monkeypatch):
    clock = [0.0]
    now = SimpleNamespace(monotonic=lambda: clock[0], time=lambda: clock[0])
    monkeypatch.setattr(progress, "time", now)
    run = create_run(tmp_path, make_recipe("quick", backbone="cnn"), data=tmp_path, bundle="m")
    told = []
    report = also_to_status(run, lambda *_: told.append(time_left(run.status(), clock[0])))

    def at(moment, *facts):
        clock[0] = moment
        report(*facts, "")

    at(0.0, "decode", 1, 30)
    at(5.0, "decode", 30, 30)
    assert told == [None, None]
    run.update(**RemainingPhases(answers=40.0, after=30.0, bundle=30.0).facts())
    at(100.0, "validation", 1, 5)
    at(110.0, "validation", 2, 5)  # ten seconds a view: as was expected
    at(140.0, "validation", 5, 5)
    at(141.0, "bundle", 0, 1)
    at(143.0, "familiar", 0, 1)
    assert run.status().phase == "making the model"
    at(165.0, "bundle", 1, 1)
    assert told[2:] == pytest.approx([62.0, 54.4, 26.08, 30.0, 28.0, 6.0], abs=0.1)
    assert run.status().took == {"validation": 50.0, "bundle": 24.0}


def test_a_second_fold_is_timed_from_its_own_beginning(tmp_path, monkeypatch):
    clock = [0.0]
    now = SimpleNamespace(monotonic=lambda: clock[0], time=lambda: clock[0])
    monkeypatch.setattr(progress, "time", now)
    run = create_run(tmp_path, make_recipe("quick", backbone="cnn"), data=tmp_path, bundle="m")
    report = also_to_status(run, lambda *_: None)
    for began in (0.0, 1000.0):
        for done in (1, 2, 3):
            clock[0] = began + 10 * done
            report("validation", done, 3, "")
    assert run.status().took == {"validation": 30.0}
