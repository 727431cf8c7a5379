"""Models in a real browser: another one is put in service, and films are read with it at once."""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from pneumo_core.bundle import activate, active_name, bundle_names, load_bundle
from pneumo_core.bundle.integrity import LUNGS, write_sums
from pneumo_core.bundle.transfer import export_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

DROP = ".st-key-models-intake [data-testid=stFileUploaderDropzoneInput]"
PASSING = (NoSuchElementException, StaleElementReferenceException, IndexError)


@pytest.fixture
def models(models_dir: Path, tmp_path: Path) -> Path:
    """A folder of our own with "first" 1.0 in service and "second" 2.0 beside it."""
    shipped = models_dir / active_name(models_dir)
    folder = tmp_path / "models"
    shutil.copytree(models_dir / LUNGS, folder / LUNGS)
    for name, version in (("first", "1.0"), ("second", "2.0")):
        shutil.copytree(shipped, folder / name)
        card = json.loads((folder / name / "card.json").read_text("utf-8"))
        (folder / name / "card.json").write_text(json.dumps(card | {"version": version}), "utf-8")
        write_sums(folder / name)
    activate("first", folder)
    return folder


@pytest.fixture
def address(
    models: Path, tmp_path: Path, serve: Callable[[Path, Path], AbstractContextManager[str]]
) -> Iterator[str]:
    with serve(models, tmp_path / "log.txt") as url:
        yield url


def wait(browser: Chrome, condition: Callable[[Chrome], object]) -> None:
    WebDriverWait(browser, 300, ignored_exceptions=PASSING).until(condition)


def text(browser: Chrome, css: str) -> str:
    return str(browser.find_element(By.CSS_SELECTOR, css).text)


def click(browser: Chrome, css: str) -> None:
    """Click it as soon as it is there and holds still."""

    def attempt(b: Chrome) -> bool:
        button = b.find_element(By.CSS_SELECTOR, css)
        b.execute_script(
            "arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()", button
        )
        return True

    wait(browser, attempt)


def faults(browser: Chrome) -> list[str]:
    found = browser.find_elements(
        By.CSS_SELECTOR, "[data-testid=stException],[data-testid=stAlert]"
    )
    return [element.text for element in found]


def test_another_model_is_put_in_service_and_reads_in_every_session(browser, address, models):
    browser.get(address)
    wait(browser, lambda b: "model in service: first 1.0" in text(b, ".pn-aside"))
    diagnose = browser.current_window_handle

    browser.switch_to.new_window("tab")
    browser.get(f"{address}/models")
    wait(browser, lambda b: "in service: first" in text(b, ".pn-aside"))
    click(browser, ".st-key-models-activate-second button")
    wait(browser, lambda b: "in service: second" in text(b, ".pn-aside"))
    assert active_name(models) == "second"
    assert faults(browser) == []

    browser.switch_to.window(diagnose)  # opened before, never loaded again
    click(browser, ".st-key-samples .stButton button")
    wait(browser, lambda b: "probability of pneumonia" in text(b, ".pn-number"))
    wait(browser, lambda b: "model in service: second 2.0" in text(b, ".pn-aside"))
    details = browser.find_element(By.CSS_SELECTOR, "[data-testid=stExpander]")
    assert "second 2.0" in str(details.get_property("textContent"))
    assert faults(browser) == []


def test_a_model_comes_in_by_drop_and_a_spoilt_one_does_not(browser, address, models, tmp_path):
    sent = export_bundle("second", models_dir=models)
    digest = load_bundle("second", models_dir=models).digest
    shutil.rmtree(models / "second")
    (tmp_path / "sent.zip").write_bytes(sent)
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("second/card.json", "{}")
        archive.writestr("../active![x](https://127.0.0.1/x.png)", "second")

    browser.get(f"{address}/models")
    wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, DROP))
    browser.find_element(By.CSS_SELECTOR, DROP).send_keys(str(tmp_path / "evil.zip"))
    wait(browser, lambda b: "'../active![x](https:" in faults(b)[-1])
    assert "could be written outside its folder" in faults(browser)[-1]
    assert browser.find_elements(By.CSS_SELECTOR, "[data-testid=stAlert] a") == []
    assert browser.find_elements(By.CSS_SELECTOR, "[data-testid=stAlert] img") == []
    assert bundle_names(models) == ["first"]
    assert active_name(models) == "first"

    browser.find_element(By.CSS_SELECTOR, DROP).send_keys(str(tmp_path / "sent.zip"))
    wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, ".st-key-model-second"))
    assert load_bundle("second", models_dir=models).digest == digest
    assert "✓ All files unaltered" in text(browser, ".st-key-model-second .pn-model-head")
    wait(browser, lambda b: faults(b) == [])

    click(browser, ".st-key-models-delete-second button")
    click(browser, ".st-key-models-delete-yes button")
    wait(browser, lambda _: bundle_names(models) == ["first"])
