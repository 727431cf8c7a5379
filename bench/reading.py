"""How fast films are read, beside the ways that people would take instead.

    python -m bench.reading [--model NAME] [--films FOLDER] [--rounds N] [--chart FILE]

Every way runs in a process of its own (`bench.peers`) and reads the same films in turn, so that
what else the machine does hits all of them; ratios within one run count, milliseconds do not.
Prints a Markdown table. Films are synthetic ones of 2,000 pixels where no folder is named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.peers import NOT_INSTALLED, PEERS, onnx_file
from pneumo_core.bundle import Bundle, load_bundle
from pneumo_core.config import ROOT
from pneumo_core.synthetic.appearance import synthetic_film


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="bundle to read with; the one in service if not said")
    parser.add_argument("--films", type=Path, help="folder of films that the model reads")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--chart", type=Path, help="file for a chart, .png or .svg")
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    with tempfile.TemporaryDirectory() as scratch:
        films = films_of(options.films, Path(scratch))
        print(machine(bundle, len(films)))
        print(f"\nThe network: {arithmetic(bundle)}\n")
        peers = [started for name in PEERS if (started := start(name, bundle, films[0]))]
        for turn in range(options.rounds):
            for peer in peers:
                peer.read(films[turn % len(films)])
        for peer in peers:
            peer.end()
    print(table(peers))
    if options.chart:
        chart(peers, options.chart)


def films_of(folder: Path | None, scratch: Path) -> list[Path]:
    """The films to read."""
    if folder is not None:
        return sorted(
            path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"}
        )
    from PIL import Image

    for seed in range(4):
        film = synthetic_film("bacterial", seed, size=2000)
        Image.fromarray(film).save(scratch / f"{seed}.jpg", quality=90)
    return sorted(scratch.iterdir())


def machine(bundle: Bundle, films: int) -> str:
    """Machine, versions, date and load, in a sentence."""
    from importlib.metadata import version

    names = ("openvino", "keras", "tensorflow", "numpy", "pillow")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({processor()}){load}; "
        f"Python {platform.python_version()}, {versions}; {bundle.name} {bundle.version}, "
        f"{films} films."
    )


def processor() -> str:
    """The processor's name, as the system gives it."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def arithmetic(bundle: Bundle) -> str:
    """Operations of one input, processor time, and the share of this core's peak, in words."""
    from pneumo_core.inference.runtime import Runtime

    runtime = Runtime(bundle, throughput=True)
    views = np.random.default_rng(0).integers(0, 255, (32, bundle.size, bundle.size), np.uint8)
    operations = multiplications(bundle) * 2
    spent, peak = [], []
    for _ in range(5):  # in turn, so that the load hits both
        spent.append(cpu_seconds(lambda: runtime.run(views)) / len(views))
        peak.append(2 * 1024**3 / matrix_seconds())
    reached = operations / min(spent)
    return (
        f"{operations / 1e9:.1f} billion operations an input, {1000 * min(spent):.0f} ms of one "
        f"core; {reached / 1e9:.0f} billion a second, {100 * reached / max(peak):.0f} % of what a "
        f"float32 matrix product of 1,024 reaches on the same core ({max(peak) / 1e9:.0f})."
    )


def multiplications(bundle: Bundle) -> float:
    """Multiplications of the convolutions and matrix products for one input."""
    from pneumo_core.bundle.openvino_graph import openvino

    graph = openvino().Core().read_model(bundle.path / "openvino" / "model.xml")
    graph.reshape([1, bundle.size, bundle.size, 1])
    total = 0.0
    for node in graph.get_ops():
        if node.get_type_name() == "Convolution":
            out, inside, high, wide = node.input_value(1).get_shape()
            total += float(np.prod(node.output(0).get_shape()[2:])) * out * inside * high * wide
        elif node.get_type_name() == "MatMul":
            total += float(np.prod(node.input_value(1).get_shape()))
    return total


def matrix_seconds() -> float:
    """Processor seconds of a product of two float32 matrices of 1,024 rows and columns."""
    from threadpoolctl import threadpool_limits

    a = np.random.default_rng(0).random((1024, 1024), np.float32)
    with threadpool_limits(1):  # several would wait for each other, busily
        return cpu_seconds(lambda: [a @ a for _ in range(16)]) / 16


def cpu_seconds(action: Any) -> float:
    """Processor seconds of an action, of all threads of this process."""
    action()
    before = time.process_time()
    action()
    return time.process_time() - before


@dataclass
class Peer:
    """A way to read films, running; what it took, in milliseconds."""

    name: str
    process: subprocess.Popen[str] | None = None
    missing: str = ""
    start_ms: float = 0.0
    ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    memory: float = 0.0

    def read(self, film: Path) -> None:
        """Read one film, where it is installed."""
        if self.process is None:
            return
        found = self.ask(film)
        self.ms.append(1000 * found["seconds"])
        self.cpu_ms.append(1000 * found["cpu"])
        self.memory = max(self.memory, found["memory"])

    def ask(self, film: Path) -> dict[str, Any]:
        """The answer for one film."""
        assert self.process is not None  # noqa: S101
        assert self.process.stdin is not None  # noqa: S101
        assert self.process.stdout is not None  # noqa: S101
        print(film, file=self.process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def end(self) -> None:
        """End its process."""
        if self.process is not None:
            self.process.communicate()


def start(name: str, bundle: Bundle, film: Path) -> Peer:
    """A peer that has given its first answer, and how long that took; twice more to warm up."""
    if name == "onnxruntime" and not onnx_file(bundle.name).exists():
        code = f"from bench.peers import write_onnx; write_onnx({bundle.name!r})"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
        if not onnx_file(bundle.name).exists():
            return Peer(name, missing="it could not be converted; tf2onnx may not be installed")
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.peers", name, bundle.name],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    peer = Peer(name, process)
    try:
        first = peer.ask(film)
    except (BrokenPipeError, ValueError):
        first = {"missing": f"it did not start ({process.wait()})"}
    if "missing" in first:
        code = process.wait()
        what = f"{first['missing']} is not installed" if code == NOT_INSTALLED else first["missing"]
        return Peer(name, missing=what)
    peer.start_ms = 1000 * (time.perf_counter() - began)
    peer.ask(film)
    peer.ask(film)
    return peer


def table(peers: list[Peer]) -> str:
    """What each took, and how many times that of the first."""
    own = peers[0]
    lines = [
        "| way to read a film | a film, ms (range) | processor ms | to first answer, s | MB |",
        "| --- | --- | --- | --- | --- |",
    ]
    for peer in peers:
        what = PEERS[peer.name][0]
        if peer.missing:
            lines.append(f"| {what} | not measured: {peer.missing} | | | |")
            continue
        cells = (
            f"{median(peer.ms):,.0f} ({min(peer.ms):,.0f}–{max(peer.ms):,.0f})"
            + times(median(peer.ms), median(own.ms), peer is own),
            f"{median(peer.cpu_ms):,.0f}" + times(sum(peer.cpu_ms), sum(own.cpu_ms), peer is own),
            f"{peer.start_ms / 1000:.1f}" + times(peer.start_ms, own.start_ms, peer is own),
            f"{peer.memory / 2**20:,.0f}" + times(peer.memory, own.memory, peer is own),
        )
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def times(value: float, own: float, is_own: bool) -> str:
    """How many times as much as this project's."""
    return "" if is_own else f", {value / own:.1f} times"


def chart(peers: list[Peer], target: Path) -> None:
    """Bars: processor milliseconds a film and resident memory of each way."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    there = [peer for peer in peers if not peer.missing][::-1]
    names = [PEERS[peer.name][0].replace("`", "") for peer in there]
    figure, panels = plt.subplots(1, 3, figsize=(11, 0.6 + 0.55 * len(there)), sharey=True)
    columns = (
        ("a film, processor ms", [median(peer.cpu_ms) for peer in there]),
        ("start to first answer, s", [peer.start_ms / 1000 for peer in there]),
        ("resident memory, MB", [peer.memory / 2**20 for peer in there]),
    )
    for panel, (title, values) in zip(panels, columns, strict=True):
        bars = panel.barh(names, values, color=["#56b4e9"] * (len(there) - 1) + ["#0072b2"])
        panel.bar_label(bars, fmt="{:,.1f}" if max(values) < 100 else "{:,.0f}", padding=3)
        panel.set_title(title, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0.25)
    figure.tight_layout()
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main()
