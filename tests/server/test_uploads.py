"""The guard before uploads: what nobody asked for, what is too large, what is too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pneumo_core.server.uploads import ENVELOPE, AskedFor, UploadGuard, UploadLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

MB = 2**20
LIMITS = UploadLimits(film=2 * MB, model=8 * MB, session=4 * MB, server=10 * MB)


class Upstream:
    """A server that counts what reaches it."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.got: list[int] = []
        self.asked = AskedFor()

    async def put(self, request: Request) -> Response:
        self.got.append(len(await request.body()))
        return Response(status_code=204)

    def client(self) -> TestClient:
        route = Route("/_stcore/upload_file/{session}/{file}", self.put, methods=["PUT", "DELETE"])
        guard = UploadGuard(
            Starlette(routes=[route]),
            limits=lambda: LIMITS,
            asked=self.asked,
            held=lambda: self.held,
        )
        return TestClient(guard, raise_server_exceptions=False)


@pytest.fixture
def upstream() -> Upstream:
    made = Upstream()
    made.asked.expect_file("s", "f")
    return made


def put(upstream: Upstream, n_bytes: int, session: str = "s", file: str = "f") -> tuple[int, str]:
    answer = upstream.client().put(f"/_stcore/upload_file/{session}/{file}", content=b"x" * n_bytes)
    return answer.status_code, answer.text


def test_a_film_of_exactly_the_promised_size_passes_and_one_more_byte_does_not(
    upstream: Upstream,
) -> None:
    assert put(upstream, 2 * MB + ENVELOPE)[0] == 204
    assert put(upstream, 2 * MB + ENVELOPE + 1) == (413, "Expected at most 2 MB, got 3 MB.")
    assert upstream.got == [2 * MB + ENVELOPE]


def test_what_no_drop_zone_asked_for_is_not_read(upstream: Upstream) -> None:
    assert put(upstream, 10, file="own-id")[0] == 403
    assert put(upstream, 10, session="other")[0] == 403
    assert upstream.got == []


def test_a_model_passes_where_the_drop_zone_of_models_is_shown(upstream: Upstream) -> None:
    assert put(upstream, 6 * MB)[0] == 413
    upstream.asked.expect_model("s")
    assert put(upstream, 6 * MB)[0] == 204


def test_a_session_and_all_together_are_bounded(upstream: Upstream) -> None:
    upstream.held = {"s": 4 * MB}
    assert put(upstream, MB)[0] == 413
    upstream.held = {"s": 3 * MB, "t": 6 * MB}
    assert put(upstream, MB)[0] == 204
    upstream.held = {"s": 0, "t": 9 * MB}
    assert put(upstream, 2 * MB)[0] == 503


def test_a_body_that_grows_beyond_its_limit_is_cut(upstream: Upstream) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(5):
            yield b"x" * MB

    upstream.client().put("/_stcore/upload_file/s/f", content=chunks())
    assert upstream.got == []


def test_other_requests_pass(upstream: Upstream) -> None:
    assert upstream.client().delete("/_stcore/upload_file/s/own").status_code == 204
