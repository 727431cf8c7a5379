"""What this machine offers a training: cores, memory, GPUs, precision; asked once and kept.

Looking at devices loads Keras and its backend, so screens ask in a process of its own:
`python -m pneumo_core machine --json`.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from pneumo_core.learning.memory import device_memory, memory_limit
from pneumo_core.storage import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings


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
        gpus = ", ".join(f"{gpu.name} ({gigabytes(gpu.memory)})" for gpu in self.gpus)
        return (
            f"{self.cores} CPU {'core' if self.cores == 1 else 'cores'}, "
            f"{gigabytes(self.memory)} of memory, {gpus or 'no GPU'}"
        )


def look_at_hardware(settings: Settings) -> Hardware:
    """Ask Keras' backend for the machine's devices, and keep the answer. Loads Keras."""
    from pneumo_core.learning.machine import survey

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


def gigabytes(count: float) -> str:
    """Bytes as a person says them: "24 GB", "1.3 GB", "650 MB"."""
    if count < 0.95 * 2**30:
        return f"{max(1, round(count / 2**20))} MB"
    size = count / 2**30
    return f"{size:.0f} GB" if size >= 9.5 else f"{size:.1f} GB"


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
