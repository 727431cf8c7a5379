"""A stranger's model.keras: what it would build is told from its text, and refused by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.bundle.untrusted_files import ALLOWED, inspect_keras
from pneumo_core.errors import BundleError
from tests.bundle.bundle_zips import files_of, with_config, zipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pneumo_core.bundle import Bundle

FUNCTION = {"class_name": "function", "config": "system", "module": "os"}


@pytest.fixture
def network(tiny_bundle: Bundle) -> bytes:
    return (tiny_bundle.path / "model.keras").read_bytes()


@pytest.fixture
def judge(tmp_path: Path) -> Callable[[bytes], None]:
    def write_and_inspect(content: bytes) -> None:
        (tmp_path / "model.keras").write_bytes(content)
        inspect_keras(tmp_path / "model.keras", size=64, classes=3)

    return write_and_inspect


def a_layer(**changes: Any) -> Callable[[Any], Any]:
    """Puts a layer in the network's place of its third."""

    def change(config: Any) -> Any:
        config["config"]["layers"][2] |= changes
        return config

    return change


def test_a_network_of_ours_is_let_in(network: bytes, judge: Callable[[bytes], None]) -> None:
    judge(network)


def test_a_lambda_that_keras_itself_wrote_is_refused_by_name(
    tmp_path: Path, judge: Callable[[bytes], None]
) -> None:
    import keras

    film = keras.Input((64, 64, 1))
    features = keras.layers.Lambda(lambda x: x, name="trojan")(film)
    keras.Model(film, features).save(tmp_path / "model.keras")
    with pytest.raises(
        BundleError, match=r"'trojan' in it is of the class keras\.layers\.Lambda, which no network"
    ):
        judge((tmp_path / "model.keras").read_bytes())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (a_layer(class_name="TFSMLayer"), r"of the class keras\.layers\.TFSMLayer"),
        (a_layer(class_name="TorchModuleWrapper"), r"keras\.layers\.TorchModuleWrapper"),
        (a_layer(class_name="StringLookup"), r"keras\.layers\.StringLookup"),
        (a_layer(module="evil.code"), r"of the class evil\.code\.AveragePooling2D"),
        (a_layer(module=["keras.layers"]), r"of the class \['keras\.layers'\]"),
        (a_layer(registered_name="evil>Thing"), r"AveragePooling2D, registered as evil>Thing"),
        (a_layer(inbound_nodes=[{"args": [], "kwargs": {"x": FUNCTION}}]), r"os\.function"),
        (a_layer(config={"name": "p", "activation": FUNCTION}), r"os\.function"),
        (a_layer(build_config={"x": {"class_name": "__lambda__"}}), "of the class __lambda__"),
        (lambda c: {**c, "compile_config": {"loss": FUNCTION}}, r"os\.function"),
        (lambda c: {**c, "class_name": "Sequential"}, "functional.Sequential"),
        (lambda c: c["config"]["layers"], "it describes no network with a layer named logits"),
        (lambda _: "text", "it describes no network with a layer named logits"),
    ],
)  # fmt: skip
def test_what_no_network_needs_is_refused_by_name(
    network: bytes,
    judge: Callable[[bytes], None],
    change: Callable[[Any], Any],
    message: str,
) -> None:
    with pytest.raises(BundleError, match=message):
        judge(with_config(network, change))


def test_a_network_of_other_sizes_than_its_card_is_refused(network: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(network)
    with pytest.raises(BundleError, match=r"its card says 96×96 pixels and 3 classes, the network"):
        inspect_keras(tmp_path / "model.keras", size=96, classes=3)
    with pytest.raises(BundleError, match=r"and 2 classes, the network takes .* and gives 3"):
        inspect_keras(tmp_path / "model.keras", size=64, classes=2)


def test_a_network_without_its_feature_layer_is_refused(
    network: bytes, judge: Callable[[bytes], None]
) -> None:
    def rename(config: Any) -> Any:
        return json.loads(json.dumps(config).replace('"features"', '"others"'))

    with pytest.raises(BundleError, match="no flat network with a layer named features"):
        judge(with_config(network, rename))


@pytest.mark.parametrize("text", [b"{", b"\xff", b"[" * 100_000])
def test_a_description_that_is_no_json_is_refused(
    network: bytes, judge: Callable[[bytes], None], text: bytes
) -> None:
    with pytest.raises(BundleError, match=r"its config\.json is no JSON"):
        judge(zipped(files_of(network) | {"config.json": text}))


def test_what_else_lies_in_the_file_is_refused(
    network: bytes, judge: Callable[[bytes], None]
) -> None:
    with pytest.raises(BundleError, match=r"'assets/vocabulary\.txt' is none of its files"):
        judge(zipped(files_of(network) | {"assets/vocabulary.txt": b"x"}))
    with pytest.raises(BundleError, match=r"in model\.keras, but it is no zip file"):
        judge(b"\x89HDF\r\n\x1a\n" + bytes(600))  # the old format knows no safe mode


@pytest.mark.parametrize("backbone", ["cnn", "efficientnetv2b0", "mobilenetv2"])
def test_every_class_of_our_own_backbones_is_known(backbone: str) -> None:
    import keras

    from pneumo_core.bundle.untrusted_files import _check_class, _objects
    from pneumo_core.training.network import build_network

    made = build_network(backbone, size=64, classes=3, weights="none")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(made)))
    kinds = {item["class_name"] for item in _objects(config)}
    assert {"Functional", "Conv2D", "DTypePolicy", "__keras_tensor__"} <= kinds
    for item in _objects(config):
        _check_class(item)


@pytest.mark.parametrize("name", ["Lambda", "TFSMLayer", "JaxLayer", "TorchModuleWrapper"])
def test_no_layer_that_can_carry_code_is_let_in(name: str) -> None:
    assert name not in {known for _, known in ALLOWED}
