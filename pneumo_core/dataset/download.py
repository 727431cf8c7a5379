"""Download of the Kaggle data set: resumable, counted and verified."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo_core.config import ROOT
from pneumo_core.dataset.layout import PUBLISHED, Listing, list_films
from pneumo_core.dataset.pixel_cache import in_order
from pneumo_core.errors import DataSetError
from pneumo_core.formatting import file_size

if TYPE_CHECKING:
    from pneumo_core.progress import Progress

HANDLE = "paultimothymooney/chest-xray-pneumonia/versions/2"
PAGE = "https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia"
BY_HAND = (
    f"Or download it in a browser, on any machine, from {PAGE}, unpack it, and give that folder."
)
CREDENTIALS = (
    "On kaggle.com, under Settings, create an API token, and put the file kaggle.json into the "
    "folder .kaggle of your home; or set KAGGLE_USERNAME and KAGGLE_KEY."
)
# The process that downloads; the name of this module is whatever it is called.
COMMAND = (sys.executable, "-c", f"from {__name__} import download_here; download_here()")
SECONDS_BETWEEN_CHECKS = 0.5
SECONDS_OF_SILENCE = 60.0  # no new bytes: abort. Kaggle's library would wait forever
_ARCHIVE = ".archive"
_MEGABYTES = 2349  # of the archive; about as many are unpacked


def download_archive(folder: Path, *, report: Progress) -> Path:
    """Download and unpack the archive below `folder`, which must be ours alone; returns its path.

    A process of its own runs kagglehub, so that its settings, messages and endless waits stay
    there; `report` receives the bytes on disk. An interrupted download is resumed where the
    server allows. Raises DataSetError with a way out, and nothing else, for
    whatever goes wrong.
    """
    python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    own = {"KAGGLEHUB_CACHE": str(folder), "PYTHONPATH": python_path}
    with subprocess.Popen(
        [*COMMAND, str(folder)],
        env={"KAGGLEHUB_VERBOSITY": "error", **os.environ, **own},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        try:
            said = _answer_of(child, folder, report)
        finally:
            child.kill()  # where it has not ended: a server that says nothing, Ctrl-C
    if "error" in said:
        raise DataSetError(said["error"])
    return Path(said["path"])


def _answer_of(child: subprocess.Popen[bytes], folder: Path, report: Progress) -> dict[str, str]:
    """What the process says at its end: "path" or "error". Raises DataSetError for a silent one."""
    last, moved = -1, time.monotonic()
    while True:
        ended = _wait(child)
        on_disk = report_progress(folder, report)
        if ended:
            break
        if on_disk != last:
            last, moved = on_disk, time.monotonic()
        elif time.monotonic() - moved > SECONDS_OF_SILENCE:
            raise DataSetError(_broken(folder))
    try:
        answer: dict[str, str] = json.loads(child.stdout.read() if child.stdout else b"")
    except ValueError:
        raise DataSetError(
            "Expected the download to end with an answer, got none: its process was ended. "
            "Run it again: it resumes."
        ) from None
    return answer


def _wait(child: subprocess.Popen[bytes]) -> bool:
    """Whether the process ends before the next check of the disk."""
    try:
        child.wait(SECONDS_BETWEEN_CHECKS)
    except subprocess.TimeoutExpired:
        return False
    return True


def report_progress(folder: Path, report: Progress) -> int:
    """Report the bytes below `folder`, of the archive or what is unpacked of it; return them."""
    sizes = {path: _size(path) for path in folder.rglob("*")}
    loaded = sum(size for path, size in sizes.items() if path.suffix == _ARCHIVE)
    unpacked = sum(sizes.values()) - loaded
    done = round((unpacked or loaded) / 2**20)
    if unpacked:
        report("unpack", done, max(done + 1, _MEGABYTES), f"unpacking: {done:,} MB of films")
    elif loaded:
        total = max(done + 1, _MEGABYTES)
        report("download", done, total, f"{done:,} of about {total:,} MB")
    return loaded + unpacked


def _size(path: Path) -> int:
    """Bytes of a file; 0 of a folder, and of what the download has moved since."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def download_here() -> None:
    """The process's part: download below the folder that the call names; the answer as JSON."""
    with redirect_stdout(sys.stderr):  # kagglehub's notes: standard output is for the answer
        try:
            answer = {"path": str(download_with_kagglehub(Path(sys.argv[1])))}
        except DataSetError as error:
            answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer))


def download_with_kagglehub(folder: Path) -> Path:
    """Download and unpack in this process; `folder` is kagglehub's cache, by KAGGLEHUB_CACHE.

    Given a folder as output_dir, kagglehub clears it and begins anew; its cache it takes up again.
    Raises DataSetError.
    """
    import kagglehub
    import requests

    try:
        return Path(kagglehub.dataset_download(HANDLE))
    except requests.HTTPError as error:
        raise DataSetError(_refused(getattr(error.response, "status_code", 0))) from None
    except requests.RequestException:
        raise DataSetError(_broken(folder)) from None
    except kagglehub.exceptions.DataCorruptionError:
        raise DataSetError(_damaged()) from None
    except (zipfile.BadZipFile, EOFError):
        _forget_archive(folder)
        raise DataSetError(_damaged()) from None
    except ValueError as error:
        if "archive" in str(error):  # "Unsupported archive type."
            _forget_archive(folder)
            raise DataSetError(_damaged()) from None
        raise DataSetError(
            "Expected Kaggle credentials in kaggle.json, got a file without them. "
            f"{CREDENTIALS} {BY_HAND}"
        ) from None
    except OSError as error:
        raise DataSetError(disk_words(error)) from error


def disk_words(error: OSError) -> str:
    """What the disk said, and what to do."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return (
            "Expected room for the films, got: the disk is full. Free some space, or name a "
            "folder on another disk; then run it again: it resumes."
        )
    return (
        f"Expected to write the films there, got: {error.strerror or 'the disk refused'}. "
        "Name another folder."
    )


def _refused(status: int) -> str:
    if status in {401, 403}:
        return (
            f"Expected the films from Kaggle, got: not allowed ({status}). Kaggle rejected "
            f"these credentials, or requires some. {CREDENTIALS} {BY_HAND}"
        )
    if status == 404:
        return (
            "Expected the films at Kaggle, got: not there (404). The data set may have moved. "
            "Mendeley Data has the films too: https://data.mendeley.com/datasets/rscbjbr9sj/2."
        )
    return (
        f"Expected the films from Kaggle, got an error of the server ({status}). "
        f"Try again later. {BY_HAND}"
    )


def _broken(folder: Path) -> str:
    if done := downloaded(folder):
        return (
            f"Expected the whole archive, and the connection broke after {file_size(done)}. "
            "They are kept: run it again to resume."
        )
    return (
        "Expected to reach kaggle.com, and cannot: there is no network, or a firewall blocks "
        "it (behind a proxy, set HTTPS_PROXY). If Kaggle can be reached and asks for credentials: "
        f"{CREDENTIALS[0].lower()}{CREDENTIALS[1:]} {BY_HAND}"
    )


def _damaged() -> str:
    return (
        "Expected the archive as Kaggle has it, got a damaged one, which is removed. Run it again."
    )


def _forget_archive(folder: Path) -> None:
    for path in _archives(folder):
        path.unlink()


def downloaded(folder: Path) -> int:
    """Bytes of a partly downloaded archive below `folder`."""
    return sum(path.stat().st_size for path in _archives(folder))


def _archives(folder: Path) -> list[Path]:
    return list(folder.rglob(f"*{_ARCHIVE}"))


_STAGING = ".fetching"  # hidden: not indexed
_ROOM = 6 * 2**30  # bytes: the archive, and all it holds, side by side


@dataclass(frozen=True)
class Fetched:
    """The data set in `folder`.

    films: how many count; passed_over: second copies and what macOS left, which do not;
    content: sha256 over the films' own hashes in the order of their paths, the same wherever and
    however they were unpacked.
    """

    folder: Path
    films: int
    passed_over: int
    content: str


def fetch_data(dest: Path, *, report: Progress) -> Fetched:
    """Have the Kaggle data set below `dest`, downloading what is not there, and check it.

    Whole already: nothing is downloaded. Interrupted before: it goes on where it stopped.
    `report(phase, done, total, words)` receives all progress.
    Raises DataSetError with a way out if it cannot be fetched or is not the published one.
    """
    if _is_whole(dest):
        report("download", 1, 1, "the films are there already")
        return _checked(dest, report)
    staging = dest / _STAGING
    try:
        staging.mkdir(parents=True, exist_ok=True)
        _check_room(dest, staging)
        try:
            unpacked = download_archive(staging, report=report)
        finally:
            _tidy(staging)
        for found in unpacked.iterdir():
            _move_into(found, dest)
        shutil.rmtree(staging)
    except OSError as error:
        raise DataSetError(disk_words(error)) from error
    return _checked(dest, report)


def _is_whole(dest: Path) -> bool:
    try:
        return not _missing(list_films(dest))
    except DataSetError:
        return False


def _check_room(dest: Path, staging: Path) -> None:
    """Raise DataSetError now rather than in the middle of the download."""
    free = shutil.disk_usage(dest).free
    if free + downloaded(staging) < _ROOM:
        raise DataSetError(
            f"Expected {file_size(_ROOM)} of room for the archive and the films, got "
            f"{file_size(free)}. Free some space, or name a folder on another disk."
        )


def _tidy(staging: Path) -> None:
    """Leave nothing behind of a download that never began."""
    if not any(path.is_file() for path in staging.rglob("*")):
        shutil.rmtree(staging)
        if not any(staging.parent.iterdir()):
            staging.parent.rmdir()


def _move_into(found: Path, dest: Path) -> None:
    """Move a file or folder to `dest`; what an earlier, broken unpacking left there gives way."""
    old = dest / found.name
    if old.is_dir():
        shutil.rmtree(old)
    found.replace(old)


def _checked(dest: Path, report: Progress) -> Fetched:
    """Count the films and hash them. Raises DataSetError if they are not the published ones."""
    listing = list_films(dest)
    if missing := _missing(listing):
        raise DataSetError(
            f"Expected the published films, got other counts: {'; '.join(missing)}. "
            f"Remove the folder chest_xray there and run it again. {BY_HAND}"
        )
    digest, total = hashlib.sha256(), len(listing.films)
    hashes = in_order(lambda film: _hash(listing.base / film), listing.films)
    for done, one in enumerate(hashes, start=1):
        digest.update(bytes.fromhex(one))
        report("check", done, total, "")
    return Fetched(dest, total, len(listing.nested) + len(listing.macosx), digest.hexdigest())


def _missing(listing: Listing) -> list[str]:
    """Each split and class whose count is not the published one, in words."""
    counts = dict.fromkeys(PUBLISHED, 0)
    for film in listing.films:
        facts = listing.facts[film]
        key = (facts.split or "all", facts.label or "")
        counts[key] = counts.get(key, 0) + 1
    return [
        f"{split} {label} {n:,} instead of {PUBLISHED.get((split, label), 0):,}"
        for (split, label), n in counts.items()
        if n != PUBLISHED.get((split, label), 0)
    ]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
