"""A real server: under which names it answers, with what it begins, and what it does not tell."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from types import SimpleNamespace


def handshake(server: SimpleNamespace, host: str, path: str = "/_stcore/stream") -> int:
    """The status of a WebSocket handshake as a page of that host sends it."""
    port = urlsplit(server.url).port
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        f"Origin: http://{host}:{port}",
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(connection.recv(4096).split()[1])


def call(
    server: SimpleNamespace, path: str, *, data: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(server.url + path, data=data, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def authorised(server: SimpleNamespace) -> dict[str, Any]:
    return {"Authorization": f"Bearer {server.token}"}


@pytest.mark.parametrize("host", ["stranger.example", "127.0.0.1.stranger.example", "localhost.x"])
def test_a_page_of_a_stranger_cannot_drive_the_app(server: SimpleNamespace, host: str) -> None:
    assert handshake(server, host) == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_names_of_this_computer_are_answered(server: SimpleNamespace, host: str) -> None:
    assert handshake(server, host) == 101


@pytest.mark.parametrize("path", ["/", "/api/v1/models", "/_stcore/upload_file/a/b"])
def test_a_strangers_name_gets_nothing_else_either(server: SimpleNamespace, path: str) -> None:
    status, _, said = call(server, path, Host="stranger.example")
    assert (status, b"names of this server" in said) == (403, True)


def test_health_answers_under_any_name_and_streamlits_numbers_under_none(
    server: SimpleNamespace,
) -> None:
    assert call(server, "/health", Host="10.0.0.7")[0] == 200
    assert call(server, "/ready", Host="10.0.0.7")[0] == 200
    assert call(server, "/_stcore/metrics")[0] == 404
    assert json.loads(call(server, "/_stcore/agent/openapi.json")[2]).get("paths") is not None
    assert call(server, "/_stcore/agent/interact", data=b"{}")[0] in {403, 404, 503}


def test_a_film_is_read_beside_the_pages_and_logged(server: SimpleNamespace, png: bytes) -> None:
    status, _, said = call(server, "/api/v1/read?name=a.png", data=png, **authorised(server))
    row = json.loads(said)
    assert (status, row["file"], row["status"]) == (200, "a.png", "ok")
    assert row["p_low"] <= row["p_pneumonia"] <= row["p_high"]
    assert row["reading"]
    text = call(server, "/metrics", **authorised(server))[2].decode()
    assert f'pneumo_reads_total{{decision="{row["decision"]}",status="ok"}} 1.0' in text


def test_an_upload_that_no_drop_zone_asked_for_is_refused(server: SimpleNamespace) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{server.url}/_stcore/upload_file/session/file", data=b"x", method="PUT"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=300)  # noqa: S310
    assert refused.value.code == 403
    assert refused.value.read() == b"Expected an upload that a drop zone asked for."
