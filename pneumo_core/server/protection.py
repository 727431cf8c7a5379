"""What stands before every route: names of this server, sizes of bodies, requests by time; and
refusals, as `application/problem+json` (RFC 9457).

ASGI middleware, used by the API alone and around the pages. A refusal is sent before a body is
read; a body whose length was not announced is counted while it arrives.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

API = "/api/"
MEDIA_TYPE = "application/problem+json"


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
