"""Models in a real browser: another one is put in service, and films are read with it at once.

They are the tiny one twice: to copy, hash, zip and send 100 MB for each test shows no more.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By

from pneumo_core.bundle import activate, active_name, bundle_names, load_bundle
from pneumo_core.bundle.integrity import LUNGS, write_sums
from pneumo_core.bundle.transfer import export_bundle
from tests import ROOT
from tests.browser.conftest import serving
from tests.browser.page import click, faults, text, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.keras]

DROP = ".st-key-models-intake [data-testid=stFileUploaderDropzoneInput]"


@pytest.fixture(scope="module")
def server(
    chromium: tuple[str, str], tiny_models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """Where Pneumo answers, and the folder of its models, our own."""
    folder = tmp_path_factory.mktemp("own") / "models"
    shutil.copytree(ROOT / "models" / LUNGS, folder / LUNGS)
    put_two(folder, tiny_models_dir)
    with serving(folder, folder.with_name("log.txt")) as url:
        yield url, folder


def put_two(folder: Path, tiny_models_dir: Path) -> None:
    """Put "first" 1.0 in service, and "second" 2.0 beside it."""
    for name, version in (("first", "1.0"), ("second", "2.0")):
        shutil.copytree(tiny_models_dir / "tiny", folder / name, dirs_exist_ok=True)
        card = json.loads((folder / name / "card.json").read_text("utf-8"))
        (folder / name / "card.json").write_text(json.dumps(card | {"version": version}), "utf-8")
        write_sums(folder / name)
    activate("first", folder)


@pytest.fixture
def models(server: tuple[str, Path], tiny_models_dir: Path) -> Path:
    put_two(server[1], tiny_models_dir)
    return server[1]


@pytest.fixture
def address(server: tuple[str, Path]) -> str:
    return server[0]


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
    details = "return document.querySelector('[data-testid=stExpander]').textContent"
    wait(browser, lambda b: "second 2.0" in b.execute_script(details))
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
    evil, sent_again = str(tmp_path / "evil.zip"), str(tmp_path / "sent.zip")
    wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, DROP).send_keys(evil) or True)
    wait(browser, lambda b: "'../active![x](https:" in faults(b)[-1])
    assert "could be written outside its folder" in faults(browser)[-1]
    assert browser.find_elements(By.CSS_SELECTOR, "[data-testid=stAlert] a") == []
    assert browser.find_elements(By.CSS_SELECTOR, "[data-testid=stAlert] img") == []
    assert bundle_names(models) == ["first"]
    assert active_name(models) == "first"

    wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, DROP).send_keys(sent_again) or True)
    wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, ".st-key-model-second"))
    assert load_bundle("second", models_dir=models).digest == digest
    assert "✓ All files unaltered" in text(browser, ".st-key-model-second .pn-model-head")
    wait(browser, lambda b: faults(b) == [])

    click(browser, ".st-key-models-delete-second button")
    click(browser, ".st-key-models-delete-yes button")
    wait(browser, lambda _: bundle_names(models) == ["first"])
