"""Bundles: written whole or not at all, and refused when a byte differs."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pneumo_core.bundle import (
    activate,
    active_name,
    bundle_names,
    list_bundles,
    load_bundle,
    verify_bundle,
    write_bundle,
)
from pneumo_core.bundle.card import check_card
from pneumo_core.bundle.card_readme import figure, readme
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    import pandas as pd

    from pneumo_core.bundle import Bundle

FILES = {"model.keras", "openvino/model.xml", "openvino/model.bin", "card.json", "predictions.csv"}
FILES |= {"README.md", "SHA256SUMS"}


@pytest.fixture
def models(tiny_models_dir: Path, tmp_path: Path) -> Path:
    """A copy of the tiny models folder to spoil."""
    return shutil.copytree(tiny_models_dir, tmp_path / "models")


def _sign(path: Path) -> None:
    """Write the sums anew, as someone would who alters a file on purpose."""
    files = [p for p in sorted(path.rglob("*")) if p.is_file() and p.name != "SHA256SUMS"]
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(path).as_posix()}\n"
        for p in files
    ]
    (path / "SHA256SUMS").write_text("".join(lines))


def _edit_card(path: Path, **changes: Any) -> None:
    card = json.loads((path / "card.json").read_text())
    (path / "card.json").write_text(json.dumps({**card, **changes}))
    _sign(path)


def test_a_bundle_has_the_files_of_the_design(tiny_bundle: Bundle) -> None:
    found = [p for p in tiny_bundle.path.rglob("*") if p.is_file()]
    assert {p.relative_to(tiny_bundle.path).as_posix() for p in found} == FILES
    assert [p.name for p in tiny_bundle.path.parent.iterdir() if p.name[0] == "."] == []


def test_a_bundle_says_what_it_is(tiny_bundle: Bundle) -> None:
    assert (tiny_bundle.name, tiny_bundle.version, tiny_bundle.size) == ("tiny", "1.0", 64)
    assert tiny_bundle.classes == ("normal", "bacterial", "viral")
    assert tiny_bundle.temperature == 1.0
    points = tiny_bundle.points
    assert (points.screening, points.balanced, points.ruling_in) == (0.2, 0.5, 0.8)
    sums = (tiny_bundle.path / "SHA256SUMS").read_bytes()
    assert tiny_bundle.digest == hashlib.sha256(sums).hexdigest()


def test_both_forms_of_the_network_agree_and_the_card_says_how_well(tiny_bundle: Bundle) -> None:
    agreement = tiny_bundle.card["agreement"]
    assert agreement["films"] == 64
    assert agreement["keras_openvino"] <= 1e-3
    assert agreement["half_precision"] <= 1e-3
    assert agreement["keras_stored_as"] == "float16"


def test_predictions_are_stored_with_the_columns_of_the_design(tiny_bundle: Bundle) -> None:
    lines = (tiny_bundle.path / "predictions.csv").read_text().splitlines()
    assert lines[0] == "film,split,label,subtype,group,p_normal,p_bacterial,p_viral,p_pneumonia"
    assert len(lines) == 61


# -- altered bundles


@pytest.mark.parametrize("file", sorted(FILES - {"SHA256SUMS"}))
def test_one_byte_changed_names_the_file(models: Path, file: str) -> None:
    target = models / "tiny" / file
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)
    with pytest.raises(
        BundleError, match=rf"Model tiny: {file} has been altered: expected SHA-256"
    ):
        load_bundle("tiny", models_dir=models)


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_missing_file_is_named(models: Path, file: str) -> None:
    (models / "tiny" / file).unlink()
    with pytest.raises(BundleError, match=rf"expected the file {file}"):
        load_bundle("tiny", models_dir=models)


def test_a_file_that_is_not_listed_is_refused(models: Path) -> None:
    (models / "tiny" / "openvino" / "extra.pkl").write_bytes(b"")
    with pytest.raises(BundleError, match=r"files listed in SHA256SUMS, found openvino/extra\.pkl"):
        load_bundle("tiny", models_dir=models)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_link_is_refused(models: Path, tmp_path: Path) -> None:
    card = models / "tiny" / "card.json"
    card.rename(tmp_path / "card.json")
    card.symlink_to(tmp_path / "card.json")
    with pytest.raises(BundleError, match=r"found a link or device: card\.json"):
        load_bundle("tiny", models_dir=models)


@pytest.mark.parametrize("file", ["../active", "/etc/hosts", "openvino/../../active"])
def test_a_listed_file_outside_the_bundle_is_refused(models: Path, file: str) -> None:
    with (models / "tiny" / "SHA256SUMS").open("a") as sums:
        sums.write(f"{'0' * 64}  {file}\n")
    with pytest.raises(BundleError, match=r"hash and a file on each line|is missing"):
        load_bundle("tiny", models_dir=models)


@pytest.mark.parametrize("line", ["", "no sum", f"{'0' * 64}  card.json"])
def test_a_list_of_sums_that_cannot_be_read_is_refused(models: Path, line: str) -> None:
    with (models / "tiny" / "SHA256SUMS").open("a") as sums:
        sums.write(f"{line}\n")
    with pytest.raises(BundleError, match="expected a hash and a file on each line of SHA256SUMS"):
        verify_bundle(models / "tiny")


def test_a_broken_bundle_leaves_the_list_of_the_others(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(models / "tiny", models / "broken")
    (models / "broken" / "card.json").write_text("{")
    (models / ".partial-tiny").mkdir()
    assert bundle_names(models) == ["broken", "tiny"]
    assert [bundle.name for bundle in list_bundles(models)] == ["tiny"]
    assert "Model broken: expected JSON in card.json" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "expected card format 1, got 2"),
        ({"classes": ["ill", "well"]}, r"expected classes \['normal', 'bacterial', 'viral'\] or"),
        ({"input": {"size": 64.5}}, "expected a whole input size of 32..2048 pixels"),
        ({"input": None}, "expected a number in input.size in its card, got 'None'"),
        ({"calibration": {"temperature": 0}}, "expected a positive temperature in its card"),
        ({"version": 1}, "expected text in 'version' in its card, got '1'"),
        (
            {"operating_points": {k: {"threshold": t} for k, t in
                                  (("screening", 0.6), ("balanced", 0.5), ("ruling_in", 0.8))}},
            "expected 0 <= screening <= balanced <= ruling_in <= 1",
        ),
    ],
)  # fmt: skip
def test_a_card_that_cannot_be_used_is_refused(
    models: Path, changes: dict[str, Any], message: str
) -> None:
    _edit_card(models / "tiny", **changes)
    with pytest.raises(BundleError, match=f"Model tiny: {message}"):
        load_bundle("tiny", models_dir=models)


@pytest.mark.parametrize("card", [None, [], "text", {"format": 1}])
def test_a_card_is_an_object_with_a_format(card: Any) -> None:
    with pytest.raises(BundleError, match="expected"):
        check_card(card, "x")


# -- the one in service


def test_the_one_in_service_is_loaded_without_a_name(
    tiny_models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMO_MODELS", str(tiny_models_dir))
    assert active_name() == "tiny"
    assert load_bundle().name == "tiny"


def test_activate_puts_another_in_service(models: Path) -> None:
    (models / "tiny").rename(models / "other")
    activate("other", models)
    assert (models / "active").read_text() == "other\n"
    assert sorted(p.name for p in models.iterdir()) == ["active", "other"]


def test_a_broken_bundle_is_not_put_in_service(models: Path) -> None:
    shutil.copytree(models / "tiny", models / "broken")
    (models / "broken" / "card.json").write_text("{}")
    with pytest.raises(BundleError, match=r"card\.json has been altered"):
        activate("broken", models)
    assert active_name(models) == "tiny"


def test_none_in_service(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="but none is chosen"):
        active_name(tmp_path / "nowhere")


def test_an_unknown_name_lists_the_known(tiny_models_dir: Path) -> None:
    with pytest.raises(BundleError, match="Expected a model named 'big', found tiny"):
        load_bundle("big", models_dir=tiny_models_dir)


@pytest.mark.parametrize("name", ["", ".", "..", "../tiny", "a/b", "Tiny", ".hidden", "a" * 65])
def test_a_name_cannot_be_a_path(tiny_models_dir: Path, name: str) -> None:
    with pytest.raises(BundleError, match="Expected a model name of small letters"):
        load_bundle(name, models_dir=tiny_models_dir)


# -- writing


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
    tiny_card["training"]["seconds"] = float("nan")
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
    agreement = _write(touchy, tiny_card, tiny_predictions, tmp_path).card["agreement"]
    assert agreement["keras_stored_as"] == agreement["openvino_stored_as"] == "float32"
    assert agreement["keras_openvino"] <= 1e-3


def test_a_network_trained_in_bfloat16_is_stored_in_float32(
    tiny_card: dict[str, Any], tiny_predictions: pd.DataFrame, tmp_path: Path
) -> None:
    import keras
    from keras import layers

    from pneumo_core.bundle.network import load_network

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


def test_a_graph_is_made_under_another_backend_too(tiny_bundle: Bundle, tmp_path: Path) -> None:
    from pneumo_core.bundle import graph

    graph._export_elsewhere(tiny_bundle.path / "model.keras", tmp_path / "draft.xml")
    assert np.load(tmp_path / "draft.npy").shape == (4, 3)
    assert (tmp_path / "draft.bin").exists()
    with pytest.raises(BundleError, match="Expected the network to convert to OpenVINO, got: "):
        graph._export_elsewhere(tmp_path / "none.keras", tmp_path / "draft.xml")


# -- the model card


def test_the_model_card_is_complete(tiny_bundle: Bundle) -> None:
    text = (tiny_bundle.path / "README.md").read_text()
    assert text.startswith("# Tiny, a network for tests\n\n> Research demonstration. Not a medical")
    headings = "Intended use, Out of scope, Figures, Operating points, Training data, Limitations"
    for heading in f"{headings}, Known shortcuts, Numerical agreement, Versions".split(", "):
        assert f"\n## {heading}\n" in text
    for line in (
        "| AUC | 0.994 [0.990–0.998] |",
        "| accuracy | 95.1 % [92.4–96.9] |",
        "| screening | 0.2000 | 95.1 % [92.4–96.9] | 95.1 % [92.4–96.9] |",
        "| ruling in | 0.8000 | – | – |",
        "- films: 5,216",
        "- machine: not known",
        "doi 10.17632/rscbjbr9sj.2, CC BY 4.0",
        "- It knows brightness and nothing else.",
    ):
        assert line in text


def test_the_model_card_of_other_data_claims_nothing_of_this_data(
    tiny_card: dict[str, Any],
) -> None:
    tiny_card |= {"name": "t", "version": "1", "data": {"source": "Synthetic films."}}
    text = readme(tiny_card)
    assert "Synthetic films." in text
    assert "Kermany" not in text
    assert "Guangzhou" not in text


def test_the_model_card_copes_with_the_least_card(tiny_card: dict[str, Any]) -> None:
    kept = ("classes", "input", "calibration", "operating_points")
    text = readme({key: tiny_card[key] for key in kept} | {"name": "least", "version": "1"})
    assert text.startswith("# least 1\n")
    assert "## Figures" not in text
    assert "## Versions" not in text


@pytest.mark.parametrize(
    ("label", "value", "shown"),
    [
        ("films", 5216, "5,216"),
        ("ECE", 0.03124, "0.03124"),
        ("sensitivity", {"value": 1.0, "low": 0.98, "high": 1.0}, "100.0 % [98.0–100.0]"),
        ("Brier score", {"value": 0.02, "low": 0.01, "high": 0.03}, "0.020 [0.010–0.030]"),
        ("sensitivity", {"value": 0.9}, "0.9"),
        ("AUC", None, "not known"),
    ],
)
def test_figures_are_written_as_people_read_them(label: str, value: Any, shown: str) -> None:
    assert figure(label, value) == shown
