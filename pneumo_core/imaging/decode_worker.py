"""Decode files one after the other, as a process of its own with limited memory.

Run by `imaging.isolation`: requests on standard input, answers on standard output, as its `send`
writes them. It ends with its input.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pneumo_core.config import Limits
from pneumo_core.errors import ForeignImage, UnreadableImage
from pneumo_core.imaging import decode, dicom  # noqa: F401 - DICOM is loaded before the first film
from pneumo_core.imaging.isolation import receive, send

if TYPE_CHECKING:
    from pneumo_core.imaging.film import Film

MEMORY = 1_500_000_000  # bytes of address space, GDCM's own process as well


def main() -> None:
    """Answer every request on standard input."""
    limit_memory(MEMORY)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    requests = sys.stdin.buffer
    send(answers, {"ready": True})
    while (request := receive(requests)) is not None:
        document, data = request
        answer, pixels = _answer(bytes(data), Limits(**document["limits"]))
        send(answers, answer, pixels)


def _answer(data: bytes, limits: Limits) -> tuple[dict[str, Any], bytes | memoryview]:
    try:
        film: Film = decode.decode_here(data, limits)
    except UnreadableImage as error:
        foreign = isinstance(error, ForeignImage)
        return {"reason": error.reason, "remedy": error.remedy, "foreign": foreign}, b""
    return {"shape": film.pixels.shape, "facts": asdict(film.facts)}, film.pixels.data.cast("B")


def limit_memory(n_bytes: int) -> None:
    """Let this process and its children have `n_bytes` of address space, where that can be set."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
