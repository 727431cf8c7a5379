"""What stands before every route: names of this server, bodies by size and time of arrival,
requests by time; and refusals, as `application/problem+json` (RFC 9457).

ASGI middleware, used by the API alone and around the pages. A refusal is sent before a body is
read; a body whose length was not announced is counted while it arrives.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import OrderedDict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pneumo_core.errors import UnreadableImage
from pneumo_core.formatting import file_size
from pneumo_core.inference.zip_films import is_zip, open_sent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pneumo_core.config import Settings

API = "/api/"
MEDIA_TYPE = "application/problem+json"
SECONDS_TO_ARRIVE = 120.0
ENVELOPE = 2**20  # bytes of a multipart body that are not the files'
MULTIPART = "multipart/form-data"


def is_named(host: str, allowed: Sequence[str]) -> bool:
    """Whether a Host header is one of the `allowed` names ("*.example.org": any below it).

    An empty list allows every name, as `server.allowedHosts` does.
    """
    if not allowed or "*" in allowed:
        return True
    try:
        parts = urlsplit(f"//{host}")
        name, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if not name or parts.path or parts.query or parts.username is not None:
        return False
    wanted = [one.strip().lower().rstrip(".") for one in allowed]
    return any(name == one or (one.startswith("*.") and name.endswith(one[1:])) for one in wanted)


class HostCheck:
    """Refuse with 403 what was sent to another name than this server's (DNS rebinding).

    Streamlit checks its WebSocket only; uploads, pictures and the API are checked here.
    `open_to_all` are paths that answer under any name, such as a health check by address.
    """

    def __init__(
        self, app: ASGIApp, allowed: Callable[[], Sequence[str]], open_to_all: Sequence[str] = ()
    ) -> None:
        self._app, self._allowed, self._open = app, allowed, frozenset(open_to_all)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] in {"http", "websocket"} and scope["path"] not in self._open:
            host = Headers(scope=scope).get("host", "")
            if not is_named(host, self._allowed()):
                await _unknown_host(scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _unknown_host(scope: Scope) -> Response:
    words = (
        "Expected one of the names of this server in the Host header, got another. Open it under "
        "its own name, or add the name to STREAMLIT_SERVER_ALLOWED_HOSTS."
    )
    if scope["path"].startswith(API):
        return problem(403, words)
    return PlainTextResponse(words, 403)


class RateLimit:
    """A token bucket for each caller: `per_minute` requests, of which all may come at once."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str, requests: int = 1) -> float:
        """0.0 where `requests` more are allowed now; else the seconds after which they are.

        More than `per_minute` at once are counted as that many.
        """
        wanted = float(min(requests, self._per_minute))
        with self._lock:
            now = self._clock()
            left, since = self._left.get(caller, (float(self._per_minute), now))
            left = min(self._per_minute, left + (now - since) * self._per_minute / 60)
            allowed = left >= wanted
            self._left[caller] = (left - wanted if allowed else left, now)
            self._left.move_to_end(caller)
            if len(self._left) > _MOST_CALLERS:
                self._left.popitem(last=False)
        return 0.0 if allowed else (wanted - left) * 60 / self._per_minute


_MOST_CALLERS = 10_000  # remembered


class ByteBudget:
    """Bytes of request bodies that may be held at a time by this process."""

    def __init__(self, most: int) -> None:
        self._most, self._held, self._lock = most, 0, threading.Lock()

    @property
    def held(self) -> int:
        """Bytes held now."""
        return self._held

    def take(self, n_bytes: int) -> bool:
        """Whether there was room; `give_back` must follow then."""
        with self._lock:
            if self._held + n_bytes > self._most:
                return False
            self._held += n_bytes
            return True

    def give_back(self, n_bytes: int) -> None:
        """Free what was taken."""
        with self._lock:
            self._held -= n_bytes


class Refusal(Exception):
    """A request that is not answered; `words` say what was expected, what arrived, what to do."""

    def __init__(
        self, status: int, words: str, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        self.status, self.words, self.headers, self.members = status, words, headers, members
        super().__init__(words)

    def response(self) -> Response:
        """The answer to send."""
        return problem(self.status, self.words, headers=self.headers, **self.members)


def problem(
    status: int, words: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """A problem document; `members` are added to it."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": words,
        **members,
    }
    content = json.dumps(document, ensure_ascii=False)
    return Response(content, status, headers, media_type=MEDIA_TYPE)


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
