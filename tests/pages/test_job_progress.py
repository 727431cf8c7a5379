"""A job as it is seen: running, ended well, failed, stopped, cut short."""

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.job_progress import progress_words
from pneumo_core.jobs.status import Status


class FakeJob:
    """A job that stands as it is told to."""

    id = "audit.1"

    def __init__(self, status, log=""):
        self.now, self.log, self.stopped = status, log, False

    def status(self):
        return self.now

    def stop(self):
        self.stopped = True
        self.now = Status("stopped", message="Stopped.")

    def log_tail(self, _lines):
        return self.log


def script(job):
    import streamlit as st

    from pages.ui.job_progress import show_job

    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    st.session_state["state"] = show_job(job, doing="Looking", phases={"films": "each once"}).state


def page(job):
    return AppTest.from_function(script, args=(job,), default_timeout=300)


RUNNING = Status("running", phase="films", done=1200, total=5856, seconds_left=19.6)


def test_a_running_job_says_what_it_does_how_far_it_is_and_how_long_it_takes():
    shown = page(FakeJob(RUNNING)).run()
    bar = shown.get("progress")[0]
    assert bar.proto.text == "Looking: each once, 1,200 of 5,856 · about 20 s left"
    assert bar.proto.value == pytest.approx(20, abs=1)
    assert shown.session_state["state"] == "running"
    assert [button.label for button in shown.button] == ["Stop"]


def test_a_job_may_be_stopped():
    job = FakeJob(RUNNING)
    shown = page(job).run()
    shown.button[0].click().run()
    assert job.stopped
    assert shown.info[0].value == "Looking: stopped. The work done so far is kept."
    assert not shown.get("progress")


def test_the_page_is_run_anew_when_a_phase_or_the_job_has_ended():
    job = FakeJob(RUNNING)
    shown = page(job).run()
    assert shown.session_state["runs"] == 1
    job.now = Status("running", phase="shortcuts", total=12)
    assert shown.run().session_state["runs"] == 3
    job.now = Status("done")
    assert shown.run().session_state["runs"] == 5
    assert not shown.get("progress")
    assert not shown.error


@pytest.mark.parametrize("state", ["failed", "interrupted"])
def test_a_job_that_ended_badly_says_why_and_what_it_said_last(state):
    job = FakeJob(Status(state, message="Expected films, got none."), log="films: 3 of 9")
    shown = page(job).run()
    assert shown.error[0].value == "Looking: Expected films, got none."
    assert shown.code[0].value == "films: 3 of 9"
    assert shown.session_state["state"] == state


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status("running"), "starting"),
        (Status("running", phase="unpack"), "unpack"),
        (Status("running", phase="films", done=3, total=9), "films, 3 of 9"),
        (Status("running", phase="films", done=3, total=9, words="epoch 2"), "epoch 2"),
    ],
)
def test_progress_in_words(status, words):
    assert progress_words(status, {}) == words
