"""Several devices learn what one learns; and what is told of them."""

import json
import re
import runpy
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest

from pneumo_core.config import ROOT
from pneumo_core.errors import TrainingError
from pneumo_core.training import callbacks, distributed, fit, network
from pneumo_core.training.callbacks import StopTogether
from pneumo_core.training.distributed import Devices, join_devices

pytestmark = pytest.mark.keras

# Trains a small network on 48 films, in batches of 16, and prints what came of it.
TRAIN = """
import sys
from pathlib import Path
import numpy as np
if "two-devices" in sys.argv:
    import tensorflow as tf
    processor = tf.config.list_physical_devices("CPU")[0]
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(processor, halves)
from pneumo_core.training.distributed import join_devices
devices = join_devices()
from pneumo_core.training import callbacks, fit as fitting, network as networks
callbacks.SECONDS_BETWEEN_BACKUPS = callbacks._SHARE = 0
networks._CNN_WIDTHS, fitting._BINS = (8,), 200
from pneumo_core.training.fit import fit
from pneumo_core.training.network import predict_logits
from pneumo_core.training.batches import Films
from pneumo_core.training.hardware import find_machine
from pneumo_core.training.recipe import make_recipe

pixels = np.random.default_rng(0).integers(0, 256, (66, 64, 64), dtype=np.uint8)
labels = np.arange(66) % 3
pixels[labels == 1, :32] //= 2
pixels[labels == 2, :, :32] //= 2
recipe = make_recipe(
    "quick", backbone="cnn", size=64, batch=16, epochs=2, augment=False, dropout=0.0
)
folder = Path(sys.argv[1]) / "fold-0"
network = fit(recipe, Films(pixels, labels), np.arange(48), np.arange(48, 66),
              machine=find_machine("float32"), folder=folder)
devices.check_same("films", "the same everywhere")
print(devices.text_of_chief("told by the chief" if devices.chief else ""), devices.sentence)
if devices.chief:
    logits = predict_logits(network, pixels[48:])
    rows = (folder / "history.csv").read_text().splitlines()
    losses = [row.split(",")[2:6:3] for row in rows[1:]]
    print("trained", *np.array(losses, float).ravel(), *logits.ravel()[:6])
"""

CHANGED = (  # by TRAIN
    *((callbacks, "SECONDS_BETWEEN_BACKUPS"), (callbacks, "_SHARE")),
    *((network, "_CNN_WIDTHS"), (fit, "_BINS")),
)


# Keras is imported once: what trains apart is forked before TensorFlow has threads.
FORK = """
import json, os, runpy, signal, sys
from pathlib import Path
from pneumo_core.training import batches, callbacks, distributed, fit, hardware, recipe

folder, parts = Path(sys.argv[1]), json.loads(sys.argv[2])
children = []
for name, (config, options) in parts.items():
    if not (child := os.fork()):
        os.environ["TF_CONFIG"] = config
        sys.argv = ["train.py", str(folder / name), *options]
        with (folder / f"{name}.txt").open("w") as sys.stdout:
            runpy.run_path(str(folder / "train.py"))
        os._exit(0)
    children.append(child)
while children:
    child, status = os.wait()
    children.remove(child)
    if status:  # a machine would wait for the other's gradients for ever
        for other in children:
            os.kill(other, signal.SIGKILL)
        sys.exit("One of them failed.")
"""


def train_apart(folder, parts):
    """What each of `parts` printed, by name: (TF_CONFIG, options of TRAIN)."""
    done = subprocess.run(
        [sys.executable, "-c", FORK, str(folder), json.dumps(parts)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [(folder / f"{name}.txt").read_text() for name in parts]


def trained(out):
    return [float(value) for value in re.search(r"trained (.*)", out)[1].split()]


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("localhost", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def test_two_devices_and_two_machines_learn_what_one_learns_from_the_whole_batch(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "train.py").write_text(TRAIN)
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    tasks = [{"type": "worker", "index": number} for number in range(2)]
    configs = [json.dumps({"cluster": {"worker": addresses}, "task": task}) for task in tasks]
    chief, worker, two = train_apart(
        tmp_path,
        {
            "machine-0": (configs[0], []),
            "machine-1": (configs[1], []),
            "two": ("", ["two-devices"]),
        },
    )
    monkeypatch.setattr(sys, "argv", ["train.py", str(tmp_path / "one")])
    with pytest.MonkeyPatch.context() as put_back:
        for module, name in CHANGED:
            put_back.setattr(module, name, getattr(module, name))
        runpy.run_path(str(tmp_path / "train.py"))
    one = capsys.readouterr().out
    np.testing.assert_allclose(trained(chief), trained(one), atol=1e-3)
    np.testing.assert_allclose(trained(two), trained(one), atol=1e-3)
    assert "told by the chief 2 devices on 2 machines; this is machine 2 of 2, a worker" in worker
    assert "2 devices, each sees its part of every batch" in two
    # All have the same history: to save, each has to read what they share at the same moment.
    assert (tmp_path / "machine-0/fold-0/history.csv").read_text() == (
        tmp_path / "machine-1/fold-0/history.csv"
    ).read_text()


@pytest.fixture
def cluster(monkeypatch):
    """Set TF_CONFIG and ask anew."""

    def put(config):
        told = config if isinstance(config, str) else json.dumps(config)
        monkeypatch.setenv("TF_CONFIG", told)
        join_devices.cache_clear()
        return join_devices

    yield put
    join_devices.cache_clear()


def one_of(count, index=0, kind="worker"):
    addresses = [f"localhost:{1000 + number}" for number in range(count)]
    return {"cluster": {kind: addresses}, "task": {"type": kind, "index": index}}


@pytest.mark.parametrize(
    "config",
    [
        "no JSON",
        "[]",
        {"cluster": {}},
        one_of(2, index=2),
        one_of(2, index=-1),
        one_of(2, kind="ps"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_told_with_an_example(cluster, config):
    with pytest.raises(TrainingError, match=r'all machines as workers.*"task": .*Correct it'):
        cluster(config)()


def test_a_cluster_of_one_machine_is_this_machine(cluster):
    assert cluster(one_of(1))() == Devices()


def test_several_machines_need_tensorflow(cluster, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(TrainingError, match=r"Expected KERAS_BACKEND=tensorflow .* got jax"):
        cluster(one_of(2))()


def test_a_batch_that_cannot_be_shared_is_refused_with_one_that_can():
    Devices(replicas=4).check_batch(32)
    with pytest.raises(TrainingError, match=r"4 devices can share evenly; got 30\. Try --batch 32"):
        Devices(replicas=4).check_batch(30)


def test_another_machine_that_goes_away_is_told_in_words():
    import tensorflow as tf

    gone = tf.errors.UnavailableError(None, None, "Connection reset by peer at 10.0.0.7:1234")
    with (
        pytest.raises(TrainingError, match=r"one of them broke off.*--resume") as caught,
        Devices(replicas=2, machines=2).all_there(),
    ):
        raise gone
    assert "10.0.0.7" not in str(caught.value)
    with pytest.raises(tf.errors.UnavailableError), Devices().all_there():
        raise gone


def test_machines_stop_after_the_epoch_in_which_the_chief_wants_to(monkeypatch):
    told = []
    monkeypatch.setattr(
        distributed.Devices, "from_chief", lambda _, wanted: told.append(int(wanted)) or wanted
    )
    callback, model = StopTogether(Devices(replicas=2, machines=2)), keras.Model()
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_batch_end(0)
    callback.on_epoch_end(0)
    assert model.stop_training is False
    model.stop_training = True
    callback.on_train_batch_end(1)
    assert model.stop_training is False
    callback.on_epoch_end(1)
    assert model.stop_training is True
    assert told == [0, 1]
