"""TensorBoard on the Training screen: started, opened under the server's address, shown, ended."""

import pytest

from pages.ui.training import board
from tests.pages.seen import button, no_trace


@pytest.fixture
def running(monkeypatch):
    """A TensorBoard that is started and stopped in name alone."""
    state = {"at": None}
    monkeypatch.setattr(board, "find_board", lambda _: state["at"])
    monkeypatch.setattr(board, "start_board", lambda _: state.update(at="http://localhost:7007"))
    monkeypatch.setattr(board, "stop_board", lambda _: state.update(at=None))
    monkeypatch.setattr(board, "keep_board", lambda _: state.update(seen=True))
    return state


def test_it_is_reached_under_the_servers_own_address(page, started, running):
    page.run()
    button(page, "Start here").click().run()
    (link,) = page.get("link_button")
    assert link.proto.url.startswith("/tensorboard/?pass=")
    assert "localhost" not in link.proto.url
    assert running["seen"]
    page.toggle(key="training.board.shown").set_value(True).run()
    first = page.get("iframe")[0].proto.src
    assert first.startswith("/tensorboard/?pass=")
    page.run()
    assert page.get("iframe")[0].proto.src == first  # not loaded anew
    page.button(key="training.board.stop").click().run()
    assert button(page, "Start here")
    assert no_trace(page)
