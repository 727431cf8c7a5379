"""TensorBoard behind the server's address: passes, cookies, and what is handed on."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from tensorboard import manager, version

from pneumo_core.access import AccessRefused, Person, Role, acting_as
from pneumo_core.config import Settings
from pneumo_core.errors import TrainingError
from pneumo_core.server import board
from pneumo_core.server.board import Board, Passes, board_link
from pneumo_core.server.protection import HostCheck

TRAINER, READER = Person("t", Role.TRAINER), Person("r", Role.READER)
# Called "tensorboard" by an argument, as the process of the real one is.
STAND_IN = (sys.executable, "-c", "input()", "tensorboard")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def inner():
    """A stand-in for TensorBoard that answers with what it was asked."""

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = f"{self.command} {self.path} {body.decode()} {self.headers.get('cookie')}"
            self.send_response(200)
            for name, value in (("Content-Type", "text/plain"), ("Set-Cookie", "a=b")):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(asked.encode())

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(inner, monkeypatch):
    monkeypatch.setattr(board, "find_board", lambda _: inner)
    seen = []
    monkeypatch.setattr(board, "keep_board", seen.append)
    passes = Passes(clock := Clock())
    app = Starlette(
        routes=Board(Settings(), passes).routes(),
        middleware=[Middleware(HostCheck, allowed=lambda: ["testserver"])],
    )
    made = TestClient(app)
    made.passes, made.clock, made.looked = passes, clock, seen
    return made


def enter(client):
    with acting_as(TRAINER):
        return client.get(board_link(client.passes.give()))


def test_a_link_lets_in_once_and_a_cookie_from_then_on(client):
    with acting_as(TRAINER):
        link = board_link(client.passes.give())
    first = client.get(link, follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "/tensorboard/")
    cookie = first.headers["set-cookie"]
    parts = {part.strip() for part in cookie.split(";")}
    assert {"HttpOnly", "SameSite=strict", "Path=/tensorboard"} <= parts
    assert client.get("/tensorboard/data/runs?tag=a%20b").text.startswith(
        "GET /data/runs?tag=a%20b"
    )
    assert client.get(link).status_code == 200  # reloaded, with the cookie
    client.cookies.clear()
    assert client.get(link).status_code == 403
    assert "Open TensorBoard there again" in client.get("/tensorboard/").text


def test_no_cookie_and_no_other_header_is_handed_on(client):
    answer = enter(client)
    assert answer.text == "GET /  None"
    assert "set-cookie" not in answer.headers
    assert client.post("/tensorboard/data/x", content=b"q").text == "POST /data/x q None"
    assert client.looked  # somebody looks: it goes on


def test_a_cookie_ends_unused_and_after_half_a_day(client):
    enter(client)
    client.clock.now = 1700
    assert client.get("/tensorboard/").status_code == 200
    client.clock.now += 1801
    assert client.get("/tensorboard/").status_code == 403
    enter(client)
    for _ in range(30):
        client.clock.now += 1500
        last = client.get("/tensorboard/").status_code
    assert last == 403


def test_who_may_not_train_gets_no_pass_and_no_long_body_passes(client):
    with acting_as(READER), pytest.raises(AccessRefused, match="train"):
        client.passes.give()
    enter(client)
    assert client.post("/tensorboard/x", content=b"0" * (2**20 + 1)).status_code == 413


def test_another_host_and_an_ended_board_are_told(client, monkeypatch):
    assert client.get("/tensorboard/", headers={"host": "evil.example"}).status_code == 403
    monkeypatch.setattr(board, "find_board", lambda _: None)
    answer = enter(client)
    assert answer.status_code == 503
    assert "TensorBoard has ended. Start it" in answer.text


@pytest.fixture
def settings(tmp_path, monkeypatch):
    records = tmp_path / "records"
    records.mkdir()
    monkeypatch.setattr(manager, "_get_info_dir", lambda: str(records))
    return Settings(runs_dir=tmp_path / "runs")


@pytest.fixture
def running(settings, tmp_path):
    """A stand-in for a TensorBoard of these runs, with the record that the real one writes."""
    with subprocess.Popen(STAND_IN, stdin=subprocess.PIPE) as child:
        info = manager.TensorBoardInfo(
            version=version.VERSION,
            start_time=int(time.time()),
            pid=child.pid,
            port=7007,
            path_prefix="",
            logdir=str(settings.runs_dir),
            db="",
            cache_key="k",
        )
        record = tmp_path / "records" / f"pid-{child.pid}.info"
        record.write_text(manager._info_to_string(info))
        yield SimpleNamespace(child=child, record=record)
        child.kill()


def test_one_that_runs_is_found_and_ended(settings, running, monkeypatch):
    monkeypatch.setattr(manager, "start", pytest.fail)
    assert board.find_board(settings) == "http://localhost:7007"
    assert board.start_board(settings) == "http://localhost:7007"
    other = Settings(runs_dir=settings.runs_dir / "others")
    assert board.find_board(other) is None
    board.stop_board(settings)
    assert board.find_board(settings) is None


def test_the_record_of_one_that_was_killed_is_removed(settings, running):
    running.child.kill()
    running.child.wait()
    assert board.find_board(settings) is None
    assert not running.record.exists()


def test_it_is_started_on_this_machine_alone(settings, monkeypatch):
    asked = []
    info = SimpleNamespace(port=7007)

    def start(arguments, **_):
        asked.append(arguments)
        return manager.StartLaunched(info=info)

    monkeypatch.setattr(manager, "start", start)
    assert board.start_board(settings) == "http://localhost:7007"
    assert json.dumps(["--logdir", str(settings.runs_dir)])[1:-1] in json.dumps(asked[0])
    assert '"--host", "localhost"' in json.dumps(asked[0])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (manager.StartFailed(1, "", "Trace:\nno such flag"), "it did not: no such flag"),
        (manager.StartExecFailed(OSError("no such program"), None), "no such program"),
        (manager.StartTimedOut(1), "it did not answer within two minutes"),
    ],
)
def test_why_it_did_not_start_is_told(settings, monkeypatch, made, words):
    monkeypatch.setattr(manager, "start", lambda *_, **__: made)
    with pytest.raises(TrainingError, match=words):
        board.start_board(settings)


def test_without_tensorboard_the_way_to_it_is_told(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert board.find_board(settings) is None
    with pytest.raises(TrainingError, match="Expected TensorBoard to be installed"):
        board.start_board(settings)


def test_a_board_that_nobody_looks_at_ends(monkeypatch):
    ended = []
    monkeypatch.setattr(board, "find_board", lambda _: None if ended else "http://x:1")
    monkeypatch.setattr(board, "stop_board", ended.append)
    monkeypatch.setattr(board, "_seen", board.time.monotonic() - 1801)
    board._watching.acquire()
    board._end_unseen("settings")
    assert ended == ["settings"]
    assert not board._watching.locked()
