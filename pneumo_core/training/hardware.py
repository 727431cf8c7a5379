"""The hardware of this machine: cores, memory, GPUs, precision; found once and cached.

Listing devices loads Keras and its backend, so screens do it in a separate process:
`python -m pneumo_core machine --json`.
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.container import (
    cores,
    ended_for_memory,
    limit_threads,
    memory_left,
    memory_limit,
)
from pneumo_core.formatting import count, file_size
from pneumo_core.storage import write_json

if TYPE_CHECKING:
    from pneumo_core.config import Settings

NEAR_THE_LIMIT = 0.05  # share of all memory left, below which it counts as used up


@dataclass(frozen=True)
class Gpu:
    """One GPU: its name and its memory in bytes, 0 where unknown."""

    name: str
    memory: int


@dataclass(frozen=True)
class Machine:
    """The machine; `key` changes when its hardware or its libraries do."""

    cores: int
    memory: int  # bytes
    processor: str  # "2 CPU cores (AMD EPYC)" or "1 × GPU"
    gpus: tuple[Gpu, ...]
    backend: str  # of Keras: "tensorflow", "jax", "torch"
    policy: str  # Keras' dtype policy
    xla: bool
    key: str

    def sentence(self) -> str:
        """The machine in one line: "2 CPU cores, 24 GB of memory, no GPU"."""
        gpus = ", ".join(f"{gpu.name} ({file_size(gpu.memory)})" for gpu in self.gpus)
        return (
            f"{count(self.cores, 'CPU cores')}, "
            f"{file_size(self.memory)} of memory, {gpus or 'no GPU'}"
        )

    def training_sentence(self, batch: int) -> str:
        """How it trains, as a run prints at its start."""
        xla = "with XLA" if self.xla else "without XLA"
        return f"Keras on {self.backend}, {self.processor}, {self.policy} {xla}, batch {batch}"


def find_machine(precision: str = "auto") -> Machine:
    """The machine through the Keras backend in use, which this loads.

    `precision` "auto": bfloat16 on a GPU, and on CPUs that multiply in it (AVX512-BF16, AMX),
    where it halves the time of a step; else float32.
    """
    limit_threads()
    import keras

    backend = keras.backend.backend()
    # All devices are listed: JAX raises where there are none of a named kind.
    devices = keras.distribution.list_devices() if backend != "torch" else _torch_devices()
    gpus = sum(device.lower().startswith(("gpu", "cuda")) for device in devices)
    if precision == "auto":
        precision = "mixed_bfloat16" if gpus or _cpu_has_bfloat16() else "float32"
    return Machine(
        cores=cores(),
        memory=memory_limit(),
        processor=f"{gpus} × GPU" if gpus else f"{cores()} CPU cores ({_cpu_name()})",
        gpus=_gpus(gpus),
        backend=backend,
        policy=precision,
        # TensorFlow's image projection, which augments films in training, has no XLA kernel.
        xla=backend == "jax",
        key=machine_key(),
    )


def find_and_cache_machine(settings: Settings) -> Machine:
    """`find_machine`, cached for `cached_machine`."""
    found = find_machine()
    with suppress(OSError):  # it is found again the next time
        settings.cache_dir.mkdir(parents=True, exist_ok=True)
        write_json(_cache_file(settings), asdict(found))
    return found


def cached_machine(settings: Settings) -> Machine | None:
    """The cached machine, if its hardware and libraries are still the same."""
    try:
        cached = json.loads(_cache_file(settings).read_text("utf-8"))
        gpus = tuple(Gpu(**gpu) for gpu in cached.pop("gpus"))
        found = Machine(gpus=gpus, **cached)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if found.key == machine_key() else None


def machine_key() -> str:
    """A line that changes when another machine, another GPU driver or another backend is used."""
    backend = os.environ.get("KERAS_BACKEND", "")
    parts = [platform.node(), str(cores()), f"{memory_limit() // 2**28}", backend]
    parts += [_version(name) for name in ("keras", "tensorflow", "jax", "torch")]
    parts += [os.environ.get("CUDA_VISIBLE_DEVICES", ""), str(os.path.exists("/dev/nvidia0"))]  # noqa: PTH110
    return " ".join(part or "-" for part in parts)


def memory_now() -> dict[str, int]:
    """Bytes: "process" (this one), "left" (on the machine), "limit", "ended" (processes
    killed because memory ran out), and on a GPU "device" (in use) and "device_limit".
    """
    import psutil

    facts = {
        "process": int(psutil.Process().memory_info().rss),
        "left": memory_left(),
        "limit": memory_limit(),
        "ended": ended_for_memory(),
    }
    # Another version of a backend may answer differently; report what is known.
    with suppress(Exception):
        facts |= device_memory()
    return facts


def ran_out(last_seen: dict[str, Any], ended: int) -> bool:
    """Whether a process that ended without a message most likely ran out of memory.

    last_seen: its last `memory_now`; ended: `ended_for_memory` of now.
    """
    if not last_seen:
        return False
    near = float(last_seen["left"]) < NEAR_THE_LIMIT * float(last_seen["limit"])
    return near or ended > int(last_seen["ended"])


def device_memory() -> dict[str, int]:
    """Bytes of the first GPU, from the loaded backend: "device" in use and, if known,
    "device_limit"; {} on a CPU.
    """
    if tensorflow := sys.modules.get("tensorflow"):
        if not tensorflow.config.list_physical_devices("GPU"):
            return {}
        return {"device": int(tensorflow.config.experimental.get_memory_info("GPU:0")["current"])}
    if jax := sys.modules.get("jax"):
        found = jax.local_devices()[0].memory_stats() or {}
        pairs = (("device", "bytes_in_use"), ("device_limit", "bytes_limit"))
        return {ours: int(found[theirs]) for ours, theirs in pairs if theirs in found}
    return {}


def device_memory_left() -> int:
    """Bytes of a GPU that a training may still take; 0 on a CPU, or where it is unknown."""
    used = device_memory()
    if not used:
        return 0
    # TensorFlow reports neither the memory of its GPU nor which of several it is.
    limit = used.get("device_limit") or min((gpu.memory for gpu in _listed_gpus()), default=0)
    return max(0, limit - used["device"])


def _gpus(count: int) -> tuple[Gpu, ...]:
    """The GPUs that the backend uses, of which it reports only how many there are."""
    listed = _listed_gpus() if count else []
    return tuple((listed + [Gpu("GPU", 0)] * count)[:count])


def _listed_gpus() -> list[Gpu]:
    """All GPUs with names and memory, from nvidia-smi; [] without it."""
    listed: list[Gpu] = []
    with suppress(ValueError):
        for name, megabytes in _nvidia_smi("name,memory.total"):
            listed.append(Gpu(name, int(megabytes) * 2**20))
    return listed


class GpuUse:
    """How busy the GPUs are, asked of nvidia-smi in a thread; nothing where there is none.

    A query takes a tenth of a second and more: training does not wait for it.
    """

    def __init__(self, *, every: float = 5.0) -> None:
        self._every, self._asked = every, -math.inf
        self._found: list[float] = []
        self._thread: threading.Thread | None = None

    def now(self) -> list[float]:
        """Share of the last second in which each GPU worked, 0..1, as last heard; [] if unknown."""
        moment = time.monotonic()
        waits = self._thread is not None and self._thread.is_alive()
        if not waits and moment - self._asked >= self._every and shutil.which("nvidia-smi"):
            self._asked = moment
            self._thread = threading.Thread(target=self._ask, daemon=True)
            self._thread.start()
        return list(self._found)

    def _ask(self) -> None:
        self._found = gpu_use()


def gpu_use() -> list[float]:
    """Share of the last second in which each GPU in use worked, 0..1, by nvidia-smi; [] without.

    Of the GPUs that CUDA_VISIBLE_DEVICES names by number, where it does.
    """
    rows = _nvidia_smi("index,utilization.gpu")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    named = {part.strip() for part in visible.split(",")} if visible else set()
    numbers = named if all(part.isdecimal() for part in named) else set()
    try:
        return [int(use) / 100 for index, use in rows if not numbers or index in numbers]
    except ValueError:  # "[N/A]": a card in parts (MIG) does not say
        return []


def _nvidia_smi(query: str) -> list[list[str]]:
    """The fields of a query, a row a GPU; [] where nvidia-smi is not there or fails."""
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return []
    width = query.count(",")
    return [
        [cell.strip() for cell in line.rsplit(",", width)]
        for line in done.stdout.splitlines()
        if line.count(",") >= width
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _cache_file(settings: Settings) -> Path:
    return settings.cache_dir / "machine.json"


def _torch_devices() -> list[str]:
    import torch  # type: ignore[import-not-found]

    return [f"cuda:{i}" for i in range(torch.cuda.device_count())]


def _cpu_facts() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


def _cpu_has_bfloat16() -> bool:
    return bool({"avx512_bf16", "amx_bf16"} & set(_cpu_facts().split()))


def _cpu_name() -> str:
    for line in _cpu_facts().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
