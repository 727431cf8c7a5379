"""What is read after a stop: a fair part of the films, within a budget of seconds."""

import numpy as np
import pytest

from pneumo_core.bundle.framing import Framing
from pneumo_core.bundle.openvino_graph import Graph
from pneumo_core.synthetic.appearance import synthetic_film
from pneumo_core.training.feature_checks import ORIENTATION, OUT_OF_DISTRIBUTION, Extent, extents
from pneumo_core.training.hardware import Gpu, Machine
from pneumo_core.training.runs.stopped import (
    ANSWER_SECONDS,
    LEAST_ANSWERS,
    LEAST_CHECK_READS,
    QuickRead,
    StoppedNetwork,
    fair_order,
    fit_checks_in_time,
    read_in_time,
    seconds_after_stop,
)


def test_every_beginning_has_the_classes_of_all_films():
    labels = np.array([0] * 10 + [1] * 20 + [2] * 10)
    order = fair_order(labels, np.arange(40), seed=1)
    assert sorted(order) == list(range(40))
    for end in range(4, 41, 4):
        first = np.bincount(labels[order[:end]], minlength=3)
        assert np.abs(first - np.array([0.25, 0.5, 0.25]) * end).max() <= 1
    assert (fair_order(labels, np.arange(40), seed=2) != order).any()


def test_no_patient_has_a_second_film_before_each_has_one():
    patients = np.array(["a"] * 5 + ["b", "c", "d"])
    order = fair_order(np.zeros(8, int), patients, seed=3)
    assert sorted(patients[order[:4]]) == ["a", "b", "c", "d"]


def by_mean(films):
    """A network of two logits and two features, as `StoppedNetwork` answers."""
    mean = films.mean(axis=(1, 2)).astype("float32")
    return np.stack([-mean, mean], 1), np.stack([mean, mean * 2], 1)


@pytest.mark.parametrize(("seconds_a_look", "films"), [(1000.0, LEAST_ANSWERS), (0.0, 300)])
def test_time_decides_how_many_are_read_but_for_the_fewest(seconds_a_look, films):
    inputs = np.random.default_rng(0).integers(0, 256, (400, 4, 4), dtype=np.uint8)
    rows = np.random.default_rng(1).permutation(400)[:300]
    ticks = iter(np.arange(1000) * seconds_a_look)
    read = read_in_time(by_mean, inputs, rows, clock=lambda: next(ticks))
    np.testing.assert_array_equal(read.rows, rows[:films])
    np.testing.assert_array_equal(read.logits, by_mean(inputs[rows[:films]])[0])
    assert read.pooled.shape == (films, 2)


def test_of_few_films_all_are_read():
    inputs = np.zeros((20, 4, 4), np.uint8)
    ticks = iter(np.arange(100) * 1000.0)
    read = read_in_time(by_mean, inputs, np.arange(20), clock=lambda: next(ticks))
    assert len(read.rows) == 20


def reads_of(first, second):
    """Films read for both checks, beside those whose features are known."""
    return first.films + first.views * first.held_out + 4 * (second.films + second.held_out)


def test_the_checks_are_fitted_on_what_time_allows():
    first, second = extents(LEAST_CHECK_READS)
    assert (first, second) == (Extent(36, 11, 3), Extent(13, 6))
    assert reads_of(first, second) <= 1.05 * LEAST_CHECK_READS
    more = extents(1000)
    assert more[0].views == 20
    assert reads_of(*more) == pytest.approx(1000, rel=0.1)
    most = extents(100_000)
    assert (most[0].films, most[0].held_out) == (1000, 60)
    assert most[1] == ORIENTATION
    assert OUT_OF_DISTRIBUTION.views is None


def test_the_facts_say_from_how_few_films_the_checks_are():
    films = np.stack([synthetic_film("normal", seed, size=32) for seed in range(60)])

    def columns_and_rows(seen):
        return None, np.concatenate([seen.mean(1), seen.mean(2)], axis=1).astype("float32")

    counted = []

    def network(seen):
        counted.append(len(seen))
        return columns_and_rows(seen)

    network.check_reads = 144
    rows = np.arange(60)[::-1]
    read = QuickRead(network, rows, None, columns_and_rows(films[rows])[1])
    (_, known), (_, upright) = fit_checks_in_time(read, Framing(32, None, None), films, seed=1)
    assert (known["learnt_from"], known["directions"]) == (36, 18)
    assert known["measured_on"] == "11 other films as they are and in 3 views"
    assert (upright["learnt_from"], upright["measured_on"]) == (13, 6)
    assert upright["referred"]["sideways"]["films"] == 6
    assert sum(counted) == reads_of(*extents(144))


def test_the_time_after_a_stop_is_bounded():
    fast, slow = 0.001, 1.0
    assert seconds_after_stop(1000, fast)[0] == pytest.approx(1.0)
    answers, bundle = seconds_after_stop(1000, 0.04)
    assert answers == ANSWER_SECONDS
    assert bundle < 30
    assert seconds_after_stop(1000, slow)[0] == LEAST_ANSWERS
    assert seconds_after_stop(50, slow)[0] == 50


def machine(*gpus):
    return Machine(2, 2**33, "2 cores", gpus, "tensorflow", "float32", False, "")


@pytest.mark.keras
@pytest.mark.usefixtures("eager")
def test_graph_and_keras_answer_alike_and_the_graph_takes_the_shift_of_the_head(tmp_path):
    from pneumo_core.training.network import build_network, predict_logits

    made = build_network("cnn", size=64, classes=3, weights="none")
    films = np.random.default_rng(0).integers(0, 256, (20, 64, 64), dtype=np.uint8)
    expected = predict_logits(made, films)
    quick, usual = StoppedNetwork(made, machine()), StoppedNetwork(made, machine(Gpu("one", 0)))
    (logits, pooled), (of_keras, features) = quick(films), usual(films)
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    np.testing.assert_allclose(of_keras, expected, atol=1e-4)
    np.testing.assert_allclose(pooled, features, atol=1e-4)
    assert (quick.films, pooled.shape) == (20, (20, 256))
    assert quick.check_reads >= LEAST_CHECK_READS
    assert usual.full_graph(np.zeros(3)) is None
    shift = np.float32([0, 1, 2])
    quick.full_graph(shift)(tmp_path / "shifted.xml")
    shifted, _ = Graph(tmp_path / "shifted.xml")(films[..., None].astype("float32"))
    np.testing.assert_allclose(shifted, expected + shift, atol=1e-4)
