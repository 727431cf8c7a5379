"""The robustness suite at the end of a run: whatever ends it, the model stays."""

import pytest

from pneumo_core.training import held_out
from pneumo_core.training.calibrate import Calibration
from pneumo_core.training.export import Delivery
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.run import create_run

pytestmark = pytest.mark.keras


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (KeyboardInterrupt(), "it was stopped by hand"),
        (MemoryError("no room"), "MemoryError: no room"),
    ],
)
def test_what_ends_the_suite_does_not_cost_the_model(
    tiny_bundle, tmp_path, monkeypatch, fault, why
):
    def fail(*_):
        raise fault

    monkeypatch.setattr(held_out, "_suite", fail)
    recipe = make_recipe("quick", backbone="cnn", robustness=True)
    run, heard = create_run(tmp_path, recipe, data=tmp_path, bundle="tiny"), []
    run.update(note="One thing before.")
    found = held_out.add_robustness(
        Delivery(tiny_bundle, Calibration(1.0, 0.3, 0.5, 0.7), None),
        run=run,
        recipe=recipe,
        answers=None,
        folds=[],
        report=lambda *facts: heard.append(facts),
    )
    assert found == tiny_bundle
    told = (
        f"The robustness suite did not finish ({why}). Measure it with: python -m pneumo_core "
        "stress --into-card --model tiny"
    )
    assert run.status()["note"] == f"One thing before. {told}"
    assert heard == [("robustness", 1, 1, told)]
