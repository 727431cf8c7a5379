"""A bundle is written whole or not at all, in half precision where that does no harm."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pneumo_core.bundle import write_bundle
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from pneumo_core.bundle import Bundle


def _write(
    network: keras.Model, card: dict[str, Any], table: pd.DataFrame, folder: Path, **options: Any
) -> Bundle:
    return write_bundle(
        network, name="tiny", card=card, predictions=table, models_dir=folder, **options
    )


def test_an_existing_name_is_kept_unless_replaced(
    tiny_network: keras.Model,
    tiny_card: dict[str, Any],
    tiny_predictions: pd.DataFrame,
    models: Path,
) -> None:
    with pytest.raises(BundleError, match="Expected a new model name, but tiny exists"):
        _write(tiny_network, tiny_card, tiny_predictions, models)
    tiny_card["version"] = "2.0"
    bundle = _write(tiny_network, tiny_card, tiny_predictions, models, replace=True)
    assert bundle.version == "2.0"
    assert sorted(p.name for p in models.iterdir()) == ["active", "tiny"]


def test_a_network_that_does_not_fit_its_card_is_refused(
    tiny_network: keras.Model,
    tiny_card: dict[str, Any],
    tiny_predictions: pd.DataFrame,
    tmp_path: Path,
) -> None:
    tiny_card["input"] = {"size": 160}
    with pytest.raises(BundleError, match=r"Expected a network from \(None, 160, 160, 1\) to"):
        _write(tiny_network, tiny_card, tiny_predictions, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_predictions_without_a_column_leave_nothing_behind(
    tiny_network: keras.Model,
    tiny_card: dict[str, Any],
    tiny_predictions: pd.DataFrame,
    tmp_path: Path,
) -> None:
    with pytest.raises(BundleError, match=r"Expected predictions with the columns film, .*; group"):
        _write(tiny_network, tiny_card, tiny_predictions.drop(columns="group"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_card_that_is_no_json_leaves_nothing_behind(
    tiny_network: keras.Model,
    tiny_card: dict[str, Any],
    tiny_predictions: pd.DataFrame,
    tmp_path: Path,
) -> None:
    tiny_card["training"]["seed"] = float("nan")
    with pytest.raises(BundleError, match="Expected a card of text, finite numbers, lists"):
        _write(tiny_network, tiny_card, tiny_predictions, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_half_precision_is_left_out_where_it_would_move_a_probability(
    tiny_network: keras.Model,
    tiny_card: dict[str, Any],
    tiny_predictions: pd.DataFrame,
    tmp_path: Path,
) -> None:
    import keras

    touchy = keras.models.clone_model(tiny_network)
    weights = tiny_network.get_weights()
    weights[2][:2, 1:] = [[500.125], [1000.25]]  # halfway between two numbers of half precision
    weights[3][1:] -= 495.125
    touchy.set_weights(weights)
    tiny_card["calibration"]["temperature"] = 10.0
    agreement = _write(touchy, tiny_card, tiny_predictions, tmp_path).card.document["agreement"]
    assert agreement["keras_stored_as"] == agreement["openvino_stored_as"] == "float32"
    assert agreement["keras_openvino"] <= 1e-3


def test_a_network_trained_in_bfloat16_is_stored_in_float32(
    tiny_card: dict[str, Any], tiny_predictions: pd.DataFrame, tmp_path: Path
) -> None:
    import keras
    from keras import layers

    from pneumo_core.bundle.keras_network import load_network

    keras.utils.set_random_seed(5)
    half = {"dtype": "mixed_bfloat16"}
    film = keras.Input((64, 64, 1))
    x = layers.Conv2D(4, 3, strides=8, name="features", **half)(layers.Rescaling(1 / 255)(film))
    x = layers.GlobalAveragePooling2D(**half)(x)
    network = keras.Model(film, layers.Dense(3, name="logits")(x))
    bundle = _write(network, tiny_card, tiny_predictions, tmp_path)
    stored = load_network(bundle.path / "model.keras")
    assert {layer.compute_dtype for layer in stored.layers} == {"float32"}
    np.testing.assert_allclose(stored.get_weights()[0], network.get_weights()[0], rtol=1e-3)


@pytest.mark.keras
def test_the_converter_is_told_versions_and_keeps_its_own_function() -> None:
    import tensorflow as tf
    from openvino.frontend.tensorflow import utils

    from pneumo_core.bundle.openvino_graph import _versions_given

    own = utils.get_environment_setup
    with _versions_given():
        assert utils.get_environment_setup("tf")["tensorflow"] == tf.__version__
    assert utils.get_environment_setup is own


def test_a_graph_is_made_under_another_backend_too(tiny_bundle: Bundle, tmp_path: Path) -> None:
    from pneumo_core.bundle import openvino_graph

    openvino_graph._export_elsewhere(tiny_bundle.path / "model.keras", tmp_path / "draft.xml")
    assert np.load(tmp_path / "draft.npy").shape == (4, 3)
    assert (tmp_path / "draft.bin").exists()


def test_what_stops_another_backend_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from pneumo_core.bundle import openvino_graph

    # A Python of a moment that ends as one with an exception does.
    ended = SimpleNamespace(returncode=1, stderr="Traceback ...\nValueError: File not found\n")
    monkeypatch.setattr(openvino_graph.subprocess, "run", lambda *_, **__: ended)
    told = r"Expected the network to convert to OpenVINO, got: ValueError: File not found\. Write"
    with pytest.raises(BundleError, match=told):
        openvino_graph._export_elsewhere(Path("none.keras"), Path("draft.xml"))
