"""Export and import of bundles as zip files; an imported one is not trusted.

NAME/card.json …        the files of the bundle, as in models/
NAME.ledger.jsonl       where there is one: its test-set evaluations

The ledger is exported although no hash covers it: test-set evaluations count wherever the model
goes. Unpacked by hand into a folder of models, the zip gives the same bundle.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pneumo_core.access import Right, recorded, require
from pneumo_core.bundle.feature_checks import FEATURE_CHECKS
from pneumo_core.bundle.integrity import (
    ELSEWHERE,
    FAMILIAR,
    FILES,
    FILM_HASHES,
    FILMS,
    OPTIONAL,
    ORIENTATION,
    REMEDY,
    SUMS,
    move_into_place,
    present_options,
    staged,
    verify_bundle,
)
from pneumo_core.bundle.provenance import inspect_films
from pneumo_core.bundle.registry import LEDGER, bundle_names, check_name, ledger_path, load_bundle
from pneumo_core.bundle.sandbox import try_out
from pneumo_core.bundle.untrusted_files import (
    checked_ledger,
    inspect_graph,
    inspect_keras,
    inspect_predictions,
    join_ledger,
)
from pneumo_core.config import load_settings
from pneumo_core.errors import BundleError
from pneumo_core.untrusted_zip import MAX_BYTES, checked_members, open_zip, refused, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumo_core.bundle.registry import Bundle

WHAT = "a model bundle as a zip"
# Most bytes of each file: five times what the largest backbone needs in full precision.
LIMITS = {
    SUMS: 2**16,
    "README.md": 2**20,
    "card.json": 2**20,
    "predictions.csv": 64 * 2**20,
    ELSEWHERE: 64 * 2**20,
    FILMS: 16 * 2**20,  # 800,000 films
    FILM_HASHES: 64 * 2**20,
    FAMILIAR: 4 * 2**20,
    ORIENTATION: 2**20,
    "openvino/model.xml": 16 * 2**20,
    "openvino/model.bin": MAX_BYTES // 2,
    "model.keras": MAX_BYTES // 2,
}
LEDGER_BYTES = 4 * 2**20
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest of a zip: the same bundle gives the same bytes


def export_bundle(name: str, *, models_dir: Path | None = None) -> bytes:
    """A verified bundle as a zip, the same bytes wherever and whenever it is made.

    Raises BundleError on a bundle that is missing, incomplete or altered.
    """
    with recorded(Right.MANAGE, "model.export", name):
        return _zipped(load_bundle(name, models_dir=models_dir))


def _zipped(bundle: Bundle) -> bytes:
    name = bundle.name
    inside = (*FILES, *present_options(bundle.path), SUMS)
    files = {f"{name}/{file}": bundle.path / file for file in inside}
    ledger = ledger_path(bundle.path)
    if ledger.is_file():
        files[ledger.name] = ledger
    out = io.BytesIO()
    # Stored, not deflated: weights do not shrink, and deflate differs between versions of zlib.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for member in sorted(files):
            info = zipfile.ZipInfo(member, _DATE)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, files[member].read_bytes())
    return out.getvalue()


def import_bundle(
    source: Path | bytes | IO[bytes],
    *,
    models_dir: Path | None = None,
    name: str | None = None,
    replace: bool = False,
    report: Callable[[str], None] | None = None,
) -> Bundle:
    """Import the bundle in the zip `source`, as `name` or under its own name.

    Nothing in it is trusted: sizes, names and kinds of the members are checked before unpacking;
    then, in a hidden folder, its hashes, its card, the classes its network would build, its graph;
    finally both networks predict a film in a separate process. Only then is it moved into place.
    The hashes detect damage, not who made it: compare its digest with the sender's. It is not put
    in service. `report` receives each step.

    Raises BundleError, which names the file and the reason, also for a name that is taken unless
    `replace`.
    """
    folder = load_settings().models_dir if models_dir is None else models_dir
    tell = report or (lambda _: None)
    require(Right.MANAGE, "model.import")
    try:
        with _opened(source) as stream, open_zip(stream, WHAT) as archive:
            top = _top_folder(archive)
            chosen = check_name(top if name is None else name)
            _check_free(folder, chosen, replace=replace)
            with recorded(Right.MANAGE, "model.import", chosen), staged(folder, chosen) as staging:
                tell("Unpacking")
                ledger = checked_ledger(_unpack_all(archive, top, staging))
                tell("Checking every file")
                examine(staging)
                tell("Predicting a synthetic film with it")
                try_out(staging)
                move_into_place(staging, folder / chosen, replace=replace)
    except BundleError as error:
        why = str(error)
        if why.endswith(REMEDY):
            why = f"{why.removesuffix(REMEDY)}Ask for a new export of the model."
        raise BundleError(f"Nothing was imported. {why}") from error
    if ledger:
        join_ledger(folder / chosen, ledger)
    return load_bundle(chosen, models_dir=folder)


def examine(path: Path) -> None:
    """Check the files of an unpacked bundle without running any of it. Raises BundleError."""
    verify_bundle(path)
    bundle = load_bundle(path.name, models_dir=path.parent, verify=False)
    inspect_keras(path / "model.keras", size=bundle.size, classes=len(bundle.classes))
    inspect_graph(path / "openvino" / "model.xml", size=bundle.size)
    inspect_predictions(path / "predictions.csv")
    options = present_options(path)
    if ELSEWHERE in options:
        inspect_predictions(path / ELSEWHERE)
    for file in (FILMS, FILM_HASHES):
        if file in options:
            inspect_films(path / file)
    for check in FEATURE_CHECKS:
        if check.file in options:
            check.inspect(path)


def name_in_zip(source: Path | bytes | IO[bytes]) -> str:
    """The name under which a zip would be imported, before anything else of it is read.

    Raises BundleError.
    """
    with _opened(source) as stream, open_zip(stream, WHAT) as archive:
        return check_name(_top_folder(archive))


@contextmanager
def _opened(source: Path | bytes | IO[bytes]) -> Iterator[IO[bytes]]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, Path):
        try:
            stream = source.open("rb")
        except OSError as error:
            raise refused(WHAT, f"{source.name} cannot be read") from error
        with stream:
            yield stream
    else:
        yield source


def _top_folder(archive: zipfile.ZipFile) -> str:
    """The folder that holds the bundle in the zip, where there is exactly one card."""
    cards = [file for file in archive.namelist() if file.rpartition("/")[2] == "card.json"]
    if len(cards) != 1 or cards[0].count("/") != 1:
        raise refused(WHAT, "it does not hold exactly one folder with a card.json")
    return cards[0].partition("/")[0]


def _check_free(folder: Path, name: str, *, replace: bool) -> None:
    if name in bundle_names(folder) and not replace:
        raise BundleError(
            f"Expected a new name; there is a model {name!r} already. Choose another name, or "
            "choose to replace that model."
        )


def _unpack_all(archive: zipfile.ZipFile, top: str, staging: Path) -> bytes:
    """Unpack every file of the bundle; the ledger's content, empty where there is none."""
    limits = {f"{top}/{file}": most for file, most in LIMITS.items()}
    ledger = f"{top}{LEDGER}"
    optional = [ledger, *(f"{top}/{file}" for file in OPTIONAL)]
    members = checked_members(archive, limits | {ledger: LEDGER_BYTES}, WHAT, optional=optional)
    free = shutil.disk_usage(staging).free
    if sum(info.file_size for info in members.values()) > free:
        raise BundleError(
            "Expected room for the model on the disk; there is not enough. Free some space."
        )
    for member, info in members.items():
        inside = member.removeprefix(f"{top}/")
        target = staging.with_name(ledger) if member == ledger else staging / inside
        unpack(archive, info, target, WHAT)
    return staging.with_name(ledger).read_bytes() if ledger in members else b""
