"""Bodies of requests: refused by their announced size, counted while they arrive, within a time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from pneumo_core.errors import UnreadableImage
from pneumo_core.formatting import file_size
from pneumo_core.inference.zip_films import is_zip, open_sent
from pneumo_core.server.protection import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.types import Message, Receive

    from pneumo_core.config import Settings
    from pneumo_core.server.protection import ByteBudget

SECONDS_TO_ARRIVE = 120.0
ENVELOPE = 2**20  # bytes of a multipart body that are not the files'
MULTIPART = "multipart/form-data"


@asynccontextmanager
async def arriving(request: Request, most: int, budget: ByteBudget) -> AsyncIterator[Request]:
    """The request with a body of at most `most` bytes, which count in `budget` meanwhile.

    Raises Refusal: 411 or 400 on a length that is none, 413 on a body too large, 503 where bodies
    of others leave no room.
    """
    text = request.headers.get("content-length")
    if text is not None and not text.isdecimal():
        raise Refusal(400, "Expected a whole number in Content-Length. Correct the request.")
    announced = most if text is None else int(text)
    if announced > most:
        raise _too_large(most)
    if not budget.take(announced):
        raise Refusal(503, "Too many requests are arriving. Try again.", {"Retry-After": "2"})
    try:
        async with asyncio.timeout(SECONDS_TO_ARRIVE):
            yield Request(request.scope, _counted(request, most))
    except TimeoutError:
        words = f"Expected the whole request within {SECONDS_TO_ARRIVE:.0f} s. Send it faster."
        raise Refusal(408, words) from None
    finally:
        budget.give_back(announced)


def _counted(request: Request, most: int) -> Receive:
    left = most

    async def receive() -> Message:
        nonlocal left
        message: Message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large(most)
        return message

    return receive


def _too_large(most: int) -> Refusal:
    return Refusal(
        413, f"Expected at most {file_size(most)} in a request. Send fewer or smaller files."
    )


def is_multipart(request: Request) -> bool:
    """Whether the body is a form."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == MULTIPART


async def files_of(request: Request, most: int) -> list[tuple[str, bytes]]:
    """Names and contents of a form's files, in order. Raises Refusal on a form that is none."""
    try:
        form = await request.form(max_files=most, max_fields=20)
    except HTTPException as error:
        raise Refusal(
            400, f"Expected a form ({MULTIPART}) of at most {most} files. Correct the request."
        ) from error
    try:
        found = [one for _, one in form.multi_items() if isinstance(one, UploadFile)]
        return [(one.filename or "", await one.read()) for one in found]
    finally:
        await form.close()


@dataclass(frozen=True)
class SentFilm:
    """A film of a batch, by itself or in a zip. `content` raises UnreadableImage."""

    name: str
    content: Callable[[], bytes]


def films_of(files: list[tuple[str, bytes]], settings: Settings) -> tuple[list[SentFilm], int]:
    """The films of a batch, those in zips too; and how many other files of patient CDs there were.

    Raises Refusal where there are more films than a batch may have.
    """
    films: list[SentFilm] = []
    most, left_out = settings.server.batch_files, 0
    for name, data in files:
        if not is_zip(data):
            films.append(SentFilm(name, partial(bytes, data)))
            continue
        for film in _zipped(name, data, settings.limits.max_bytes):
            left_out += film is None
            films += [film] if film is not None else []
            if len(films) > most:
                raise Refusal(
                    400,
                    f"Expected at most {most} films in a request, those in ZIP files counted, got "
                    "more. Send fewer at a time.",
                )
    return films, left_out


def _zipped(name: str, data: bytes, max_bytes: int) -> Iterator[SentFilm | None]:
    """The films of a zip; None for the index and the viewer of a patient CD."""
    try:
        zipped = open_sent(data)
    except UnreadableImage as error:
        yield SentFilm(name, partial(_refuse, str(error)))
        return
    for one in zipped.listing(max_bytes):
        read = partial(_refuse, one.fault) if one.fault else partial(zipped.read_at, one.at)
        yield None if one.passed_over else SentFilm(f"{name}/{one.name}", read)


def _refuse(words: str) -> bytes:
    raise UnreadableImage(words)
