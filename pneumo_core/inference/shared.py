"""The one reader of a bundle for the whole process: pages, API and watched folder share it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from pneumo_core.access import Right, require
from pneumo_core.bundle import load_bundle, verify_bundle
from pneumo_core.bundle.integrity import stamp_of
from pneumo_core.inference.predict import Reader

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle

_MOST = 2  # readers in memory: a new model is loaded while the old one still reads
_readers: OrderedDict[tuple[object, ...], Reader] = OrderedDict()
_lock = threading.Lock()


def shared_reader(bundle: Bundle | None = None) -> Reader:
    """The reader of a bundle (None: the one in service), made on first use (about a second).

    The bundle's files are compared with their hashes whenever one of them, or the lung finder's,
    has changed since: a reader answers with what was verified, or not at all. Raises AccessRefused
    without the right to read films, BundleError on a bundle that is incomplete or altered.
    """
    require(Right.READ)
    return verified_reader(bundle)


def verified_reader(bundle: Bundle | None = None) -> Reader:
    """As `shared_reader`, for the server's own checks: no right is asked for."""
    found = load_bundle(verify=False) if bundle is None else bundle
    key = (found.path, found.digest, stamp_of(found.path), stamp_of(found.path.parent / "lungs"))
    with _lock:
        reader = _readers.get(key)
        if reader is None:
            verify_bundle(found.path)
            fresh = load_bundle(found.name, models_dir=found.path.parent, verify=False)
            reader = _readers[key] = Reader(fresh)
            while len(_readers) > _MOST:
                _readers.popitem(last=False)
        _readers.move_to_end(key)
    return reader


def forget_readers() -> None:
    """Let go of all readers: each is made anew."""
    with _lock:
        _readers.clear()
