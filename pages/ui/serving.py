"""What Streamlit's server gets beside the pages: API, TensorBoard, protections, ended sessions."""

from __future__ import annotations

import asyncio
import importlib
import threading
import time
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from streamlit import config
from streamlit.runtime import get_instance

from pages.ui.identity import who_acts
from pneumo_core import access
from pneumo_core.config import load_settings
from pneumo_core.readings.audit_log import recorder
from pneumo_core.server.api import HEALTH, Api
from pneumo_core.server.board import Board
from pneumo_core.server.protection import HostCheck
from pneumo_core.server.service import Service
from pneumo_core.server.uploads import ASKED, UploadGuard, UploadLimits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.routing import Route
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from streamlit import App
    from streamlit.runtime import Runtime

SECONDS_BETWEEN_SWEEPS = 5.0
SECONDS_KEPT = 90.0  # a closed session, for a reload or a short break of the network
_FIRST_NEEDED = (
    *("pages.ui.cache", "pages.ui.diagnose.upload", "pages.ui.diagnose.viewer"),
    *("pages.ui.diagnose.result", "pages.ui.diagnose.history", "pages.ui.diagnose.take_away"),
    *("pneumo_core.inference.predict", "pneumo_core.readings.log", "pandas", "pyarrow"),
    *("imagehash", "pandas.io.formats.style"),
)

# A browser that comes for the first time gets the dark theme, as in `pages.ui.page`.
BEFORE_STREAMLIT = """<script>
try {
  const offered = `pneumo-dark-first-${location.pathname}`;
  if (localStorage.getItem(offered) === null) {
    localStorage.setItem(offered, "yes");
    localStorage.setItem(`stActiveTheme-${location.pathname}-v2`, '"Dark"');
  }
} catch (error) {}
</script>"""


@cache
def service() -> Service:
    """The one service of this process."""
    return Service(load_settings())


def routes() -> list[Route]:
    """The API and TensorBoard, which answer before the pages do."""
    return [*Api(service()).routes(), *Board(service().settings).routes()]


def middleware() -> list[Middleware]:
    """What stands before every route."""
    return [
        Middleware(HostCheck, allowed=_allowed_hosts, open_to_all=HEALTH),
        Middleware(_Closed, path="/_stcore/metrics"),
        Middleware(DarkFirst),
        Middleware(UploadGuard, limits=_upload_limits, asked=ASKED, held=_held),
    ]


@asynccontextmanager
async def lifespan(_app: App) -> AsyncIterator[dict[str, Any]]:
    """While the server runs: who acts is asked of the session, and ended sessions are freed."""
    runtime = get_instance()
    _note_what_is_asked(runtime)
    access.identify_with(who_acts)
    access.record_with(recorder(load_settings()))
    sweeping = asyncio.create_task(_sweep(runtime))
    threading.Thread(target=_preload, args=(runtime,), daemon=True, name="preload").start()
    try:
        yield {}
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
        service().close()


def _preload(runtime: Runtime) -> None:
    """Import what the first page needs, in that order, until somebody has come to see it."""
    for name in _FIRST_NEEDED:
        if runtime._session_mgr.list_sessions():  # noqa: SLF001 - the page needs the processor now
            return
        with suppress(ImportError):  # the page that needs it says so
            importlib.import_module(name)


def _allowed_hosts() -> Sequence[str]:
    hosts: Sequence[str] = config.get_option("server.allowedHosts")
    return hosts


def _upload_limits() -> UploadLimits:
    return UploadLimits(film=load_settings().limits.max_bytes)


def _held() -> dict[str, int]:
    """Bytes of each session's uploads."""
    storage = get_instance().uploaded_file_mgr.file_storage
    return {
        session: sum(len(file.data) for file in list(files.values()))
        for session, files in list(storage.items())
    }


def _note_what_is_asked(runtime: Runtime) -> None:
    """Remember the ids that drop zones are given; Streamlit itself keeps no list of them."""
    manager = runtime.uploaded_file_mgr
    give = manager.get_upload_urls

    def get_upload_urls(session_id: str, file_names: Sequence[str]) -> Any:
        given = give(session_id, file_names)
        for one in given:
            ASKED.expect_file(session_id, one.file_id)
        return given

    manager.get_upload_urls = get_upload_urls


async def _sweep(runtime: Runtime) -> None:
    """End sessions that nobody comes back to: Streamlit frees them only when another one ends."""
    since: dict[str, float] = {}
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_SWEEPS)
        now = time.monotonic()
        known = [one.session.id for one in runtime._session_mgr.list_sessions()]  # noqa: SLF001
        away = [one for one in known if not runtime.is_active_session(one)]
        since = {one: since.get(one, now) for one in away}
        for session in away:
            if now - since[session] >= SECONDS_KEPT:
                runtime.close_session(session)


class _Closed:
    """A path that is not answered: Streamlit's own numbers, open to all; see `/metrics`."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == self._path:
            await PlainTextResponse("Not found", 404)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class DarkFirst:
    """Streamlit's own document with Pneumo's name and theme in it before Streamlit starts: a first
    visit is neither light for a moment nor loaded twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and a document on its way back through `_send_dark`."""
        wanted = Headers(scope=scope) if scope["type"] == "http" else {}
        if "text/html" not in wanted.get("accept", "") or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        # Not compressed, which Streamlit does for some of its pages' addresses.
        kept = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
        held: list[Message] = []  # the start of a document, and its parts

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_document(message):
                held.append(message)
            elif held and message["type"] == "http.response.body":
                held.append(message)
                if not message.get("more_body"):
                    await _send_dark(held, send)
            else:
                for one in (*held, message):
                    await send(one)
                held.clear()

        await self._app({**scope, "headers": kept}, receive, changed)


def _is_document(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return bool(start["status"] == 200 and kind.startswith("text/html"))


async def _send_dark(held: Sequence[Message], send: Send) -> None:
    start, *parts = held
    body = b"".join(part.get("body", b"") for part in parts)
    if b"<title>Streamlit</title>" in body:
        body = body.replace(b"<title>Streamlit</title>", b"<title>Pneumo</title>", 1)
        body = body.replace(b"<head>", b"<head>" + BEFORE_STREAMLIT.encode(), 1)
        MutableHeaders(raw=start["headers"])["content-length"] = str(len(body))
    await send(start)
    await send({"type": "http.response.body", "body": body})
