"""What this machine offers a training: cores, memory, GPUs, precision; asked once and kept.

Looking at devices loads Keras and its backend, so screens ask in a process of its own:
`python -m pneumo_core machine --json`.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.formatting import count, file_size
from pneumo_core.storage import write_json

if TYPE_CHECKING:
    from pneumo_core.config import Settings


NEAR_THE_LIMIT = 0.05  # share of all memory that is left when there is as good as none
_CGROUP = Path("/sys/fs/cgroup")


def memory_limit() -> int:
    """Bytes that the processes of this machine may use: its memory, or what its container has."""
    import psutil

    total = int(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):  # "max": no limit
        return min(total, int((_CGROUP / "memory.max").read_text()))
    return total


def memory_left() -> int:
    """Bytes that may still be taken without swapping."""
    import psutil

    left = int(psutil.virtual_memory().available)
    with contextlib.suppress(OSError, ValueError):
        limit = int((_CGROUP / "memory.max").read_text())
        stat = (_CGROUP / "memory.stat").read_text()
        # Cached files count as used and are given back when memory is wanted.
        cached = sum(int(n) for n in re.findall(r"^(?:in)?active_file (\d+)", stat, re.MULTILINE))
        used = int((_CGROUP / "memory.current").read_text()) - cached
        return max(0, min(left, limit - used))
    return left


def memory_now() -> dict[str, int]:
    """Bytes: "process" (this one), "left" (on the machine), "limit", "ended" (processes that the
    machine has ended for want of memory), and on a GPU "device" (in use) and "device_limit".
    """
    import psutil

    facts = {
        "process": int(psutil.Process().memory_info().rss),
        "left": memory_left(),
        "limit": memory_limit(),
        "ended": ended_for_memory(),
    }
    # Whatever a backend of another version answers, memory is told of where it is known.
    with contextlib.suppress(Exception):
        facts |= device_memory()
    return facts


def ended_for_memory() -> int:
    """How many processes the kernel has ended here because memory ran out; 0 where it is silent."""
    for path in (_CGROUP / "memory.events", Path("/proc/vmstat")):
        with contextlib.suppress(OSError):
            found = re.search(r"^oom_kill (\d+)", path.read_text(), re.MULTILINE)
            if found:
                return int(found[1])
    return 0


def ran_out(last_word: dict[str, Any], ended: int) -> bool:
    """Whether a process that died in silence most likely died of want of memory.

    last_word: its last `memory_now`; ended: `ended_for_memory` of now.
    """
    if not last_word:
        return False
    near = float(last_word["left"]) < NEAR_THE_LIMIT * float(last_word["limit"])
    return near or ended > int(last_word["ended"])


def device_memory() -> dict[str, int]:
    """Bytes of the first GPU, from the backend that is loaded: "device" in use and, where it says
    so, "device_limit"; {} on a CPU.
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


@dataclass(frozen=True)
class Gpu:
    """One GPU: its name and its memory in bytes, 0 where it is not told."""

    name: str
    memory: int


@dataclass(frozen=True)
class Hardware:
    """The machine as a training sees it; `key` changes when it or its libraries do."""

    cores: int
    memory: int  # bytes
    processor: str
    gpus: tuple[Gpu, ...]
    backend: str
    policy: str  # Keras' dtype policy when the precision is "auto"
    xla: bool
    key: str

    def sentence(self) -> str:
        """The machine in one line: "2 CPU cores, 24 GB of memory, no GPU"."""
        gpus = ", ".join(f"{gpu.name} ({file_size(gpu.memory)})" for gpu in self.gpus)
        return (
            f"{count(self.cores, 'CPU cores')}, "
            f"{file_size(self.memory)} of memory, {gpus or 'no GPU'}"
        )


def look_at_hardware(settings: Settings) -> Hardware:
    """Ask Keras' backend for the machine's devices, and keep the answer. Loads Keras."""
    # MOVED

    seen = survey()
    found = Hardware(
        cores=cores(),
        memory=memory_limit(),
        processor=seen.device,
        gpus=_gpus(seen.gpus),
        backend=seen.backend,
        policy=seen.policy,
        xla=seen.xla,
        key=hardware_key(),
    )
    with suppress(OSError):  # it is asked again the next time
        settings.cache_dir.mkdir(parents=True, exist_ok=True)
        write_json(_kept(settings), asdict(found))
    return found


def known_hardware(settings: Settings) -> Hardware | None:
    """The machine as it was seen last, if it and its libraries are still the same."""
    try:
        kept = json.loads(_kept(settings).read_text("utf-8"))
        gpus = tuple(Gpu(**gpu) for gpu in kept.pop("gpus"))
        found = Hardware(gpus=gpus, **kept)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if found.key == hardware_key() else None


def hardware_key() -> str:
    """A line that changes when another machine, another GPU driver or another backend is used."""
    backend = os.environ.get("KERAS_BACKEND", "")
    parts = [platform.node(), str(cores()), f"{memory_limit() // 2**28}", backend]
    parts += [_version(name) for name in ("keras", "tensorflow", "jax", "torch")]
    parts += [os.environ.get("CUDA_VISIBLE_DEVICES", ""), str(os.path.exists("/dev/nvidia0"))]  # noqa: PTH110
    return " ".join(part or "-" for part in parts)


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def device_memory_left() -> int:
    """Bytes of a GPU that a training may still take; 0 on a CPU, or where nobody tells."""
    told = device_memory()
    if not told:
        return 0
    # TensorFlow tells neither how much its GPU has nor which of several it is.
    limit = told.get("device_limit") or min((gpu.memory for gpu in _listed_gpus()), default=0)
    return max(0, limit - told["device"])


def _gpus(count: int) -> tuple[Gpu, ...]:
    """The GPUs that the backend uses, of which it tells only how many there are."""
    listed = _listed_gpus() if count else []
    return tuple((listed + [Gpu("GPU", 0)] * count)[:count])


def _listed_gpus() -> list[Gpu]:
    """All GPUs, their names and memory by NVIDIA's own tool; [] without it."""
    listed: list[Gpu] = []
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
        with suppress(OSError, subprocess.SubprocessError, ValueError):
            told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
            for line in told.stdout.splitlines():
                name, _, megabytes = line.rpartition(",")
                listed.append(Gpu(name.strip(), int(megabytes) * 2**20))
    return listed


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _kept(settings: Settings) -> Path:
    return settings.cache_dir / "machine.json"


def as_document(found: Hardware) -> dict[str, Any]:
    """What `machine --json` prints."""
    return asdict(found)


@dataclass(frozen=True)
class Machine:
    """The device a run uses and how it will compute."""

    backend: str  # "tensorflow", "jax", "torch"
    device: str  # "2 CPU cores (AMD EPYC)" or "1 × GPU"
    gpus: int
    policy: str  # Keras dtype policy
    xla: bool

    def sentence(self, batch: int) -> str:
        """What a run prints at its start."""
        xla = "with XLA" if self.xla else "without XLA"
        return f"Keras on {self.backend}, {self.device}, {self.policy} {xla}, batch {batch}"


def survey(precision: str = "auto") -> Machine:
    """Look at the machine through the Keras backend in use.

    `precision` "auto": bfloat16 on a GPU, and on CPUs that multiply in it (AVX512-BF16, AMX),
    where it halves the time of a step; else float32.
    """
    import keras

    backend = keras.backend.backend()
    # Every device is asked for: JAX raises where devices of a named kind are absent.
    devices = keras.distribution.list_devices() if backend != "torch" else _torch_devices()
    gpus = sum(device.lower().startswith(("gpu", "cuda")) for device in devices)
    if precision == "auto":
        precision = "mixed_bfloat16" if gpus or _cpu_has_bfloat16() else "float32"
    device = f"{gpus} × GPU" if gpus else f"{os.cpu_count()} CPU cores ({_cpu_name()})"
    # TensorFlow's image projection, which re-frames films in training, has no XLA kernel.
    return Machine(backend, device, gpus, precision, xla=backend == "jax")


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
