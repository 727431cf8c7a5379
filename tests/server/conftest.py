"""A server as a person starts it; and the API with a stand-in for the model."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import pytest
from starlette.testclient import TestClient

from pneumo_core.access import Role
from pneumo_core.bundle import load_bundle
from pneumo_core.config import Settings, load_settings
from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.decode import decode
from pneumo_core.inference import shared
from pneumo_core.server.api import create_app
from pneumo_core.server.tokens import Tokens
from pneumo_core.synthetic.appearance import synthetic_film
from tests.browser.conftest import serving
from tests.pages.conftest import make_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pneumo_core.inference.predict import Reading
    from pneumo_core.inference.prepare import Refused


class StandIn:
    """A reader of one answer; what cannot be decoded gets the words of the decoder."""

    def __init__(self) -> None:
        self.bundle = load_bundle(verify=False)

    def read_bytes(self, data: bytes) -> Reading:
        try:
            film = decode(data)
        except UnreadableImage as error:
            return make_reading(None, message=str(error))
        return make_reading(0.9, pixels=film.pixels, facts=film.facts)

    def read_prepared(self, film: Refused) -> Reading:
        return make_reading(None, message=film.message)


@pytest.fixture(scope="session")
def png() -> bytes:
    """A synthetic film as PNG."""
    done, data = cv2.imencode(".png", synthetic_film("normal", 0, size=160))
    assert done
    return data.tobytes()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(Settings(), readings_dir=tmp_path / "readings")


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    reader = StandIn()
    monkeypatch.setattr(shared, "verified_reader", lambda _=None: reader)
    return reader


@pytest.fixture
def client(settings: Settings, stand_in: StandIn) -> Iterator[Callable[..., TestClient]]:
    """A function: a client of the API with a token of that role; settings may be changed."""
    opened = []

    def make(role: Role | None = Role.READER, **changes: Any) -> TestClient:
        own = replace(settings, **changes)
        made = TestClient(create_app(own, ["testserver"]), raise_server_exceptions=False)
        if role is not None:
            secret = Tokens(own).new(f"{role}-{len(opened)}", role)
            made.headers["Authorization"] = f"Bearer {secret}"
        opened.append(made)
        return made

    yield make
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Pneumo with the models that ship, and a reader's token: url, token, settings."""
    folder = tmp_path_factory.mktemp("server")
    own = replace(load_settings(), readings_dir=folder / "readings")
    secret = Tokens(own).new("tests", Role.READER)
    with serving(own.models_dir, folder / "log.txt") as url:
        yield SimpleNamespace(url=url, token=secret, settings=own)
