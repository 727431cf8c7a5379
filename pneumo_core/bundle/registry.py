"""The folder of bundles: read one, verify it, list them, choose the one in service.

models/active               one line: the name of the bundle in service
models/<name>/card.json     what the model is and how to use it (see `card.py`)
              model.keras, openvino/model.xml, openvino/model.bin
              predictions.csv, README.md
              films.sha256  optional: the films it was made with (see `provenance.py`)
              films.phash   optional: the same films by their perceptual hashes
              SHA256SUMS    "<hash>  <file>" for every other file of the folder
models/<name>.ledger.jsonl  the test-set evaluations, one line each
models/lungs                the lung finder, no model of this list (see `lung_finder.py`)
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import uuid4

from pneumo_core import metrics
from pneumo_core.access import Right, recorded
from pneumo_core.bundle.card import Card, parse_card
from pneumo_core.bundle.integrity import SUMS, broken, is_finder_name, read_bytes, verify_bundle
from pneumo_core.config import load_settings
from pneumo_core.errors import BundleError, PneumoError
from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from numpy.typing import NDArray

    from pneumo_core.bundle.card.parts import OperatingPoints


LEDGER = ".ledger.jsonl"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Bundle:
    """One bundle on disk. `digest` (hex) changes when any of its files does."""

    name: str
    path: Path
    card: Card
    digest: str

    @property
    def version(self) -> str:
        """The model's version, e.g. "1.0"."""
        return self.card.version

    @property
    def size(self) -> int:
        """Side in pixels of the square image that the network takes."""
        return self.card.size

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the logits in order; the first is always "normal"."""
        return self.card.classes

    @property
    def temperature(self) -> float:
        """Divides the logits before the softmax; see `probabilities` for what follows it."""
        return self.card.calibration.temperature

    def probabilities(self, logits: npt.ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities float64 (N, C) of the network's logits (N, C), normal first."""
        chances = metrics.probabilities(logits, self.temperature)
        fitted = self.card.recalibration
        return chances if fitted is None else fitted.of_classes(chances)

    @property
    def points(self) -> OperatingPoints:
        """The operating points, as fitted on validation."""
        return self.card.points


def load_bundle(
    name: str | None = None, *, models_dir: Path | None = None, verify: bool = True
) -> Bundle:
    """The bundle of that name; None means the one in service. Raises BundleError.

    `verify` reads every file and compares its hash (about 50 ms for 60 MB).
    """
    folder = _models_dir(models_dir)
    path = folder / check_name(active_name(folder) if name is None else name)
    if not path.is_dir():
        raise BundleError(
            f"Expected a model named {path.name!r}, found {_spoken(bundle_names(folder))}. "
            "Name one of these, or train one."
        )
    if verify:
        verify_bundle(path)
    return Bundle(
        name=path.name,
        path=path,
        card=_read_card(path),
        digest=hashlib.sha256(read_bytes(path, SUMS)).hexdigest(),
    )


def bundle_names(models_dir: Path | None = None) -> list[str]:
    """Names of the folders that hold a bundle, whole or broken, sorted; no lung finder's."""
    folder = _models_dir(models_dir)
    if not folder.is_dir():
        return []
    named = [p.name for p in folder.iterdir() if p.is_dir() and _NAME.fullmatch(p.name)]
    return sorted(name for name in named if not is_finder_name(name))


def active_name(models_dir: Path | None = None) -> str:
    """Name of the bundle in service. Raises BundleError where none is."""
    folder = _models_dir(models_dir)
    try:
        line = (folder / "active").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        names = bundle_names(folder)
        remedy = (
            f"Choose one of {', '.join(names)} with: python -m pneumo_core models activate NAME"
            if names
            else "There is no model yet. Make one with: python -m pneumo_core train DATA --activate"
        )
        raise BundleError(f"Expected a model in service, but none is chosen. {remedy}") from error
    return check_name(line)


def activate(name: str, models_dir: Path | None = None) -> None:
    """Put a bundle in service, once it is verified; readers see the old name or the new one.

    Raises BundleError, also where the folder of models cannot be written.
    """
    folder = _models_dir(models_dir)
    with recorded(Right.MANAGE, "model.activate", name):
        load_bundle(name, models_dir=folder)
        try:
            write_atomic(folder / "active", f"{name}\n")
        except OSError as error:
            raise BundleError(
                f"Expected to put {name} in service, but the folder of models cannot be written: "
                f"{error.strerror or error}. Check its permissions and the free space on the disk."
            ) from error


def ledger_path(path: Path) -> Path:
    """The ledger of the bundle at `path`: beside it, since inside every file has its hash."""
    return path.with_name(f"{path.name}{LEDGER}")


def check_name(name: str) -> str:
    """The name itself where it is one; BundleError where it could be a path or a hidden file.

    The other entries of the folder of models, `active`, the ledgers and the lung finder, are no
    names either.
    """
    if is_finder_name(name):
        raise BundleError(
            f"Expected the name of a model, got {name[:80]!r}, which is kept for the lung finder. "
            "Choose another name."
        )
    if not _NAME.fullmatch(name) or name == "active" or name.endswith(LEDGER):
        raise BundleError(
            "Expected a model name of small letters, digits, dots, dashes and underscores "
            f"(at most 64), got {name[:80]!r}. Correct the name."
        )
    return name


def _models_dir(models_dir: Path | None) -> Path:
    return load_settings().models_dir if models_dir is None else models_dir


def _spoken(names: list[str]) -> str:
    return ", ".join(names) if names else "no model"


def _read_card(path: Path) -> Card:
    return _parsed(path, read_bytes(path, "card.json"))


@lru_cache(maxsize=64)  # the same bytes are the same card: a check of 40 KB takes 70 ms
def _parsed(path: Path, content: bytes) -> Card:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise broken(path, "expected JSON in card.json, found something else") from error
    return parse_card(document, path.name)


def remove_bundle(name: str, *, models_dir: Path | None = None) -> None:
    """Delete the bundle `name`, whole or broken: at once for every reader, then its files.

    Its ledger stays: deleting the model does not undo its test-set evaluations, and if the model
    is imported again, the count goes on. Raises BundleError on the bundle in
    service and on a name that is none.
    """
    folder = load_settings().models_dir if models_dir is None else models_dir
    with recorded(Right.MANAGE, "model.delete", name):
        _remove(name, folder)


def _remove(name: str, folder: Path) -> None:
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
            "it, and check its permissions."
        ) from error
    try:
        _check_idle(name, folder)  # it may have been put in service since
    except BundleError:
        with suppress(OSError):  # what the folder was called is in the message
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


@dataclass(frozen=True)
class BundleStatus:
    """One folder among the models.

    `bundle` is None where its card cannot be read; `fault` says what is wrong, "" where every
    file has its recorded hash; `n_bytes` is its size on disk.
    """

    name: str
    n_bytes: int
    in_service: bool
    bundle: Bundle | None
    fault: str


def survey(models_dir: Path | None = None) -> list[BundleStatus]:
    """Every bundle, its hashes checked (50 ms for 60 MB): the one in service, then by name."""
    folder = load_settings().models_dir if models_dir is None else models_dir
    try:
        active = active_name(folder)
    except BundleError:
        active = ""
    found = [
        inspect_bundle(folder / name, in_service=name == active) for name in bundle_names(folder)
    ]
    return sorted(found, key=lambda one: (not one.in_service, one.name))


def inspect_bundle(path: Path, *, in_service: bool = False) -> BundleStatus:
    """The bundle at `path`, its hashes checked."""
    bundle, fault = None, ""
    try:
        bundle = load_bundle(path.name, models_dir=path.parent, verify=False)
        load_bundle(path.name, models_dir=path.parent)
    except BundleError as error:
        fault = str(error)
    return BundleStatus(path.name, size_on_disk(path), in_service, bundle, fault)


def size_on_disk(path: Path) -> int:
    """Bytes of all files in a folder; a link counts as itself, what has just gone as nothing."""
    n_bytes = 0
    for file in path.rglob("*"):
        with suppress(OSError):
            n_bytes += 0 if file.is_dir() else file.lstat().st_size
    return n_bytes


def card_in_service(models_dir: Path | None = None) -> Card | None:
    """The card of the model in service, or None where there is none that can be read.

    Cheap enough for every run of every page: no hash is compared, and a card that has not changed
    since the last call is not read again. Not to be altered.
    """
    try:
        folder = load_settings().models_dir if models_dir is None else models_dir
        path = folder / active_name(folder)
        stat = (path / "card.json").stat()
        return _card_at(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns))
    except (OSError, PneumoError):
        return None


@lru_cache(maxsize=4)
def _card_at(path: Path, _stamp: tuple[int, int, int]) -> Card:
    return load_bundle(path.name, models_dir=path.parent, verify=False).card
