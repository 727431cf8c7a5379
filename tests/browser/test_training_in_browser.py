"""Training in a real browser: from a click to a model, with a reload and a stop on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pneumo_core.bundle import active_name, load_bundle
from pneumo_core.config import load_settings
from pneumo_core.dataset.sources import data_dir, remember_source
from pneumo_core.synthetic.demo_data import write_demo_data
from pneumo_core.training.hardware import find_and_cache_machine
from pneumo_core.training.runs.history import live_runs
from pneumo_core.training.runs.run import list_runs
from tests.browser.conftest import serving
from tests.browser.page import click, faults, is_dark, narrow, overflow, text, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

    from pneumo_core.config import Settings

pytestmark = [pytest.mark.browser, pytest.mark.keras]


@pytest.fixture
def settings(
    chromium: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    for name in ("MODELS", "RUNS", "CACHE"):
        monkeypatch.setenv(f"PNEUMO_{name}", str(tmp_path / name.lower()))
    monkeypatch.delenv("PNEUMO_JOBS", raising=False)
    made = load_settings()
    films = data_dir(made) / "synthetic-60"
    write_demo_data(films, films=60, seed=1)
    remember_source("synthetic", films, settings=made)
    find_and_cache_machine(made)  # or the page has it found by a process that imports TensorFlow
    yield made
    for run in live_runs(made.runs_dir):
        run.cancel()


@pytest.fixture
def address(settings: Settings, tmp_path: Path) -> Iterator[str]:
    with serving(settings.models_dir, tmp_path / "log.txt") as url:
        yield f"{url}/training"


MAIN = "[data-testid=stMain]"


def wait_for(browser: Chrome, words: str) -> None:
    wait(browser, lambda b: words in text(b, MAIN), f"Expected {words!r} on the page.")


def double_click(browser: Chrome, key: str) -> None:
    """Click twice before the page can answer, however fast it is."""

    def done(_: Chrome) -> bool:
        button = browser.find_element(By.CSS_SELECTOR, f"[class*='st-key-training-{key}'] button")
        if not button.is_enabled():
            return False
        browser.execute_script("arguments[0].click(); arguments[0].click()", button)
        return True

    wait(browser, done, f"No button {key!r}.")


def set_number(browser: Chrome, label: str, count: int) -> None:
    def done(b: Chrome) -> bool:
        field = b.find_element(By.CSS_SELECTOR, f"input[aria-label='{label}']")
        if not field.is_displayed():
            summaries = b.find_elements(By.CSS_SELECTOR, "[data-testid=stExpander] summary")
            next(one for one in summaries if "More settings" in one.text).click()
            return False
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(str(count), Keys.ENTER)
        return True

    wait(browser, done, f"No field {label!r}.")


def test_from_a_click_to_a_model_with_a_reload_and_a_stop(browser, address, settings):
    browser.get(address)
    wait(browser, is_dark)  # a first visit turns dark by loading anew
    set_number(browser, "Patience (early stopping)", 100)  # the run is there until it is stopped
    set_number(browser, "Epochs", 500)
    wait_for(browser, "Small CNN, from scratch, 128 px, 500 epochs on")
    double_click(browser, "start")
    wait_for(browser, "▶ running")

    browser.get(address)
    click(browser, "[class*=st-key-training-run-stop] button")
    assert len(list_runs(settings.runs_dir)) == 1
    wait_for(browser, "◼ stopped by hand")
    wait_for(browser, "Model cnn-quick is written. The best epoch so far is its model.")
    # The learning rate of the run that could start next; loss and AUC of the one that ended.
    assert len(browser.find_elements(By.CSS_SELECTOR, "[data-testid=stPlotlyChart]")) == 3
    assert overflow(browser) == 0
    assert load_bundle("cnn-quick", models_dir=settings.models_dir).size == 128

    assert "It was trained on synthetic films only" in text(browser, MAIN)
    click(browser, "[class*=st-key-training-run-activate] button")
    click(browser, "[class*=st-key-models-service-yes] button")
    wait_for(browser, "Its model cnn-quick is in service")
    assert active_name(settings.models_dir) == "cnn-quick"
    assert faults(browser, "[data-testid=stException]") == []
    narrow(browser)
    wait_for(browser, "All runs")
    assert overflow(browser) == 0

    browser.get(address.removesuffix("training"))
    wait_for(
        browser,
        "The model in service has reliability warnings: trained on synthetic films, small "
        "validation sample",
    )
    wait_for(browser, "Trained on synthetic films only, none of them a child's.")
    assert overflow(browser) == 0
