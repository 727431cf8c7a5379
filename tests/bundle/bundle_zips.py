"""Zips of a bundle as a stranger may send them: whole, or spoilt on purpose."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def files_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: dict[str | zipfile.ZipInfo, bytes] | dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def signed(files: dict[str, bytes], folder: str = "tiny") -> dict[str, bytes]:
    """The same files with their sums written anew, as someone would who alters one on purpose."""
    own = {
        name: content
        for name, content in files.items()
        if name.startswith(f"{folder}/") and not name.endswith("SHA256SUMS")
    }
    lines = [
        f"{hashlib.sha256(content).hexdigest()}  {name.removeprefix(f'{folder}/')}\n"
        for name, content in sorted(own.items())
    ]
    return files | {f"{folder}/SHA256SUMS": "".join(lines).encode()}


def with_config(network: bytes, change: Callable[[Any], Any]) -> bytes:
    """A .keras file with its description of the network changed."""
    files = files_of(network)
    config = change(json.loads(files["config.json"]))
    return zipped(files | {"config.json": json.dumps(config).encode()})


def contents(folder: Path) -> dict[str, str]:
    """Everything below a folder with its hash, hidden files too."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
