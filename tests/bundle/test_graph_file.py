"""A stranger's OpenVINO graph: looked through as text, refused with the operation's name."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from pneumo_core.bundle.untrusted_files import inspect_graph
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.bundle import Bundle

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
        ('version="opset1"', 'version="extension"', "of 'extension', none of OpenVINO's plain"),
        ('type="ReLU"', 'type="ReadValue"', "'ReadValue' of 'opset1', none of OpenVINO's plain"),
        ("<edges>", "<body><layers/></body><edges>", "holds a graph of its own"),
        ('offset="0"', 'offset="999999999"', "lies outside of model.bin"),
        ('offset="0"', 'offset="-8"', "lies outside of model.bin"),
        ('offset="0"', 'place="0"', "has no place in model.bin"),
        ('offset="0"', 'offset="0" location="../../secret.bin"', r"names a file: '../../secret"),
        ("<rt_info>", '<rt_info><w name="__weights_path" value="x"/>', "a note in it names a file"),
        ("<rt_info>", '<rt_info><w value="/etc/passwd"/>', "names a file: '/etc/passwd'"),
        ("<rt_info>", '<rt_info><w value="https://x.org"/>', "names a file: 'https://x.org'"),
        ("<layers>", "<?php evil ?><layers>", "it has processing instructions"),
        ("<layers>", "<a>" * 40 + "</a>" * 40 + "<layers>", "nested too deep"),
        ('shape="?,64,64,1"', 'shape="?,96,96,1"', "says 64×64 pixels, the graph takes \\?,96,96"),
        ('type="Parameter"', 'type="Relu"', "it takes 0 inputs"),
        ("</net>", "", "it is no XML: no element found"),
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
