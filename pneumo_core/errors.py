"""The errors a person may see. Each message says what was expected, what arrived, what to do."""

from __future__ import annotations

from pathlib import Path


class PneumoError(Exception):
    """Base of every error whose message is written for the person at the screen."""


class UnreadableImage(PneumoError):
    """A file that cannot be read as one frontal chest film.

    `reason` is one short sentence ("This is an MR image, not a radiograph."), `remedy` what
    to do about it; the message is both.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{reason} {remedy}".strip())


class ForeignImage(UnreadableImage):
    """A file that is whole and known for what it is, and that is not a frontal chest film."""


class DataSetError(PneumoError):
    """A folder that is no data set, or whose films cannot serve the purpose asked for."""


class BundleError(PneumoError):
    """A model bundle that is missing, incomplete, altered or made for another version."""


class TrainingError(PneumoError):
    """A training run that cannot start or go on."""


class JobError(PneumoError):
    """Work that cannot be started in the background."""


class ReadingLogError(PneumoError):
    """The log of readings cannot be opened, read or written; no answer is lost by it."""


class ServerError(PneumoError):
    """The server, the API or a watched folder cannot be set up as asked."""


def disk_words(error: OSError) -> str:
    """What the disk says, and of which file: "No space left on device (out.csv)".

    Of the path its last part alone: the folders before it may be nobody's business.
    """
    said = error.strerror or type(error).__name__
    return f"{said} ({Path(error.filename).name})" if isinstance(error.filename, str) else said
