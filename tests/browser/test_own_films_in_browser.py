"""One's own films in a real browser: from a folder with a table to a fitted model that reads."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pneumo_core.bundle import active_name, load_bundle
from pneumo_core.bundle.integrity import LUNGS
from pneumo_core.dataset.labels import kept_labels
from pneumo_core.synthetic.appearance import synthetic_film
from tests import ROOT
from tests.browser.conftest import serving
from tests.browser.page import click, text, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

pytestmark = [pytest.mark.browser, pytest.mark.keras]

EACH = 31  # films of a class, one more than a fit needs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Films beside a table of no known form, in which two columns could be the label.

    Those of pneumonia are brighter, by which the tiny model knows them: to read so many with the
    one that ships takes half a minute and shows no more.
    """
    found = tmp_path / "films" / "ours"
    found.mkdir(parents=True)
    lines = ["scan;first reading;second reading;years;sex"]
    for n in range(2 * EACH):
        kind, word = (("normal", "normal"), ("bacterial", "pneumonia"))[n % 2]
        film = synthetic_film(kind, n, size=160) * (0.6 + 0.2 * (n % 2) + 0.01 * (n // 2 % 8))
        cv2.imwrite(str(found / f"scan{n:02}.png"), film.astype(np.uint8))
        lines.append(f"scan{n:02};{word};{('pneumonia', 'normal')[n // 2 % 2]};{n};{'FM'[n % 2]}")
    (found / "readings.csv").write_text("\n".join(lines), "utf-8")
    return found


@pytest.fixture
def models(chromium: tuple[str, str], tiny_models_dir: Path, tmp_path: Path) -> Path:
    """A folder of our own with the tiny model in service, and the lung finder that ships."""
    folder = tmp_path / "models"
    shutil.copytree(tiny_models_dir / "tiny", folder / "tiny")
    shutil.copytree(ROOT / "models" / LUNGS, folder / LUNGS)
    (folder / "active").write_text("tiny\n")
    return folder


@pytest.fixture
def address(
    folder: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", str(folder.parent))
    with serving(models, tmp_path / "log.txt") as url:
        yield url


def says(browser: Chrome, words: str) -> None:
    """Wait until the page says these words."""
    wait(browser, lambda b: words in text(b, ".stMain"))


def press(browser: Chrome, label: str) -> None:
    """Click the button of this label as soon as it is there and holds still."""

    def attempt(b: Chrome) -> bool:
        found = b.find_elements(By.TAG_NAME, "button")
        wanted = next(one for one in found if label in one.text and one.is_displayed())
        b.execute_script("arguments[0].scrollIntoView({block: 'center'})", wanted)
        wanted.click()
        return True

    wait(browser, attempt)


def enter(browser: Chrome, css: str, *keys: str) -> None:
    """Type into a field, and the return key."""
    click(browser, css)
    ActionChains(browser).send_keys(*keys).send_keys(Keys.ENTER).perform()


def test_from_a_folder_with_a_table_to_a_fitted_model_in_service(browser, address, folder, models):
    parent = active_name(models)
    browser.get(f"{address}/dataset")
    enter(browser, ".st-key-dataset-typed input", str(folder))
    press(browser, "Open")
    says(browser, "Choose the column of the labels.")
    enter(browser, ".st-key-dataset-labels-column-label input", "first reading")
    says(browser, f"62 films (patients not known for all): {EACH} ● normal, {EACH} ■ pneumonia")
    press(browser, "Open with these labels")
    says(browser, "Shortcuts: the label predicted without the lungs")
    kept = kept_labels(folder)
    assert kept is not None
    assert kept.map.column("label") == "first reading"
    assert kept.map.column("age") == "years"

    browser.get(f"{address}/metrics")
    press(browser, "New evaluation")
    press(browser, "Evaluate")
    says(browser, "of normal films are cleared;")
    says(browser, "At ours ")

    browser.get(f"{address}/models")
    press(browser, "Fit to this hospital")
    says(browser, "Labels: readings.csv (columns: file = scan, label = first reading")
    enter(browser, ".st-key-models-fit-site input", "St Mary")
    click(browser, ".st-key-models-fit-begin button")
    says(browser, "is fitted to 62 films of St Mary (31 normal, 31 pneumonia)")
    press(browser, "Put in service")
    press(browser, "Put in service anyway")
    wait(browser, lambda _: active_name(models) == f"{parent}-here")
    assert load_bundle(f"{parent}-here", models_dir=models).card.lineage[0].name == parent

    browser.get(address)
    says(browser, "fitted to 62 films of St Mary")
    click(browser, ".st-key-samples .stButton button")
    says(browser, "probability of pneumonia")
    aside = text(browser, ".pn-aside")
    assert f"{parent}-here 1.0+fit, fitted to 62 films of St Mary" in aside
    assert browser.find_elements(By.CSS_SELECTOR, "[data-testid=stException]") == []
