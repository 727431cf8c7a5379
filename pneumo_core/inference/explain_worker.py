"""Explanations in a process of their own: TensorFlow stays out of the server, and no page waits.

One worker process serves all sessions of a server, one request after the other, and ends when it
has been idle for two minutes. What the network saw of a film goes to it through a pipe, the maps
come back the same way: nothing is written to the disk.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from pneumo_core.config import ROOT, as_environment, load_settings
from pneumo_core.errors import PneumoError
from pneumo_core.inference.explain import Explanation, explanations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle

IDLE_SECONDS = 120.0
ENDED = (
    "The process that computes the maps ended unexpectedly, perhaps out of memory. Try again "
    "with fewer methods."
)
log = logging.getLogger(__name__)


@dataclass
class Request:
    """Maps that were asked for, and how far they are; written by the thread of an `Explainer`.

    state: "waiting" (for others), "running", "done", "failed" (why in `error`) or "stopped".
    """

    bundle: Bundle
    film: NDArray[np.uint8]  # (S,S), what the network saw
    methods: tuple[str, ...]
    target: str
    sanity: bool = False
    found: list[Explanation] = field(default_factory=list)
    state: str = "waiting"
    error: str = ""

    @property
    def active(self) -> bool:
        """Whether maps are still to come."""
        return self.state in {"waiting", "running"}


class Explainer:
    """The worker process and the requests that wait for it. Safe to share between threads."""

    def __init__(self, command: Sequence[str] = (), idle: float = IDLE_SECONDS) -> None:
        self._command = tuple(command) or (sys.executable, "-m", __name__)
        self._idle = idle
        self._changed = threading.Condition()
        self._waiting: list[Request] = []
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def submit(self, request: Request) -> Request:
        """Put a request at the end of the queue; returns it at once."""
        with self._changed:
            self._waiting.append(request)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, daemon=True, name="explainer")
                self._thread.start()
            self._changed.notify()
        return request

    def stop(self, request: Request) -> None:
        """Stop a request; the maps that it has stay."""
        with self._changed:
            running = request.state == "running"
            if request.active:
                request.state = "stopped"
            if request in self._waiting:
                self._waiting.remove(request)
            if running and self._process is not None:
                self._process.kill()

    def _serve(self) -> None:
        """The thread: one request after the other, until none has come for a while."""
        while True:
            with self._changed:
                if not self._waiting and not self._changed.wait_for(
                    lambda: bool(self._waiting), self._idle
                ):
                    self._thread = None
                    self._end()
                    return
                request = self._waiting.pop(0)
                request.state = "running"
            try:
                self._answer(request)
            except Exception:
                log.exception("Explanations failed.")
                self._finish(request, "failed", ENDED)
                self._end()

    def _answer(self, request: Request) -> None:
        process = self._running()
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
        asked = {
            "bundle": request.bundle.name,
            "models": str(request.bundle.path.parent),
            "digest": request.bundle.digest,
            "film": _packed(request.film),
            "methods": request.methods,
            "target": request.target,
            "sanity": request.sanity,
        }
        with suppress(BrokenPipeError):  # an ended process says nothing below
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            process.stdin.flush()
        for line in process.stdout:
            answer = json.loads(line)
            if "map" in answer:
                request.found.append(_explanation(answer))
                continue
            error = answer.get("error", "")
            return self._finish(request, "failed" if error else "done", error)
        self._end()
        return self._finish(request, "failed", ENDED)

    def _finish(self, request: Request, state: str, error: str) -> None:
        with self._changed:
            if request.state == "running":  # or it was stopped
                request.state, request.error = state, error

    def _running(self) -> subprocess.Popen[bytes]:
        """The worker process, started if there is none."""
        with self._changed:
            if self._process is None or self._process.poll() is not None:
                path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={**os.environ, **as_environment(load_settings()), "PYTHONPATH": path},
                )
            return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr] # both are pipes
        process.wait()


def answer_requests(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Answer each line of `asked`, a request, with a line for each map, then one that ends it."""

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content).encode() + b"\n")
        answers.flush()

    for line in asked:
        request = json.loads(line)
        try:
            bundle = _bundle(request)
            film = _unpacked(request["film"], np.uint8)
            for one in explanations(
                bundle, film, request["methods"], request["target"], sanity=request["sanity"]
            ):
                answer(
                    {
                        "map": _packed(one.cam),
                        "method": one.method,
                        "target": one.target,
                        "probability": one.probability,
                        "randomised": one.randomised,
                        "randomised_flat": one.randomised_flat,
                    }
                )
        except PneumoError as error:
            answer({"error": str(error)})
        else:
            answer({})


def _bundle(request: dict[str, Any]) -> Bundle:
    from pneumo_core.bundle import load_bundle

    models = Path(request["models"])
    bundle = load_bundle(request["bundle"], models_dir=models, verify=False)
    if bundle.digest != request["digest"]:
        raise PneumoError(
            "The model that read this film has since been replaced. Read the film again, then "
            "compare the maps."
        )
    return bundle


def _packed(array: NDArray[Any]) -> dict[str, Any]:
    return {"shape": array.shape, "data": base64.b64encode(array.tobytes()).decode()}


def _unpacked(packed: dict[str, Any], kind: type[Any]) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(packed["data"]), kind).reshape(packed["shape"])


def _explanation(answer: dict[str, Any]) -> Explanation:
    return Explanation(
        answer["method"],
        answer["target"],
        _unpacked(answer["map"], np.float32),
        answer["probability"],
        answer["randomised"],
        answer["randomised_flat"],
    )


def _main() -> None:
    """The worker process: requests on standard input, answers on what was standard output."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    if hasattr(os, "nice"):
        os.nice(10)  # the page goes first
    answer_requests(sys.stdin.buffer, answers)


if __name__ == "__main__":
    _main()
