"""What the server gets beside the pages: ended sessions are freed, uploads known, roles count."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import streamlit
from starlette.middleware.gzip import GZipMiddleware
from starlette.testclient import TestClient

from pages.ui import identity, serving
from pneumo_core.access import NOBODY, Person, Right, Role
from pneumo_core.server.uploads import ASKED

if TYPE_CHECKING:
    import pytest
    from httpx import Response
    from starlette.types import Receive, Scope, Send


class Runtime:
    """Sessions "here" and "away"; files that drop zones are given."""

    def __init__(self) -> None:
        self.closed: list[str] = []
        sessions = [SimpleNamespace(session=SimpleNamespace(id=one)) for one in ("here", "away")]
        self._session_mgr = SimpleNamespace(
            list_sessions=lambda: [one for one in sessions if one.session.id not in self.closed]
        )
        self.uploaded_file_mgr = SimpleNamespace(
            get_upload_urls=lambda session, names: [
                SimpleNamespace(file_id=f"{session}-{name}") for name in names
            ]
        )

    def is_active_session(self, session: str) -> bool:
        return session == "here"

    def close_session(self, session: str) -> None:
        self.closed.append(session)


def swept(runtime: Runtime, seconds: float) -> list[str]:
    async def run() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(serving._sweep(runtime), seconds)

    asyncio.run(run())
    return runtime.closed


def test_a_session_that_nobody_comes_back_to_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "SECONDS_BETWEEN_SWEEPS", 0.01)
    assert swept(Runtime(), 0.2) == []  # it may be a reload
    monkeypatch.setattr(serving, "SECONDS_KEPT", 0.0)
    assert swept(Runtime(), 0.2) == ["away"]


def test_what_drop_zones_ask_for_is_known() -> None:
    runtime = Runtime()
    serving._note_what_is_asked(runtime)
    (given,) = runtime.uploaded_file_mgr.get_upload_urls("session-7", ["a.png"])
    assert ASKED.has_file("session-7", given.file_id)
    assert not ASKED.has_file("session-8", given.file_id)


def test_streamlit_still_has_what_is_relied_on() -> None:
    from streamlit.runtime import Runtime as Streamlits
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
    from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

    assert callable(WebsocketSessionManager.list_sessions)
    assert callable(Streamlits.close_session)
    manager = MemoryUploadedFileManager("/upload")
    assert manager.file_storage == {}
    assert manager.get_upload_urls("s", ["a"])[0].file_id


def test_who_acts_without_and_with_sign_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert identity.who_acts() == Person("local user", Role.ADMIN)
    monkeypatch.setenv("PNEUMO_DEMO", "1")
    assert identity.who_acts() == Person("visitor", Role.READER)
    monkeypatch.delenv("PNEUMO_DEMO")
    (tmp_path / "access.toml").write_text('otherwise = "admin"')
    monkeypatch.setenv("PNEUMO_ACCESS", str(tmp_path / "access.toml"))
    assert identity.who_acts() is NOBODY  # outside of a session


def test_a_page_asks_for_a_right_that_the_router_knows() -> None:
    assert {title: right for _, title, right in identity.PAGES} == {
        "Diagnose": Right.READ,
        "Dataset": Right.TRAIN,
        "Training": Right.TRAIN,
        "Metrics": Right.VIEW,
        "Models": Right.VIEW,
    }


def sent(body: bytes, kind: str = "text/html; charset=utf-8", *, parts: int = 1) -> Response:
    """What a browser gets of a document that the server answers with."""

    async def document(_scope: Scope, _receive: Receive, send: Send) -> None:
        length = (b"content-length", str(len(body)).encode())
        headers = [(b"content-type", kind.encode()), length]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for n in range(parts):
            piece = body[n * len(body) // parts : (n + 1) * len(body) // parts]
            await send({"type": "http.response.body", "body": piece, "more_body": n < parts - 1})

    squeezed = GZipMiddleware(document, minimum_size=10)
    asks = {"accept": "text/html,*/*", "accept-encoding": "gzip"}
    return TestClient(serving.DarkFirst(squeezed)).get("/", headers=asks)


def test_the_document_is_dark_and_has_its_name_before_streamlit_starts() -> None:
    page = (Path(streamlit.__file__).parent / "static/index.html").read_bytes()
    for parts in (1, 3):
        answer = sent(page, parts=parts)
        assert f"<head>{serving.BEFORE_STREAMLIT}" in answer.text
        assert "<title>Pneumo</title>" in answer.text
        assert "<title>Streamlit</title>" not in answer.text
        assert int(answer.headers["content-length"]) == len(answer.content)


def test_other_answers_pass_as_they_are() -> None:
    other = b"<head></head><title>A report</title>"
    assert sent(other, parts=2).content == other
    assert sent(b"<title>Streamlit</title>", "text/plain").content == b"<title>Streamlit</title>"


def test_what_the_first_page_needs_is_imported_until_somebody_comes(monkeypatch) -> None:
    imported: list[str] = []
    people: list[str] = []
    runtime = SimpleNamespace(_session_mgr=SimpleNamespace(list_sessions=lambda: people))

    def come_at_the_third(name: str) -> None:
        imported.append(name)
        if len(imported) == 3:
            people.append("ann")

    monkeypatch.setattr(serving.importlib, "import_module", come_at_the_third)
    serving._preload(runtime)
    assert imported == list(serving._FIRST_NEEDED[:3])
    assert all(find_spec(name) for name in serving._FIRST_NEEDED)
