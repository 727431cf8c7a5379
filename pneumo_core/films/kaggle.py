"""Kaggle's archive of the data set, through kagglehub: progress, patience, words for failures."""

from __future__ import annotations

import errno
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, Self

from pneumo_core.errors import DataSetError

Report = Callable[[str, int, int, str], None]  # phase, done, total, words

HANDLE = "paultimothymooney/chest-xray-pneumonia/versions/2"
PAGE = "https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia"
BY_HAND = (
    f"Or download it in a browser, on any machine, from {PAGE}, unpack it, and give that folder."
)
CREDENTIALS = (
    "On kaggle.com, under Settings, create an API token, and put the file kaggle.json into the "
    "folder .kaggle of your home; or set KAGGLE_USERNAME and KAGGLE_KEY."
)
_CONNECT, _READ = 5.0, 30.0  # seconds of silence before it is given up


def download_archive(folder: Path, *, report: Report) -> Path:
    """Download and unpack the archive below `folder`, which must be ours alone; where it lies.

    What an earlier call left there half downloaded is gone on with, where the server allows.
    Raises DataSetError with a way out, and nothing else, for whatever goes wrong.
    """
    # Its notes of what it does go to standard output, which is for results.
    os.environ.setdefault("KAGGLEHUB_VERBOSITY", "error")
    import kagglehub
    import requests

    try:
        # Given a folder of one's own as output_dir, it clears it and begins anew: its cache is
        # what it takes up again, so `folder` is its cache.
        with redirect_stdout(sys.stderr), _impatient(), _heard(report), _cache_in(folder):
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
            "folder on another disk; then run it again: it goes on where it stopped."
        )
    return (
        f"Expected to write the films there, got: {error.strerror or 'the disk refused'}. "
        "Name another folder."
    )


def _refused(status: int) -> str:
    if status in {401, 403}:
        return (
            f"Expected the films from Kaggle, got: not allowed ({status}). Kaggle does not know "
            f"these credentials, or asks for some. {CREDENTIALS} {BY_HAND}"
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
            f"Expected the whole archive, and the connection broke after {done / 2**20:,.0f} MB. "
            "They are kept: run it again, and it goes on there."
        )
    return (
        "Expected to reach kaggle.com, and cannot: there is no network here, or a wall in front "
        "of it (set HTTPS_PROXY where there is a proxy). Where Kaggle can be reached and asks who "
        f"you are: {CREDENTIALS[0].lower()}{CREDENTIALS[1:]} {BY_HAND}"
    )


def _damaged() -> str:
    return (
        "Expected the archive as Kaggle has it, got a damaged one, which is removed. Run it again."
    )


def _forget_archive(folder: Path) -> None:
    for path in _archives(folder):
        path.unlink()


def downloaded(folder: Path) -> int:
    """Bytes of an archive that lie below `folder`, half downloaded."""
    return sum(path.stat().st_size for path in _archives(folder))


def _archives(folder: Path) -> list[Path]:
    return list(folder.rglob("*.archive"))


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    before = os.environ.get("KAGGLEHUB_CACHE")
    os.environ["KAGGLEHUB_CACHE"] = str(folder)
    try:
        yield
    finally:
        del os.environ["KAGGLEHUB_CACHE"]
        if before is not None:
            os.environ["KAGGLEHUB_CACHE"] = before


@contextmanager
def _impatient() -> Iterator[None]:
    """Kaggle's library waits for ever where it gives no limit: give one to every request."""
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def limited(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        options["timeout"] = options.get("timeout") or (_CONNECT, _READ)
        return send(self, request, *args, **options)

    HTTPAdapter.send = limited  # type: ignore[method-assign]
    try:
        yield
    finally:
        HTTPAdapter.send = send  # type: ignore[method-assign]


@contextmanager
def _heard(report: Report) -> Iterator[None]:
    """Its progress bar, which it draws on its own, becomes our report."""
    from kagglehub import clients

    drawn = clients.tqdm
    clients.tqdm = partial(_Bar, report)
    try:
        yield
    finally:
        clients.tqdm = drawn


class _Bar:
    """What kagglehub uses of a tqdm bar. It counts MB: bytes mean nothing to a person."""

    def __init__(self, report: Report, *, total: int, initial: int = 0, **_: Any) -> None:
        self.report, self.total, self.done = report, total, initial

    def __enter__(self) -> Self:
        self.update(0)
        return self

    def update(self, n: int) -> None:
        self.done += n
        done, total = self.done / 2**20, self.total / 2**20
        self.report(
            "download", round(done), max(2, round(total)), f"{done:,.0f} of {total:,.0f} MB"
        )

    def __exit__(self, *_: object) -> None:
        if self.done >= self.total:
            self.report("unpack", 0, 1, "unpacking the films: a minute or two")
