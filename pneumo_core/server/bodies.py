"""Bodies of requests: refused by their announced size, counted while they arrive, within a time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from pneumo_core.formatting import file_size
from pneumo_core.server.problems import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message, Receive

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
