"""Explanations side by side: asked for, computed elsewhere, shown with what is known of each."""

import numpy as np
import pytest

from pages.ui import cache
from pneumo_core.inference import explain
from pneumo_core.inference.explain import Explanation
from tests.pages.seen import button, drop, html_of, no_trace


class Elsewhere:
    """Stands in for the process that computes maps; `answer` gives some."""

    def __init__(self):
        self.request = None

    def submit(self, request):
        self.request = request
        request.state = "running"
        return request

    def stop(self, request):
        if request.active:
            request.state = "stopped"

    def answer(self, *found, state="done", error=""):
        self.request.found += found
        self.request.state, self.request.error = state, error


@pytest.fixture
def elsewhere(monkeypatch):
    one = Elsewhere()
    monkeypatch.setattr(cache, "explainer", lambda: one)
    monkeypatch.setattr(explain, "network_input", lambda *_: np.zeros((8, 8), np.uint8))
    return one


def found(method, *levels, rho=None, flat=""):
    cam = np.array(levels, np.float32).reshape(2, 2)
    return Explanation(method, "pneumonia", cam, 0.88, rho, flat)


@pytest.fixture
def opened(page, png, bundle, elsewhere):
    bundle.classes = ("normal", "bacterial", "viral")
    drop(page.run(), ("a.png", png(225)))
    page.session_state["explanations"] = True
    return page.run()


def test_the_map_of_the_reading_is_there_at_once(opened, elsewhere):
    shown = html_of(opened)
    assert shown.count("<figure>") == 1
    assert "<strong>CAM</strong>" in shown
    assert list(opened.selectbox(key="explain.target").options) == [
        "pneumonia",
        "bacterial",
        "viral",
    ]
    assert elsewhere.request is None


def test_maps_come_one_by_one_with_sanity_check_and_agreement(opened, elsewhere):
    opened.checkbox(key="explain.sanity").set_value(True)
    button(opened, "Compute the maps").click().run()
    assert elsewhere.request.methods == ("cam", "gradcam++")
    assert elsewhere.request.sanity
    assert button(opened, "Stop")
    elsewhere.answer(found("cam", 0, 0.2, 0.5, 1, rho=0.0), state="running")
    assert html_of(opened.run()).count("<figure>") == 1
    elsewhere.answer(found("gradcam++", 0, 0.3, 0.4, 0.9, rho=0.7))
    shown = html_of(opened.run())
    assert "<strong>Grad-CAM++</strong><p>Probability of pneumonia 88\xa0%</p>" in shown
    assert "Passed: with randomised weights the map is different" in shown
    assert "Failed: with randomised weights the map is much the same" in shown
    assert "CAM and Grad-CAM++ agree (rank correlation 1.00)" in shown
    assert no_trace(opened)


def test_what_confirms_nothing_is_not_called_agreement_or_passed(opened, elsewhere):
    button(opened, "Compute the maps").click().run()
    elsewhere.answer(
        found("cam", 0, 0.2, 0.5, 1, flat="empty"), found("gradcam", 0, 0.2, 0.5, 1, rho=0.1)
    )
    shown = html_of(opened.run())
    assert "With randomised weights the map is empty" in shown
    assert "CAM and Grad-CAM are one method for this network" in shown
    assert "CAM and Grad-CAM agree" not in shown


def test_a_failure_is_said_and_a_stop_keeps_what_there_is(opened, elsewhere):
    button(opened, "Compute the maps").click().run()
    elsewhere.answer(found("cam", 0, 0, 0, 0), state="failed", error="No memory.")
    opened.run()
    assert [one.value for one in opened.error] == ["No memory."]
    assert "The map is empty" in html_of(opened)
    button(opened, "Compute the maps").click().run()
    button(opened, "Stop").click().run()
    assert elsewhere.request.state == "stopped"
    assert button(opened, "Compute the maps")
