"""How long a reading takes: the start, one film, and the same network the usual way.

    python -m bench.reading [--model NAME]

Prints a Markdown table; every row is the median of its repeats on this machine, on synthetic
films. The usual way is Keras's `model.predict` on one film at a time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from pneumo_core.bundle import Bundle, load_bundle
from pneumo_core.config import ROOT
from pneumo_core.imaging.decode import Film, SourceFacts
from pneumo_core.synthetic.appearance import synthetic_film

if TYPE_CHECKING:
    from collections.abc import Callable

START = """
import sys, time
from pneumo_core.bundle import load_bundle
from pneumo_core.synthetic.appearance import synthetic_film
from pneumo_core.inference.runtime import Runtime
bundle = load_bundle(sys.argv[1])
Runtime(bundle).run(synthetic_film("normal", 0, size=bundle.size)[None])
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="bundle to read with; the one in service if not said")
    bundle = load_bundle(parser.parse_args().model)
    print(f"{bundle.name} {bundle.version}, {bundle.size} px, {os.cpu_count()} cores\n")
    print("| what | median |\n| --- | --- |")
    for what, milliseconds in (
        ("start of a process to its first logits", timed(lambda: first_answer(bundle), 5)),
        ("one film through the runtime: logits and map", runtime(bundle)),
        ("one 1024 px film read whole: image check, range, map, decision", reading(bundle)),
        ("one film through Keras `model.predict`, logits alone", keras_predict(bundle)),
    ):
        print(f"| {what} | {milliseconds:,.0f} ms |", flush=True)


def timed(action: Callable[[], object], repeats: int) -> float:
    """Median milliseconds of `action`, after one warm-up."""
    action()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        spent.append(1000 * (time.perf_counter() - start))
    return median(spent)


def first_answer(bundle: Bundle) -> None:
    """A fresh process that answers for one film."""
    subprocess.run([sys.executable, "-c", START, bundle.name], check=True, cwd=ROOT)


def runtime(bundle: Bundle) -> float:
    """The graph alone."""
    from pneumo_core.inference.runtime import Runtime

    graph = Runtime(bundle)
    film = synthetic_film("bacterial", 1, size=bundle.size)[None]
    return timed(lambda: graph.run(film), 50)


def reading(bundle: Bundle) -> float:
    """All that a person waits for."""
    from pneumo_core.inference.predict import Reader
    from pneumo_core.inference.saliency import overlay

    reader = Reader(bundle)
    pixels = synthetic_film("bacterial", 1, size=1024)
    facts = SourceFacts("PNG", 1024, 1024, 8, "grey", pixels.size, "0" * 64, 0.0, ())

    def read() -> None:
        found = reader.read(Film(pixels, facts))
        if found.pixels is None or found.cam is None:
            raise SystemExit(f"The synthetic film was not read: {found.message}")
        overlay(found.pixels, found.cam)

    return timed(read, 20)


def keras_predict(bundle: Bundle) -> float:
    """The same network as tutorials run it."""
    from pneumo_core.bundle.keras_network import load_network

    network = load_network(bundle.path / "model.keras")
    film = synthetic_film("bacterial", 1, size=bundle.size)[None, ..., None].astype("float32")
    return timed(lambda: network.predict(film, verbose=0), 20)


if __name__ == "__main__":
    main()
