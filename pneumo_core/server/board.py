"""TensorBoard over all runs: started by its own manager, and behind this server's own address for
those who may train.

TensorBoard has no password and answers on this machine alone. A page gives its person a pass in a
link; the first request turns it into a cookie, and what follows is handed on.
The address of the link is good once, so that a history or a proxy's log is worth nothing.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio.to_thread
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from pneumo_core.access import Right, require
from pneumo_core.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from pneumo_core.access import Person
    from pneumo_core.config import Settings

PATH = "/tensorboard"
_COOKIE = "pneumo_board"
_SECONDS_UNUSED, _SECONDS_AT_MOST = 1800.0, 43_200.0
_MOST_PASSES = 1000
_MOST_BYTES = 2**20  # of a request's body: TensorBoard asks with short forms
_SECONDS_TO_ANSWER = 60.0
_SECONDS_TO_FIND = 10.0  # between two searches for TensorBoard's process
# What of a request and of an answer is handed on: neither cookies nor tokens of this server.
_ASKED = frozenset({"accept", "accept-encoding", "accept-language", "content-type", "range"})
_ANSWERED = frozenset(
    {
        *("content-type", "content-encoding", "content-disposition", "content-range"),
        *("cache-control", "content-security-policy", "etag", "expires", "last-modified", "vary"),
        *("x-content-type-options",),
    }
)
_TIME_TO_START = timedelta(minutes=2)  # it loads TensorFlow, which takes long on a busy machine
_SECONDS_TO_END = 5.0
_SECONDS_UNSEEN = 1800.0  # after the screen was last shown
_SECONDS_BETWEEN_LOOKS = 60.0
_seen = 0.0  # by the clock that never goes back
_watching = threading.Lock()


@dataclass
class _Pass:
    """Whose it is; when it was made and last used (seconds of one clock)."""

    person: Person
    made: float
    used: float


class Passes:
    """Who may look at TensorBoard. A link holds a pass for one use, which becomes a cookie; a
    cookie is good for half an hour after its last use, and for half a day at most.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._links: dict[str, _Pass] = {}
        self._cookies: dict[str, _Pass] = {}

    def give(self) -> str:
        """A pass for a link, for the person who acts. Raises AccessRefused without the right."""
        return self._add(self._links, require(Right.TRAIN, "tensorboard"))

    def take(self, link: str) -> str:
        """The cookie for the pass of a link, which is used up; "" for one that is not known."""
        with self._lock:
            known = self._links.pop(link, None)
        return "" if known is None or self._ended(known) else self._add(self._cookies, known.person)

    def known(self, cookie: str) -> bool:
        """Whether a cookie is good; it was used now."""
        with self._lock:
            found = self._cookies.get(cookie)
            if found is None or self._ended(found):
                self._cookies.pop(cookie, None)
                return False
            found.used = self._clock()
            return True

    def _add(self, to: dict[str, _Pass], person: Person) -> str:
        made, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            while len(to) >= _MOST_PASSES:
                to.pop(next(iter(to)))
            to[made] = _Pass(person, now, now)
        return made

    def _ended(self, known: _Pass) -> bool:
        now = self._clock()
        return now - known.used > _SECONDS_UNUSED or now - known.made > _SECONDS_AT_MOST


PASSES = Passes()


def board_link(given: str) -> str:
    """The address of TensorBoard on this server, with a pass."""
    return f"{PATH}/?pass={quote(given)}"


class Board:
    """The route to TensorBoard."""

    def __init__(self, settings: Settings, passes: Passes = PASSES) -> None:
        self._settings, self._passes = settings, passes
        self._at, self._looked = "", -_SECONDS_TO_FIND

    def routes(self) -> list[Route]:
        """All routes."""
        return [
            Route(f"{PATH}/{{path:path}}", self.answer, methods=["GET", "POST"]),
            Route(PATH, lambda _: RedirectResponse(f"{PATH}/"), methods=["GET"]),
        ]

    async def answer(self, request: Request) -> Response:
        """Check the pass or the cookie, then hand the request on."""
        link = request.query_params.get("pass", "")
        if cookie := self._passes.take(link) if link else "":
            return _let_in(request, cookie)
        if not self._passes.known(request.cookies.get(_COOKIE, "")):
            words = "Expected to come from the Training screen. Open TensorBoard there again."
            return PlainTextResponse(words, 403)
        if link:  # a page that was reloaded
            return RedirectResponse(f"{PATH}/", 303)
        return await self._handed_on(request)

    async def _handed_on(self, request: Request) -> Response:
        import httpx

        at = await anyio.to_thread.run_sync(self._find)
        if not at:
            return PlainTextResponse("TensorBoard has ended. Start it on the Training screen.", 503)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BYTES:
                return PlainTextResponse("Expected a short request.", 413)
        headers = {name: text for name, text in request.headers.items() if name in _ASKED}
        target = f"{at}/{quote(request.path_params['path'])}"
        target += f"?{request.url.query}" if request.url.query else ""
        try:
            async with (
                httpx.AsyncClient(trust_env=False, timeout=_SECONDS_TO_ANSWER) as client,
                client.stream(request.method, target, headers=headers, content=body) as answer,
            ):
                content = b"".join([part async for part in answer.aiter_raw()])
        except httpx.HTTPError:
            self._looked = -_SECONDS_TO_FIND
            return PlainTextResponse("TensorBoard does not answer. Try again in a moment.", 502)
        kept = {name: text for name, text in answer.headers.items() if name in _ANSWERED}
        return Response(content, answer.status_code, kept)

    def _find(self) -> str:
        """TensorBoard's own address, looked for now and then; "" where none runs."""
        now = time.monotonic()
        if now - self._looked >= _SECONDS_TO_FIND:
            self._at, self._looked = find_board(self._settings) or "", now
        if self._at:
            keep_board(self._settings)
        return self._at


def _let_in(request: Request, cookie: str) -> Response:
    answer = RedirectResponse(f"{PATH}/", 303, {"Cache-Control": "no-store"})
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    answer.set_cookie(
        _COOKIE, cookie, path=PATH, httponly=True, samesite="strict", secure=scheme == "https"
    )
    return answer


def find_board(settings: Settings) -> str | None:
    """The address of the TensorBoard of these runs, if one is running."""
    found = _running(settings)
    return f"http://localhost:{found.port}" if found else None


def start_board(settings: Settings) -> str:
    """Start TensorBoard on a free port, or find it running; its address once it answers.

    Raises TrainingError, with the reason, where it does not start.
    """
    if found := find_board(settings):
        return found
    try:
        from tensorboard import manager
    except ImportError as error:
        raise TrainingError(
            "Expected TensorBoard to be installed; it is not. Install it with: "
            "pip install -r requirements.txt"
        ) from error
    settings.runs_dir.mkdir(parents=True, exist_ok=True)
    # The folder of a virtual environment need not be on the PATH.
    if binary := shutil.which("tensorboard", path=str(Path(sys.executable).parent)):
        os.environ.setdefault("TENSORBOARD_BINARY", binary)
    where = ["--host", "localhost", "--port", "0", "--reload_interval", "5"]
    made = manager.start(["--logdir", _logdir(settings), *where], timeout=_TIME_TO_START)
    if isinstance(made, manager.StartLaunched | manager.StartReused):
        return f"http://localhost:{made.info.port}"
    raise TrainingError(
        f"Expected TensorBoard to start; it did not: {_reason(made)}. Try it in a terminal: "
        "tensorboard --logdir runs"
    )


def keep_board(settings: Settings) -> None:
    """Note that somebody looks: a TensorBoard ends half an hour after the last such note."""
    global _seen  # noqa: PLW0603 - one clock a server
    _seen = time.monotonic()
    if _watching.acquire(blocking=False):
        threading.Thread(target=_end_unseen, args=(settings,), daemon=True).start()


def _end_unseen(settings: Settings) -> None:
    try:
        while find_board(settings):
            if time.monotonic() - _seen > _SECONDS_UNSEEN:
                stop_board(settings)
                return
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    finally:
        _watching.release()


def stop_board(settings: Settings) -> None:
    """End it; nothing is lost."""
    import psutil

    if found := _running(settings):
        with suppress(psutil.Error):
            process = psutil.Process(found.pid)
            process.terminate()
            process.wait(_SECONDS_TO_END)


def _running(settings: Settings) -> Any:
    """The manager's record of the TensorBoard of these runs; those of dead processes are removed.

    The manager keeps the record of a process that was killed and would hand it out again.
    """
    try:
        from tensorboard import manager
    except ImportError:
        return None
    for found in manager.get_all():
        if found.logdir == _logdir(settings):
            if _alive(found.pid):
                return found
            record = Path(manager._get_info_dir()) / f"pid-{found.pid}.info"  # noqa: SLF001
            record.unlink(missing_ok=True)
    return None


def _alive(pid: int) -> bool:
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and any("tensorboard" in part for part in process.cmdline())
    return False


def _logdir(settings: Settings) -> str:
    return str(settings.runs_dir.absolute())


def _reason(made: Any) -> str:
    """Why the manager's start failed, in a line."""
    if error := getattr(made, "os_error", None):
        return str(error)
    if output := (getattr(made, "stderr", None) or "").strip():
        return str(output).splitlines()[-1]
    return "it did not answer within two minutes"
