"""All films on the device: where there is room, and that nothing but the way of a batch changes."""

import keras
import numpy as np
import pytest

from pneumo_core.training import batches, hardware
from pneumo_core.training.batches import FilmsOnDevice, room_for, sentence
from pneumo_core.training.callbacks import AtomicWeights
from pneumo_core.training.distributed import Devices
from pneumo_core.training.hardware import Gpu, Machine
from tests.training.tiny_training import films, train

pytestmark = pytest.mark.keras

PIXELS = films().pixels
GPU = Machine(2, 0, "1 × GPU", (Gpu("GPU", 0),), "tensorflow", "float32", xla=False, key="")
CPU = Machine(2, 0, "2 CPU cores", (), "tensorflow", "float32", xla=False, key="")


@pytest.mark.parametrize(
    ("machine", "devices", "left", "fits"),
    [
        (GPU, Devices(), 4 * PIXELS.nbytes, True),
        (GPU, Devices(), 4 * PIXELS.nbytes - 1, False),
        (GPU, Devices(), 0, False),  # nobody tells
        (GPU, Devices(replicas=2), 2**40, False),
        (CPU, Devices(), 2**40, False),
    ],
)
def test_films_go_to_one_gpu_that_has_four_times_the_room(
    monkeypatch, machine, devices, left, fits
):
    monkeypatch.setattr(batches, "device_memory_left", lambda: left)
    assert room_for(PIXELS, machine, devices) is fits


@pytest.mark.parametrize(
    ("told", "listed", "left"),
    [
        ({}, [8], 0),  # a CPU
        ({"device": 2, "device_limit": 5}, [8], 3),
        ({"device": 2}, [8, 7], 5),  # TensorFlow: the smaller card, it may be that
        ({"device": 2}, [], 0),
    ],
)
def test_room_on_a_gpu_is_what_is_known_to_be_free(monkeypatch, told, listed, left):
    monkeypatch.setattr(hardware, "device_memory", lambda: told)
    monkeypatch.setattr(hardware, "_listed_gpus", lambda: [hardware.Gpu("a", n) for n in listed])
    assert hardware.device_memory_left() == left


def test_a_run_says_where_its_films_lie():
    pixels = np.broadcast_to(np.uint8(0), (5216, 224, 224))
    assert sentence(pixels, on_device=True) == "all films on the device (250 MB)"
    assert sentence(pixels, on_device=False) == "films sent batch by batch"


@pytest.mark.usefixtures("quick_training")
def test_a_training_is_the_same_to_the_last_digit(tmp_path, undisturbed):
    sent, folder = undisturbed
    there = train(tmp_path, of=films(on_device=True))
    history = (tmp_path / "history.csv").read_text()
    assert history == (folder / "history.csv").read_text()
    assert len(history.splitlines()) == 4
    np.testing.assert_array_equal(there, sent)


@pytest.fixture(scope="module")
def model():
    rows = keras.Input((), dtype="int32")
    return AtomicWeights(rows, FilmsOnDevice(PIXELS)(rows))


def test_rows_become_films(model):
    films = np.asarray(model(np.array([5, 0, 65], "int32")))
    assert films.dtype == np.uint8
    np.testing.assert_array_equal(films[..., 0], PIXELS[[5, 0, 65]])


def test_films_are_neither_trained_nor_saved(model, tmp_path):
    assert model.trainable_variables == []
    model.save_weights(tmp_path / "a.weights.h5")
    assert (tmp_path / "a.weights.h5").stat().st_size < PIXELS.nbytes / 10
    model.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(model(np.array([7], "int32"))[0, ..., 0], PIXELS[7])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="how TensorFlow gathers")
def test_tensorflow_gathers_by_what_it_can_do_with_bytes_on_a_gpu(model):
    import tensorflow as tf

    step = tf.function(model).get_concrete_function(tf.TensorSpec((None,), "int32"))
    inner = step.graph.as_graph_def().library.function
    kinds = {node.op for function in inner for node in function.node_def}
    kinds |= {operation.type for operation in step.graph.get_operations()}
    assert "ResourceGather" in kinds
    assert "GatherV2" not in kinds  # has no such kernel: all films would go to the host and back
