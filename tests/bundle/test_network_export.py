"""A bundle's network for other tools: it agrees with Keras or is not written."""

import json

import numpy as np
import pytest

from pneumo_core.bundle import keras_network
from pneumo_core.bundle.keras_network import check_films, export_network
from pneumo_core.errors import BundleError

pytestmark = pytest.mark.keras


@pytest.mark.filterwarnings("ignore")  # of the converter's libraries
def test_an_onnx_file_gives_calibrated_probabilities_and_says_how_to_use_it(tiny_bundle, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    target = tmp_path / "tiny.onnx"
    about = export_network(tiny_bundle, "onnx", target)
    assert about["agreement"]["images"] == 50
    assert about["agreement"]["largest_difference"] < 1e-3
    assert json.loads((tmp_path / "tiny.onnx.json").read_text("utf-8")) == about
    assert about["operating_points"]["balanced"] == 0.5
    assert about["input"]["shape"] == [None, tiny_bundle.size, tiny_bundle.size, 1]
    session = onnxruntime.InferenceSession(str(target))
    white = np.full((3, tiny_bundle.size, tiny_bundle.size, 1), 255, "float32")
    [p] = session.run(None, {session.get_inputs()[0].name: white})
    np.testing.assert_allclose(1 - p[:, 0], 0.9933, atol=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.onnx", "tiny.onnx.json"]


@pytest.fixture
def faked(monkeypatch):
    """Nothing is converted: the file is empty, and answers what `answers` says."""
    answers = {}
    monkeypatch.setitem(keras_network._WRITE, "onnx", lambda _, path: path.touch())
    monkeypatch.setitem(keras_network._READ, "onnx", lambda _: answers["of"])
    return answers


def test_a_network_that_differs_is_not_written(tiny_bundle, tmp_path, faked):
    faked["of"] = lambda films: np.full((len(films), 3), 1 / 3)
    with pytest.raises(BundleError, match=r"within 0.001; they differ by .* Nothing is written"):
        export_network(tiny_bundle, "onnx", tmp_path / "tiny.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_lacks_is_named_with_its_remedy(tiny_bundle, tmp_path, monkeypatch):
    def write(*_):
        raise ImportError("No module named 'tf2onnx'", name="tf2onnx")

    monkeypatch.setitem(keras_network._WRITE, "onnx", write)
    with pytest.raises(BundleError, match=r"Expected tf2onnx to write onnx.*pip install onnx=="):
        export_network(tiny_bundle, "onnx", tmp_path / "tiny.onnx")


@pytest.mark.parametrize(
    ("form", "name", "words"),
    [
        ("pickle", "a.onnx", "Expected a format out of onnx, tflite, savedmodel; got 'pickle'"),
        ("onnx", "a.bin", "Expected a file that ends in .onnx; got a.bin"),
        ("savedmodel", "there", "Expected a new file; there is there already"),
    ],
)
def test_what_cannot_be_exported_is_told(tiny_bundle, tmp_path, form, name, words):
    (tmp_path / "there").mkdir()
    with pytest.raises(BundleError, match=words):
        export_network(tiny_bundle, form, tmp_path / name)


def test_the_images_to_compare_on_are_the_same_for_everyone():
    films = check_films(32)
    assert films.shape == (64, 32, 32, 1)
    assert (films.min() >= 0, films.max() <= 255) == (True, True)
    np.testing.assert_array_equal(films, check_films(32))
