"""What a role may not do raises in the core, whoever calls: a page, the API or the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pneumo_core.access import AccessRefused, Person, Role, acting_as
from pneumo_core.bundle import activate, active_name, remove_bundle
from pneumo_core.bundle.transfer import export_bundle, import_bundle
from pneumo_core.inference.shared import shared_reader
from pneumo_core.jobs.job import start_job
from pneumo_core.readings.log import ReadingLog
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.queue import delete_run, resume_run, start_run
from pneumo_core.training.runs.run import create_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.config import Settings


def _actions(settings: Settings) -> dict[str, Callable[[], object]]:
    models, name = settings.models_dir, active_name()
    recipe = make_recipe("quick")
    run = create_run(settings.runs_dir, recipe, data=Path("data"), bundle="b", state="failed")
    log = ReadingLog.open(settings)
    assert log is not None
    return {
        "activate": lambda: activate(name, models),
        "delete a model": lambda: remove_bundle("other", models_dir=models),
        "export": lambda: export_bundle(name, models_dir=models),
        "import": lambda: import_bundle(b"", models_dir=models),
        "train": lambda: start_run(recipe, data=Path("data"), settings=settings),
        "resume": lambda: resume_run(run, settings=settings),
        "delete a run": lambda: delete_run(run),
        "stop": run.stop,
        "cancel": run.cancel,
        "fetch data": lambda: start_job("fetch-data", ["fetch-data", "x"], settings=settings),
        "delete readings": lambda: log.delete(["x"]),
        "read": shared_reader,
    }


FORBIDDEN = {
    Role.VIEWER: None,  # everything
    Role.READER: {
        *("activate", "delete a model", "export", "import", "train", "resume", "delete a run"),
        *("stop", "cancel", "fetch data", "delete readings"),
    },
    Role.TRAINER: {"activate", "delete a model", "export", "import", "delete readings"},
}


@pytest.mark.parametrize("role", FORBIDDEN)
def test_what_a_role_may_not_do_raises(role: Role, settings: Settings, tmp_path: Path) -> None:
    settings = replace(settings, runs_dir=tmp_path / "runs", jobs_dir=tmp_path / "jobs")
    actions = _actions(settings)
    refused = FORBIDDEN[role] or set(actions)
    with acting_as(Person("ann", role)):
        for name in refused:
            with pytest.raises(AccessRefused, match=f"but the role of ann is {role}"):
                actions[name]()
    assert refused <= set(actions)
