"""TensorBoard behind the server's address: passes, cookies, and what is handed on."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from pneumo_core.access import AccessRefused, Person, Role, acting_as
from pneumo_core.config import Settings
from pneumo_core.server import board
from pneumo_core.server.board import Board, Passes, board_link
from pneumo_core.server.protection import HostCheck

TRAINER, READER = Person("t", Role.TRAINER), Person("r", Role.READER)


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
