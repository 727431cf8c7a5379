"""Take a bundle out of the folder of models, for good; never the one in service."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

from pneumo_core.bundle.store import active_name, bundle_names, check_name
from pneumo_core.config import load_settings
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path


def remove_bundle(name: str, *, models_dir: Path | None = None) -> None:
    """Delete the bundle `name`, whole or broken: at once for every reader, then its files.

    Its ledger stays: that a test split was looked at is not undone by deleting the model, and
    should the model be imported again, the count goes on. Raises BundleError on the bundle in
    service and on a name that is none.
    """
    folder = load_settings().models_dir if models_dir is None else models_dir
    path = folder / check_name(name)
    if name not in bundle_names(folder):
        known = ", ".join(bundle_names(folder)) or "no model"
        raise BundleError(f"Expected a model named {name!r}, found {known}. Name one of these.")
    _check_idle(name, folder)
    hidden = folder / f".partial-{uuid4().hex[:12]}"
    try:
        path.rename(hidden)
    except OSError as error:
        raise BundleError(
            f"Expected to delete the model {name}, but its folder cannot be moved. Close what uses "
            "it, and look at its permissions."
        ) from error
    try:
        _check_idle(name, folder)  # it may have been put in service since
    except BundleError:
        hidden.rename(path)
        raise
    if hidden.is_symlink():
        hidden.unlink()
    else:
        shutil.rmtree(hidden, ignore_errors=True)


def _check_idle(name: str, folder: Path) -> None:
    try:
        active = active_name(folder)
    except BundleError:
        return
    if active == name:
        raise BundleError(
            f"Expected a model that is not in service, but {name} is. Put another one in service, "
            "then delete this one."
        )
