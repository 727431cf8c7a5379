"""A stranger's model.keras: what it would build is told from its text, and refused by name."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.transfer import export_bundle, import_bundle
from pneumo_core.bundle.untrusted_files import ALLOWED, checked_ledger, inspect_graph, inspect_keras
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
        (lambda c: c["config"]["layers"], "it has no layer named logits"),
        (lambda _: "text", "it has no layer named logits"),
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

    with pytest.raises(BundleError, match="not a flat network with a layer named features"):
        judge(with_config(network, rename))


@pytest.mark.parametrize("text", [b"{", b"\xff", b"[" * 100_000])
def test_a_description_that_is_no_json_is_refused(
    network: bytes, judge: Callable[[bytes], None], text: bytes
) -> None:
    with pytest.raises(BundleError, match=r"its config\.json is not JSON"):
        judge(zipped(files_of(network) | {"config.json": text}))


def test_what_else_lies_in_the_file_is_refused(
    network: bytes, judge: Callable[[bytes], None]
) -> None:
    with pytest.raises(BundleError, match=r"'assets/vocabulary\.txt' is not one of its files"):
        judge(zipped(files_of(network) | {"assets/vocabulary.txt": b"x"}))
    with pytest.raises(BundleError, match=r"in model\.keras, but it is not a zip file"):
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


BOMB = """<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><net name="&b;"/>"""


@pytest.fixture
def graph(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    shutil.copytree(tiny_bundle.path / "openvino", tmp_path / "openvino")
    return tmp_path / "openvino" / "model.xml"


def test_a_graph_of_ours_is_let_in(graph: Path) -> None:
    inspect_graph(graph, size=64)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('version="opset1"', 'version="extension"', "of 'extension', not a standard operation"),
        ('type="ReLU"', 'type="ReadValue"', "'ReadValue' of 'opset1', not a standard operation"),
        ("<edges>", "<body><layers/></body><edges>", "contains a graph of its own"),
        ('offset="0"', 'offset="999999999"', "is outside of model.bin"),
        ('offset="0"', 'offset="-8"', "is outside of model.bin"),
        ('offset="0"', 'place="0"', "has no place in model.bin"),
        ('offset="0"', 'offset="0" location="../../secret.bin"', r"names a file: '../../secret"),
        ("<rt_info>", '<rt_info><w name="__weights_path" value="x"/>', "a note in it names a file"),
        ("<rt_info>", "<rt_info><w>/etc/passwd</w>", "a note in it holds text: '/etc/passwd'"),
        ("<rt_info>", "<rt_info><__weights_path/>", "names a file: '__weights_path'"),
        ("<rt_info>", '<rt_info><w value="/etc/passwd"/>', "names a file: '/etc/passwd'"),
        ("<rt_info>", '<rt_info><w value="https://x.org"/>', "names a file: 'https://x.org'"),
        ("<layers>", "<?php evil ?><layers>", "it has processing instructions"),
        ("<layers>", "<a>" * 40 + "</a>" * 40 + "<layers>", "nested too deeply"),
        ('shape="?,64,64,1"', 'shape="?,96,96,1"', "says 64×64 pixels, the graph takes \\?,96,96"),
        ('type="Parameter"', 'type="Relu"', "it takes 0 inputs"),
        ("</net>", "", "it is not XML: no element found"),
        ("<net ", "<model ", "it is a document of 'model'"),
    ],
)  # fmt: skip
def test_what_is_no_plain_graph_is_refused(graph: Path, old: str, new: str, message: str) -> None:
    text = graph.read_text()
    assert old in text
    graph.write_text(text.replace(old, new, 1))
    with pytest.raises(BundleError, match=f"Expected an OpenVINO graph in .*{message}"):
        inspect_graph(graph, size=64)


def test_xml_that_grows_is_refused_at_its_door(graph: Path) -> None:
    graph.write_text(BOMB)
    with pytest.raises(BundleError, match="it has a document type"):
        inspect_graph(graph, size=64)


def evaluation(**changes: Any) -> str:
    """A line as `pneumo_core.evaluation.test_log` writes it."""
    line = {"at": "2026-11-20T18:00:00+00:00", "version": "1.0", "digest": "0" * 16, "n": 624}
    line |= {"data": "1" * 16, "split": "test", "figures": {"auc": 0.9, "ece": None}, "pneumo": "1"}
    return json.dumps(line | changes)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "",
        evaluation(n="624"),
        evaluation(split="x" * 65),
        evaluation(figures={"auc": "<b>"}),
        evaluation(more=1),
    ],
)
def test_a_line_that_is_no_evaluation_is_named(line: str) -> None:
    with pytest.raises(BundleError, match="a log of test-set evaluations, but its line 2 is no"):
        checked_ledger(f"{evaluation()}\n{line}\n".encode())


def test_an_evaluation_that_our_own_ledger_writes_is_one(models: Path) -> None:
    from pneumo_core.evaluation import test_log

    bundle = load_bundle("tiny", models_dir=models)
    figures = dict.fromkeys(test_log.FIGURES, 0.5) | {"n": 624, "auc": float("nan")}
    assert test_log.record(bundle, data="1" * 16, split="test", figures=figures) == ""
    content = (models / "tiny.ledger.jsonl").read_bytes()
    assert checked_ledger(content) == content.decode().splitlines()


@pytest.mark.usefixtures("no_trial")
def test_the_ledger_goes_along_and_counts_each_look_once(models: Path, tmp_path: Path) -> None:
    first, second, third = (evaluation(n=n) for n in (1, 2, 3))
    (models / "tiny.ledger.jsonl").write_text(f"{first}\n{second}\n")
    sent = export_bundle("tiny", models_dir=models)
    import_bundle(sent, models_dir=tmp_path / "new", name="renamed")
    assert (tmp_path / "new" / "renamed.ledger.jsonl").read_text() == f"{first}\n{second}\n"
    (models / "tiny.ledger.jsonl").write_text(f"{second}\n{third}\n")
    import_bundle(sent, models_dir=models, replace=True)
    kept = (models / "tiny.ledger.jsonl").read_text()
    assert kept == f"{second}\n{third}\n{first}\n"
    assert load_bundle("tiny", models_dir=models).name == "tiny"  # the ledger is no part of it
