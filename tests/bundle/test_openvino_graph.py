"""A graph traced with one film: its batch is opened, and what cannot be opened is said in words."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pneumo_core.bundle import openvino_graph
from pneumo_core.bundle.openvino_graph import OUTPUTS, Graph, free_batch, openvino
from pneumo_core.bundle.write import _run_graph
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path


def squeezing(*targets: list[int]) -> Any:
    """Films (?,2,2,3): their mean a channel, reshaped to each of `targets`, times the film."""
    ov = openvino()
    op = ov.opset13
    film = op.parameter([-1, 2, 2, 3], np.float32)
    scale = op.reduce_mean(film, op.constant(np.array([1, 2])), keep_dims=False)
    for target in targets:
        scale = op.reshape(scale, op.constant(np.array(target)), special_zero=False)
    weights = op.reshape(op.constant(np.float32([1, 2, 3])), op.constant([1, 1, 1, 3]), False)
    return ov.Model([op.multiply(op.multiply(film, scale), weights)], [film], "squeezing")


def run(graph: Any, films: Any) -> Any:
    return openvino().Core().compile_model(graph, "CPU")(films)[0]


def test_every_reshape_of_films_keeps_the_batch_and_weights_are_let_be() -> None:
    films = np.arange(24, dtype=np.float32).reshape(2, 2, 2, 3)
    graph = squeezing([1, 3, 1], [1, 1, 1, 3])
    with pytest.raises(RuntimeError):
        run(squeezing([1, 3, 1], [1, 1, 1, 3]), films)
    assert free_batch(graph) == 2
    assert str(graph.output(0).get_partial_shape()) == "[?,2,2,3]"
    expected = films * films.mean(axis=(1, 2), keepdims=True) * [1, 2, 3]
    np.testing.assert_allclose(run(graph, films), expected, rtol=1e-6)
    np.testing.assert_allclose(run(graph, films[:1]), expected[:1], rtol=1e-6)


def test_a_batch_that_is_open_is_let_be() -> None:
    assert free_batch(squeezing([-1, 1, 1, 3])) == 0


def test_a_network_that_takes_one_film_alone_is_named_with_what_to_do() -> None:
    def one_alone(films: Any) -> Any:
        if len(films) > 1:
            raise RuntimeError("Reshape")
        return films[:, 0, 0], films

    films = np.zeros((3, 4, 4, 1), np.float32)
    with pytest.raises(BundleError, match=r"network effnet to take several films .*TensorFlow is"):
        _run_graph(one_alone, films, "effnet")  # type: ignore[arg-type]


def write_small(path: Path) -> None:
    """A bundle's graph of one convolution on films (?,8,8,1), with random weights."""
    ov, rng = openvino(), np.random.default_rng(0)
    op = ov.opset13
    film = op.parameter([-1, 8, 8, 1], np.float32)
    kernel = op.constant(rng.normal(size=(64, 1, 3, 3)).astype(np.float32))
    places = op.transpose(film, op.constant([0, 3, 1, 2]))
    features = op.relu(op.convolution(places, kernel, [1, 1], [1, 1], [1, 1], [1, 1]))
    head = op.constant(rng.normal(size=(64, 3)).astype(np.float32))
    logits = op.matmul(op.reduce_mean(features, op.constant([2, 3]), False), head, False, False)
    results = [logits, op.transpose(features, op.constant([0, 2, 3, 1])), head]
    results = [op.result(one) for one in results]
    for result, name in zip(results, OUTPUTS, strict=True):
        result.output(0).tensor.set_names({name})
    ov.save_model(ov.Model(results, [film], "small"), path, compress_to_fp16=False)


def test_a_graph_keeps_its_answers_when_its_file_is_overwritten(tmp_path: Path) -> None:
    """Mapped files would change them: to zeros here, before the first film."""
    path, film = tmp_path / "model.xml", np.ones((1, 8, 8, 1), np.float32)
    write_small(path)
    expected = Graph(path)(film)[0].copy()
    graph = Graph(path)
    weights = path.with_suffix(".bin")
    with weights.open("r+b") as stream:
        stream.write(bytes(weights.stat().st_size))
    assert np.abs(expected).min() > 0.1
    np.testing.assert_array_equal(graph(film)[0], expected)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own here")
@pytest.mark.parametrize(("before", "after"), [(0, 10), (15, 15)])
def test_a_networks_threads_give_way_and_never_ask_for_more_than_they_have(
    monkeypatch, before, after
):
    asked: list[int] = []

    def refuse(_which: int, _thread: int, priority: int) -> None:
        asked.append(priority)
        raise PermissionError

    monkeypatch.setattr(os, "getpriority", lambda *_: before)
    monkeypatch.setattr(os, "setpriority", refuse)
    openvino_graph._give_way()
    assert asked == [after]
