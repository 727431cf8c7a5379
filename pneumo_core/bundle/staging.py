"""Where a bundle is made or taken apart: a hidden folder beside its place, moved in one step."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def staged(models_dir: Path, name: str) -> Iterator[Path]:
    """A folder for the bundle `name` that no list shows; gone afterwards unless it was moved.

    Raises BundleError where the folder of models cannot be written.
    """
    hidden = models_dir / f".partial-{uuid4().hex[:12]}"
    try:
        (hidden / name / "openvino").mkdir(parents=True)
    except OSError as error:
        raise BundleError(
            "Expected to write to the folder of models, but it cannot be written. Look at its "
            "permissions and at the room on the disk."
        ) from error
    try:
        yield hidden / name
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def move_into_place(staging: Path, target: Path, *, replace: bool) -> None:
    """Put the finished folder in place; an older one is gone only once the new one is there.

    Raises BundleError where the place has been taken and `replace` is not asked.
    """
    retired = staging.with_name(f"{staging.name}-old")
    if replace and target.exists():
        target.rename(retired)
    try:
        staging.rename(target)
    except OSError as error:
        if retired.exists():
            retired.rename(target)
        raise BundleError(
            f"Expected to put the model {target.name} in its place, but it is taken or cannot be "
            "written. Choose another name, or look at the folder's permissions."
        ) from error
