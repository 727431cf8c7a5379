"""Uploads of the pages, bounded: by file, by session, and for the server as a whole.

Streamlit keeps an upload in memory as soon as it has arrived, whoever sent it and whether or not a
drop zone asked for it. This middleware lets through what a drop zone asked for, as much as there
is room for; what was refused is not read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from pneumo_core.formatting import file_size
from pneumo_core.server.protection import ByteBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROUTE = "/_stcore/upload_file/"
ENVELOPE = 2**20  # bytes of a multipart body that are not the file's
MODEL_BYTES = 2**30
_MOST_IDS = 100_000  # remembered


@dataclass(frozen=True)
class UploadLimits:
    """Bytes of a film, of a model, of all that a session holds, and of all sessions together."""

    film: int
    model: int = MODEL_BYTES
    session: int = 512 * 2**20
    server: int = 3 * 2**30


class AskedFor:
    """The uploads that drop zones asked for, and the sessions that may upload a model."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._models: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def expect_file(self, session: str, file: str) -> None:
        """A drop zone of this session was given this id."""
        with self._lock:
            self._files[session, file] = None
            if len(self._files) > _MOST_IDS:
                self._files.popitem(last=False)

    def expect_model(self, session: str) -> None:
        """This session shows the drop zone of models to somebody who may import one."""
        with self._lock:
            self._models[session] = None
            if len(self._models) > _MOST_IDS:
                self._models.popitem(last=False)

    def has_file(self, session: str, file: str) -> bool:
        """Whether a drop zone asked for this id."""
        return (session, file) in self._files

    def has_model(self, session: str) -> bool:
        """Whether the session may upload a model."""
        return session in self._models


ASKED = AskedFor()  # of this process


class UploadGuard:
    """Middleware before Streamlit's upload route.

    held: bytes that each session's uploads take now, by its id.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Callable[[], UploadLimits],
        asked: AskedFor,
        held: Callable[[], Mapping[str, int]],
    ) -> None:
        self._app, self._limits, self._asked, self._held = app, limits, asked, held
        self._arriving = ByteBudget(2**62)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it before its body is read."""
        where = scope.get("path", "").partition(ROUTE)[2] if scope["type"] == "http" else ""
        if not where or scope["method"] != "PUT":
            await self._app(scope, receive, send)
            return
        session, _, file = where.partition("/")
        limits = self._limits()
        most = ENVELOPE + (limits.model if self._asked.has_model(session) else limits.film)
        length = Headers(scope=scope).get("content-length", "")
        announced = int(length) if length.isdecimal() else most
        refused = self._refusal(session, file, announced, most, limits)
        if refused is not None:
            await refused(scope, receive, send)
            return
        self._arriving.take(announced)
        try:
            await self._app(scope, _Counted(receive, most), send)
        finally:
            self._arriving.give_back(announced)

    def _refusal(
        self, session: str, file: str, announced: int, most: int, limits: UploadLimits
    ) -> PlainTextResponse | None:
        held = self._held()
        own, all_ = held.get(session, 0), sum(held.values()) + self._arriving.held
        if not self._asked.has_file(session, file):
            return PlainTextResponse("Expected an upload that a drop zone asked for.", 403)
        if announced > most:
            words = f"Expected at most {file_size(most - ENVELOPE)}, got {file_size(announced)}."
            return PlainTextResponse(words, 413)
        session_most = max(limits.session, most)
        if own + announced > session_most:
            words = f"Files that wait to be read may take {file_size(session_most)} together."
            return PlainTextResponse(f"{words} Wait until some are read.", 413)
        if all_ + announced > limits.server:
            return PlainTextResponse(
                "The server is busy with other uploads. Try again.", 503, {"Retry-After": "5"}
            )
        return None


class _Counted:
    """`receive` that ends the request once more has arrived than was allowed."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left = receive, most

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        return {"type": "http.disconnect"} if self._left < 0 else message
