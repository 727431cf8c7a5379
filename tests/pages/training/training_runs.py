"""Runs as the Training screen finds them."""

from __future__ import annotations

from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.run import create_run

RATE = {"value": 0.95, "low": 0.9, "high": 0.99}


def make_run(settings, state="running", **facts):
    recipe = make_recipe("quick", backbone="cnn")
    run = create_run(settings.runs_dir, recipe, data=settings.cache_dir, bundle="cnn-quick")
    run.update(state=state, **facts)
    return run


def draw(run, epochs=2):
    folder = run.folder / "fold-0"
    folder.mkdir()
    rows = [f"{e},0.6,1.2,{0.7 + e / 10},{1.1 - e / 10}" for e in range(epochs)]
    (folder / "history.csv").write_text("\n".join(["epoch,auc,loss,val_auc,val_loss", *rows, ""]))
    (folder / "steps.csv").write_text(
        "step,epoch,loss,auc,films_per_second,learning_rate\n1,0.1,1.3,0.5,50,0.0001\n"
        "9,1,1.2,0.6,60,0.0002\n"
    )
