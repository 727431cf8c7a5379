"""A closer look after every epoch, on numbers worked by hand."""

import json

import numpy as np
import pytest

from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.history import read_closeup
from pneumo_core.training.runs.run import create_run

pytestmark = pytest.mark.keras

CLASSES = ("normal", "bacterial", "viral")


def held_out(labels):
    from pneumo_core.training.runs.closeup import HeldOut

    inputs = np.zeros((len(labels), 64, 64), np.uint8)
    return HeldOut(inputs, np.array(labels), [f"film {n}" for n in range(len(labels))], CLASSES)


def test_recall_confusion_and_the_surest_errors():
    from pneumo_core.training.runs.closeup import closeup_of

    logits = np.array(
        [[2.0, 0, 0], [-3.0, 0, 0], [-1.0, 5, 0], [4.0, 0, 0], [0.6, 0, 0], [-9.0, 9, 0]],
        "float32",
    )
    found, rows = closeup_of(1, logits, held_out([0, 0, 1, 1, 1, 2]))
    assert found.confusion == {"tp": 3, "fp": 1, "tn": 1, "fn": 1}
    assert found.recall == {"normal": 0.5, "bacterial": 1 / 3, "viral": 0.0}
    # P is 0.976 of the normal one that is called, 0.035 of the one missed.
    assert rows.tolist() == [1, 3]
    assert found.errors[0] == {"film": "film 1", "label": "normal", "p": 0.9757}


def test_a_class_without_films_has_no_recall():
    from pneumo_core.training.runs.closeup import closeup_of

    found, rows = closeup_of(0, np.array([[3.0, 0, 0]], "float32"), held_out([0]))
    assert found.recall == {"normal": 1.0, "bacterial": None, "viral": None}
    assert len(rows) == 0


@pytest.mark.usefixtures("eager")
def test_after_an_epoch_maps_and_figures_are_there_to_be_read(tmp_path):
    from pneumo_core.training.network import build_network
    from pneumo_core.training.runs.closeup import EpochCloseup

    run = create_run(tmp_path, make_recipe("quick", backbone="cnn"), data=tmp_path, bundle="m")
    assert read_closeup(run) is None
    folder = run.folder / "fold-0"
    folder.mkdir()
    network = build_network("cnn", size=64, classes=3, weights="none")
    answers = iter([True, False])
    callback = EpochCloseup(held_out([0, 1, 2, 0]), folder, network, stopped=lambda: next(answers))
    callback.on_epoch_end(2)
    assert read_closeup(run) is None
    callback.on_epoch_end(2)
    facts, arrays = read_closeup(run)
    assert (facts["epoch"], facts["films"], facts["threshold"]) == (2, 4, 0.5)
    assert sum(facts["confusion"].values()) == 4
    assert arrays["films"].shape == (len(facts["errors"]), 64, 64)
    assert arrays["maps"].shape == (len(facts["errors"]), 4, 4)
    assert json.loads((folder / "closeup.json").read_text())["recall"].keys() == set(CLASSES)
