"""What ended a run before its time, in words: what happened, what is kept, what to do."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumo_core.errors import DataSetError, PneumoError
from pneumo_core.training.hardware import ran_out

if TYPE_CHECKING:
    from pathlib import Path

_KEPT = "What its finished epochs learnt is kept."


@dataclass(frozen=True)
class Failure:
    """`kind`: "memory", "disk", "data", "nan", "told" (by our own code) or "unforeseen"."""

    kind: str
    words: str

    @property
    def resumable(self) -> bool:
        """Whether going on may end otherwise: a loss that became NaN becomes NaN again."""
        return self.kind != "nan"


# JAX's XlaRuntimeError, CUDA's own, and a library that finds no room to be loaded into.
_OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY", "failed to map segment")
_MEMORY = Failure(
    "memory",
    "Expected the training to fit into memory; there was not enough. Close other programs and "
    f"resume, or start a new run with a smaller batch or a smaller image size. {_KEPT}",
)
_DISK = Failure(
    "disk",
    "Expected room on the disk for the run; the disk is full. Free some space, then resume. "
    f"{_KEPT}",
)
_SILENT_MEMORY = (
    "The system ended its process, most likely because memory ran out. Close other programs and "
    f"resume, or start a new run with a smaller batch or a smaller image size. {_KEPT}"
)
_SILENT = (
    "Its process ended without a word: it was killed, or the computer was switched off. Resume "
    f"it: it goes on after its last finished epoch. {_KEPT}"
)


def explain(error: BaseException, data: Path | None = None) -> Failure:
    """What an exception that ended a training means to the person; `data` is the run's folder of
    films.
    """
    if shortage := next(filter(None, map(_shortage, _chain(error))), None):
        return shortage
    if data is not None and not data.is_dir():
        return Failure("data", gone(data))
    if isinstance(error, PneumoError):
        return Failure(_kind_of(error), str(error))
    if isinstance(error, FileNotFoundError):
        return Failure(
            "data",
            "Expected the folder of films and the folder of runs to stay where they are; a file "
            f"of them is gone. Bring it back, then resume. {_KEPT}",
        )
    return Failure(
        "unforeseen",
        f"This is an unforeseen fault ({type(error).__name__}); the file trace.txt in the run's "
        f"folder has its trace. {_KEPT}",
    )


def gone(data: Path) -> str:
    """Words for a folder of films that is not there any more; for pages, without its path."""
    return (
        f"Expected the folder of films {data.name!r} where the run found it; it is gone. Bring it "
        f"back and resume, or start a new run. {_KEPT}"
    )


def in_silence(status: dict[str, Any], ended_for_memory: int) -> str:
    """Words for a run whose process died without any; `status` is the last that it wrote."""
    if ran_out(status.get("memory") or {}, ended_for_memory):
        return _SILENT_MEMORY
    return _SILENT


def _shortage(error: BaseException) -> Failure | None:
    """What the system lacked, if that is what the error says."""
    number, words = getattr(error, "errno", None), str(error)
    # First: TensorFlow says of a full disk, too, that a resource is exhausted.
    if number in {errno.ENOSPC, errno.EDQUOT} or os.strerror(errno.ENOSPC) in words:
        return _DISK
    exhausted = isinstance(error, MemoryError) or number == errno.ENOMEM
    if exhausted or type(error).__name__ == "ResourceExhaustedError":
        return _MEMORY
    return _MEMORY if any(sign in words for sign in _OUT_OF_MEMORY) else None


def _kind_of(error: PneumoError) -> str:
    if isinstance(error, DataSetError):
        return "data"
    return "nan" if "NaN" in str(error) or "not numbers" in str(error) else "told"


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what it was raised from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
