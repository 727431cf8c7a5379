import os

import keras
import pytest

from pneumo_core.training import hardware

pytestmark = pytest.mark.keras


@pytest.fixture
def devices(monkeypatch):
    """Pretend that Keras sees these devices and that /proc/cpuinfo says this."""

    def pretend(*names, cpu=""):
        monkeypatch.setattr(keras.distribution, "list_devices", lambda: list(names))
        monkeypatch.setattr(hardware, "_cpu_facts", lambda: cpu)

    return pretend


def test_a_gpu_computes_in_bfloat16(devices):
    devices("cpu:0", "gpu:0", "gpu:1")
    found = hardware.find_machine()
    assert (len(found.gpus), found.policy) == (2, "mixed_bfloat16")
    assert "2 × GPU" in found.training_sentence(32)


@pytest.mark.parametrize(
    ("flags", "policy"),
    [
        ("sse2 avx512_bf16 fma", "mixed_bfloat16"),
        ("sse2 amx_bf16", "mixed_bfloat16"),
        ("sse2 avx2", "float32"),
        ("", "float32"),
    ],
)
def test_a_cpu_does_so_only_where_it_multiplies_in_it(devices, flags, policy):
    devices("CPU:0", cpu=f"model name\t: Fast One\nflags\t\t: {flags}\n")
    found = hardware.find_machine()
    assert (len(found.gpus), found.policy) == (0, policy)


def test_the_precision_asked_for_is_used_and_said(devices):
    devices("CPU:0", cpu="model name\t: Fast One\nflags\t\t: avx512_bf16\n")
    found = hardware.find_machine("float32")
    assert found.policy == "float32"
    assert found.training_sentence(16).endswith(
        "CPU cores (Fast One), float32 without XLA, batch 16"
    )


def fake_nvidia_smi(folder, monkeypatch, script):
    """A program of that name, which the tests put first on the path."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for nvidia-smi")
@pytest.mark.parametrize(
    ("told", "visible", "found"),
    [
        ("0, 87\\n1, 3", "", [0.87, 0.03]),
        ("0, 87\\n1, 3", "1", [0.03]),
        ("0, 87\\n1, 3", "GPU-8f1c", [0.87, 0.03]),
        ("0, [N/A]", "", []),
        ("", "", []),
    ],
)
def test_how_busy_the_gpus_are(tmp_path, monkeypatch, told, visible, found):
    fake_nvidia_smi(tmp_path, monkeypatch, f"printf '{told}\\n'")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert hardware.gpu_use() == found


def test_without_a_gpu_nothing_is_said_and_no_thread_is_started(monkeypatch):
    monkeypatch.setattr(hardware.shutil, "which", lambda _: None)
    watch = hardware.GpuUse()
    assert watch.now() == []
    assert watch._thread is None
    assert hardware.gpu_use() == []


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for nvidia-smi")
def test_training_does_not_wait_for_the_answer(tmp_path, monkeypatch):
    may = tmp_path / "may-answer"
    script = f"while [ ! -e {may} ]; do sleep 0.02; done; printf '0, 50\\n'"
    fake_nvidia_smi(tmp_path, monkeypatch, script)
    watch = hardware.GpuUse(every=0)
    assert watch.now() == []
    may.touch()
    watch._thread.join()
    assert watch.now() == [0.5]


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for nvidia-smi")
def test_a_gpu_is_listed_with_its_memory_whatever_its_name(tmp_path, monkeypatch):
    fake_nvidia_smi(tmp_path, monkeypatch, "printf 'One, with a comma, 1024\\n'")
    assert hardware._listed_gpus() == [hardware.Gpu("One, with a comma", 2**30)]
    fake_nvidia_smi(tmp_path, monkeypatch, "exit 9")
    assert hardware._listed_gpus() == []
