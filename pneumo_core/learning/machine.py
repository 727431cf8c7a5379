"""What this machine offers a training run: backend, device, precision."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


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
