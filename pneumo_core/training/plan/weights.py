"""Where pretrained weights can be had: kept by Keras, downloaded, or in a file at hand."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pneumo_core.training.network import BACKBONES, find_backbone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

At = Literal["kept", "download", ""]
_HOST = ("storage.googleapis.com", 443)  # where keras.applications downloads from
_SECONDS = 1.5
_NAMED = (".weights.h5", "_notop.h5", "-notop.h5")
_FOLDERS, _DEPTH, _MOST = 3000, 4, 50


def weights_kept(backbone: str) -> bool:
    """Whether Keras keeps the ImageNet weights of `backbone` here, from an earlier download."""
    name = find_backbone(backbone).application.lower()
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    files = home.glob("models/*notop*.h5") if name else ()
    return any(name in file.name.lower().replace("-", "") for file in files)


def weights_at(backbone: str) -> At:
    """Whether the ImageNet weights of `backbone` are kept here, can be downloaded, or neither ("").

    Asks the network for at most 1.5 seconds; no weights are loaded.
    """
    if not find_backbone(backbone).application:
        return ""
    if weights_kept(backbone):
        return "kept"
    try:
        socket.create_connection(_HOST, timeout=_SECONDS).close()
    except OSError:
        return ""
    return "download"


def weights_files(roots: Sequence[Path]) -> list[Path]:
    """Weights files below the folders `roots`, sorted by name: at most 50, four folders deep."""
    found: dict[Path, None] = {}
    for root in roots:
        for path in _walk(root):
            found[path] = None
            if len(found) >= _MOST:
                break
    return sorted(found, key=lambda path: path.name)


def is_for(path: Path, backbone: str) -> bool:
    """Whether a weights file is named for this network: "resnet50v2_imagenet.weights.h5"."""
    name = path.name.lower().replace("_", "").replace("-", "")
    meant = [one.application for one in BACKBONES.values() if one.application]
    named = [one for one in meant if name.startswith(one.lower())]
    return bool(named) and max(named, key=len) == find_backbone(backbone).application


def _walk(root: Path) -> Iterator[Path]:
    for seen, (folder, folders, files) in enumerate(os.walk(root), start=1):
        if seen > _FOLDERS:
            return
        here = Path(folder)
        deep = len(here.relative_to(root).parts) >= _DEPTH
        folders[:] = [] if deep else sorted(name for name in folders if not _no_place(name))
        yield from (here / name for name in sorted(files) if name.lower().endswith(_NAMED))


def _no_place(folder: str) -> bool:
    """Folders that are hidden, or of runs and libraries."""
    return folder.startswith((".", "fold-", "without-")) or folder in {"site-packages", "runs"}
