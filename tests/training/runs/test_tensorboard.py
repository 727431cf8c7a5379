"""TensorBoard as a process, with a stand-in that only answers."""

import sys
import urllib.request

import pytest

from pneumo_core.config import Settings
from pneumo_core.errors import TrainingError
from pneumo_core.training.runs import tensorboard

STAND_IN = """
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler

class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(" ".join(sys.argv[1:]).encode())

HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Quiet).serve_forever()
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "COMMAND", (sys.executable, "-c", STAND_IN))
    made = Settings(runs_dir=tmp_path / "runs")
    yield made
    tensorboard.stop_board(made)


def test_one_board_answers_on_this_machine_until_it_is_ended(settings):
    assert tensorboard.find_board(settings) is None
    started = tensorboard.start_board(settings)
    tensorboard.wait_for_board(started)
    assert tensorboard.start_board(settings) == tensorboard.find_board(settings) == started
    with urllib.request.urlopen(started.address) as answer:  # noqa: S310 - our own process
        told = answer.read().decode()
    assert f"--logdir {settings.runs_dir}" in told
    assert "--host localhost" in told
    tensorboard.stop_board(settings)
    assert tensorboard.find_board(settings) is None
    assert not started.answers()


def test_a_board_that_dies_at_once_is_told(settings, monkeypatch):
    monkeypatch.setattr(tensorboard, "COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    started = tensorboard.start_board(settings)
    with pytest.raises(TrainingError, match="Expected TensorBoard to answer; it did not"):
        tensorboard.wait_for_board(started)


def test_without_tensorboard_the_way_to_it_is_told(settings, monkeypatch):
    monkeypatch.setattr(tensorboard, "find_spec", lambda _: None)
    with pytest.raises(TrainingError, match="Expected TensorBoard to be installed"):
        tensorboard.start_board(settings)
