"""Dataset in a real browser: a folder is opened, a bar clicked, a film opened and read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pneumo_core.synthetic.demo_data import write_demo_data
from tests.browser.conftest import serving
from tests.browser.page import overflow, text, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

FILMS = 60
# The gallery draws in a shadow root, which no selector reaches into.
TILES = """
const found = [];
const look = (root) => root.querySelectorAll("*").forEach((one) => {
  if (one.matches("button.film")) found.push(one);
  if (one.shadowRoot) look(one.shadowRoot);
});
look(document);
return found;"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_demo_data(tmp_path / "films" / "demo", films=FILMS, seed=5)
    return tmp_path / "films" / "demo"


@pytest.fixture
def address(
    folder: Path, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", str(folder.parent))
    with serving(models_dir, tmp_path / "log.txt") as url:
        yield url


def press(browser: Chrome, label: str) -> None:
    """Click the button of this label as soon as it is there and holds still."""

    def pressed(b: Chrome) -> bool:
        found = b.find_elements(By.TAG_NAME, "button")
        next(one for one in found if one.text.startswith(label)).click()
        return True

    wait(browser, pressed)


def open_folder(browser: Chrome, folder: Path) -> None:
    """Type the folder on the empty page, and wait until both audits are shown."""
    wait(browser, lambda b: text(b, ".pn-welcome h2").startswith("Look at the data"))
    typed = ".st-key-dataset-typed input"

    def type_and_open() -> None:
        def typed_whole(b: Chrome) -> bool:
            field = b.find_element(By.CSS_SELECTOR, typed)
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(str(folder))
            return bool(field.get_property("value") == str(folder))

        wait(browser, typed_whole)
        press(browser, "Open")

    type_and_open()
    with suppress(TimeoutException):
        wait(browser, lambda b: not b.find_elements(By.CSS_SELECTOR, typed), seconds=100)
    if browser.find_elements(By.CSS_SELECTOR, typed):  # a page drawn anew took the click
        type_and_open()
    wait(browser, lambda b: "the label predicted" in text(b, ".stMain"))
    wait(browser, lambda b: len(b.find_elements(By.CSS_SELECTOR, ".stPlotlyChart .main-svg")) > 5)


def click_bar(browser: Chrome, chart: int, down: float) -> None:
    """Click a chart far right in a row, `down` of its height, where the bar itself has ended."""

    def clicked(b: Chrome) -> bool:
        plot = b.find_elements(By.CSS_SELECTOR, ".stPlotlyChart")[chart]
        b.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)
        across, along = 0.35 * plot.size["width"], (down - 0.5) * plot.size["height"]
        pointer = ActionChains(b).move_to_element_with_offset(plot, int(across), int(along))
        pointer.pause(0.3).click().perform()
        return True

    wait(browser, clicked)


def hosts(browser: Chrome) -> set[str]:
    """Where the page fetched anything from."""
    names = browser.execute_script(
        "return performance.getEntriesByType('resource').map((one) => one.name)"
    )
    return {urlsplit(name).netloc for name in names if name.startswith("http")}


def test_a_folder_is_opened_a_bar_clicked_a_film_opened_and_read(browser, address, folder):
    browser.get(f"{address}/dataset")
    open_folder(browser, folder)
    assert text(browser, ".pn-loaded").startswith("demo")
    assert f"{FILMS} films" in text(browser, ".pn-figures").replace("\n", " ")
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-testid=stAlert]")
    assert hosts(browser) <= {urlsplit(address).netloc}
    assert overflow(browser) == 0

    for _ in range(6):  # a page that still grows may move the bar away from under the click
        click_bar(browser, 0, 0.08)
        with suppress(TimeoutException):
            wait(browser, lambda b: f"of {FILMS} films" in text(b, ".pn-figures"), seconds=50)
            break
    chips = text(browser, ".st-key-chips-top")
    assert "split: train" in chips
    assert "kind: normal" in chips
    shown = int(text(browser, ".pn-figures strong"))
    wait(browser, lambda b: len(b.execute_script(TILES)) == shown)

    browser.execute_script("arguments[0].click()", browser.execute_script(TILES)[0])
    wait(browser, lambda b: text(b, "[role=dialog] .pn-place") == f"1 of {shown}")
    first = text(browser, "[role=dialog] .pn-name")
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.ARROW_RIGHT)
    wait(browser, lambda b: text(b, "[role=dialog] .pn-place") == f"2 of {shown}")
    second = text(browser, "[role=dialog] .pn-name")
    assert second != first

    press(browser, "Read with the model")
    wait(browser, lambda b: "probability of pneumonia" in text(b, ".pn-number"))
    assert text(browser, ".pn-name") == second

    wait(browser, lambda b: b.find_element(By.LINK_TEXT, "Dataset").click() or True)
    wait(browser, lambda b: "kind: normal" in text(b, ".st-key-chips-top"))
    browser.set_window_size(390, 844)
    wait(browser, lambda b: overflow(b) == 0)
