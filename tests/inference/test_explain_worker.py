"""The process that computes explanations: its answers, its failures, and that it may be stopped."""

from __future__ import annotations

import io
import json
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pneumo_core.inference import explain_worker
from pneumo_core.inference.explain import Explanation
from pneumo_core.inference.explain_worker import ENDED, Explainer, Request, answer_requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.bundle import Bundle

# A worker that answers without TensorFlow: a map for each method, then what it was told to do.
FAKE = """
import json, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    for method in asked["methods"]:
        if method == "dies":
            sys.exit(1)
        if method == "hangs":
            time.sleep(600)
        zero = {"shape": [1, 1], "data": "AAAAAA=="}
        print(json.dumps({"map": zero, "method": method, "target": asked["target"],
                          "probability": 0.5, "randomised": None,
                          "randomised_flat": ""}), flush=True)
    print(json.dumps({}), flush=True)
"""


@pytest.fixture
def explainer() -> Explainer:
    return Explainer([sys.executable, "-c", FAKE], idle=0.2)


def wait(done: Callable[[], bool]) -> None:
    step = threading.Event()
    for _ in range(6000):
        if done():
            return
        step.wait(0.01)
    pytest.fail("Expected an end within a minute.")


def request(bundle: Bundle, *methods: str) -> Request:
    return Request(bundle, np.zeros((64, 64), np.uint8), methods, "pneumonia")


def test_requests_are_answered_in_turn_and_an_idle_process_ends(
    tiny_bundle: Bundle, explainer: Explainer
) -> None:
    one, other = (
        explainer.submit(request(tiny_bundle, *m)) for m in (("cam", "gradcam"), ("cam",))
    )
    wait(lambda: not one.active and not other.active)
    assert (one.state, other.state) == ("done", "done")
    assert [found.method for found in one.found] == ["cam", "gradcam"]
    assert one.found[0].cam.tolist() == [[0.0]]
    wait(lambda: explainer._process is None)


def test_a_process_that_dies_is_said_in_words_and_the_next_request_starts_another(
    tiny_bundle: Bundle, explainer: Explainer
) -> None:
    one = explainer.submit(request(tiny_bundle, "cam", "dies"))
    other = explainer.submit(request(tiny_bundle, "cam"))
    wait(lambda: not one.active and not other.active)
    assert (one.state, one.error, len(one.found)) == ("failed", ENDED, 1)
    assert other.state == "done"


def test_a_request_is_stopped_with_the_maps_that_it_has(
    tiny_bundle: Bundle, explainer: Explainer
) -> None:
    one = explainer.submit(request(tiny_bundle, "cam", "hangs"))
    waiting = explainer.submit(request(tiny_bundle, "cam"))
    wait(lambda: len(one.found) == 1)
    explainer.stop(waiting)
    explainer.stop(one)
    assert (one.state, waiting.state, waiting.found) == ("stopped", "stopped", [])
    wait(lambda: explainer._process is None)


def test_the_process_answers_a_line_a_map_and_says_a_failure(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def explained(bundle, film, methods, target, *, sanity):
        seen.append((bundle.name, film.shape, film.dtype, sanity))
        return [Explanation(m, target, np.eye(2, dtype=np.float32), 0.7, 0.1) for m in methods]

    monkeypatch.setattr(explain_worker, "explanations", explained)
    replaced = replace(tiny_bundle, digest="0" * 64)
    lines = [json.dumps(_asked(one)) for one in (tiny_bundle, replaced)]
    out = io.BytesIO()
    answer_requests(io.BytesIO("\n".join(lines).encode()), out)
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert seen == [("tiny", (64, 64), np.uint8, True)]
    assert answers[0]["method"] == "gradcam"
    assert answers[0]["map"]["shape"] == [2, 2]
    assert answers[1] == {}
    assert answers[2]["error"].startswith("The model that read this film has since been replaced.")


def _asked(bundle: Bundle) -> dict[str, Any]:
    return {
        "bundle": bundle.name,
        "models": str(bundle.path.parent),
        "digest": bundle.digest,
        "film": explain_worker._packed(np.zeros((64, 64), np.uint8)),
        "methods": ["gradcam"],
        "target": "pneumonia",
        "sanity": True,
    }
