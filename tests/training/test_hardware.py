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
