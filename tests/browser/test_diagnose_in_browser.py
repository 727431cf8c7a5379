"""Diagnose in a real browser: a film, a DICOM and a broken file dropped together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pneumo_core import DISCLAIMER
from pneumo_core.synthetic.appearance import synthetic_film
from tests.browser.page import click, faults, is_dark, narrow, overflow, text, texts, top, wait

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

WORDS = (
    "Signs of pneumonia",
    "No sign of pneumonia",
    "Uncertain: for a radiologist to report",
    "Outside what this model can read",
)
DROP = "[data-testid=stFileUploaderDropzoneInput]"


def write_dicom(path: Path, pixels: np.ndarray) -> None:
    """A chest film as a digital radiography unit would send it, without a patient."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid()
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "AP"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelData = (4095 - pixels.astype(np.uint16) * 16).astype("<u2").tobytes()
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    cv2.imwrite(str(tmp_path / "film.png"), synthetic_film("normal", 3))
    write_dicom(tmp_path / "sent-without-suffix", synthetic_film("bacterial", 4))
    (tmp_path / "broken.png").write_bytes((tmp_path / "film.png").read_bytes()[:2000])
    return [str(tmp_path / name) for name in ("film.png", "sent-without-suffix", "broken.png")]


def shown(browser: Chrome, css: str) -> str:
    """Text of the first element of that kind, as soon as it has any."""
    words: str = wait(browser, lambda b: text(b, css))
    return words


def drop(browser: Chrome, *files: str) -> None:
    """Drop files on the uploader, as soon as the page has drawn it."""

    def dropped(b: Chrome) -> bool:
        b.find_element(By.CSS_SELECTOR, DROP).send_keys("\n".join(files))
        return True

    wait(browser, dropped)


def read_all(browser: Chrome, films: int) -> None:
    """Wait until that many films stand in the list and none is read any more."""

    def all_there(b: Chrome) -> bool:
        words = text(b, ".pn-summary")
        reading = b.find_elements(By.CSS_SELECTOR, ".st-key-intake")
        return f"This session: {films} of at most 500 films" in words and not reading

    wait(browser, all_there)


def visit(browser: Chrome, address: str) -> None:
    """Open the page and wait until it may be used; a first visit turns dark by itself."""
    browser.get(address)
    wait(browser, is_dark)
    shown(browser, ".pn-welcome")


def in_viewer(browser: Chrome, what: str) -> Any:
    """A value of the film viewer `p` in the page; None while there is none."""
    return browser.execute_script(
        "const p = [...document.querySelectorAll('*')].map("
        "(one) => one.shadowRoot?.querySelector('.viewer')?.pneumo).find(Boolean);"
        f"return p ? {what} : null"
    )


def until(browser: Chrome, what: str) -> None:
    """Wait until this is true of the film viewer `p`."""
    wait(browser, lambda b: in_viewer(b, what))


def grey(browser: Chrome, x: float, y: float) -> int:
    """The grey level shown at a place of the film's pane, shares of its sides."""
    level: int = in_viewer(
        browser,
        f"(({{canvas, context}}) => context.getImageData({x} * canvas.width, {y} * canvas.height, "
        "1, 1).data[0])(p.panes[0])",
    )
    return level


def test_the_page_opens_by_its_own_address_and_reads_a_sample_with_one_click(browser, address):
    visit(browser, f"{address}/diagnose")
    assert shown(browser, "h1") == "Diagnose"
    titles = texts(browser, "[data-testid=stSidebarNavLink] [label]")
    assert titles == ["Diagnose", "Dataset", "Training", "Metrics", "Models"]
    loaded = "return performance.getEntriesByType('navigation')[0].type"
    assert browser.execute_script(loaded) == "navigate"  # once: dark before Streamlit starts
    assert faults(browser) == []

    click(browser, ".st-key-samples .stButton button")
    assert shown(browser, ".pn-result h2")[2:] in WORDS
    assert shown(browser, ".pn-badge") == "Synthetic"
    assert faults(browser) == []


def test_film_dicom_and_broken_file_dropped_together(browser, address, files):
    visit(browser, address)
    assert shown(browser, "h1") == "Diagnose"
    assert "Drop a frontal chest film above" in shown(browser, ".pn-welcome")
    assert DISCLAIMER.rstrip(".") in shown(browser, ".pn-band")
    drop(browser, *files)

    read_all(browser, 3)
    assert shown(browser, ".pn-result h2")[2:] in WORDS
    assert "% probability of pneumonia" in shown(browser, ".pn-number")
    assert shown(browser, ".pn-place") == "1 of 3"
    problem = shown(browser, ".pn-problems li")
    assert problem.startswith("broken.png Not read: ")
    assert "sent-without-suffix" not in problem
    picture = ".st-key-film [data-testid]"
    wait(browser, lambda b: in_viewer(b, "p.small !== null"))
    wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, picture).size["width"] > 500)
    assert faults(browser) == []
    assert overflow(browser) == 0

    # The arrow keys go through the films, and the broken one keeps its place.
    names = {shown(browser, ".pn-name")}
    for place in ("2 of 3", "3 of 3"):
        browser.find_element(By.TAG_NAME, "body").send_keys(Keys.ARROW_RIGHT)
        wait(browser, lambda b, p=place: shown(b, ".pn-place") == p)
        names.add(shown(browser, ".pn-name"))
    assert names == {"film.png", "sent-without-suffix", "broken.png"}
    assert shown(browser, ".pn-result h2") == "✕ Not read"
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.ARROW_LEFT)
    wait(browser, lambda b: shown(b, ".pn-place") == "2 of 3")
    assert faults(browser) == []

    narrow(browser)
    decision = ".pn-result h2"  # the page is drawn anew for the narrow window
    wait(browser, lambda b: top(b, decision) < min(500, top(b, picture)))
    assert overflow(browser) == 0


def test_a_film_is_looked_at_closely(browser, address, tmp_path):
    film = cv2.resize(synthetic_film("normal", 3), (2400, 2000), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(tmp_path / "large.png"), film)
    visit(browser, address)
    drop(browser, str(tmp_path / "large.png"))
    read_all(browser, 1)
    until(browser, "p.small !== null && p.small.width === 1024")
    assert in_viewer(browser, "p.large") is None  # not fetched before it is needed

    body = browser.find_element(By.TAG_NAME, "body")
    fitted = in_viewer(browser, "p.root.dataset.zoom")
    body.send_keys("+")
    until(browser, f"Number(p.root.dataset.zoom) > 1.2 * {fitted}")
    body.send_keys("1")
    until(browser, "p.root.dataset.zoom === '1.000'")
    until(browser, "p.large !== null && p.large.width === 2400")
    stage = in_viewer(browser, "p.stage")
    before = in_viewer(browser, "p.x")
    ActionChains(browser).drag_and_drop_by_offset(stage, -60, 0).perform()
    until(browser, f"p.x > {before} + 0.02")
    body.send_keys("0")
    until(browser, "p.zoom === 1")

    in_viewer(browser, "p.show({view: 'Film'})")
    until(browser, "p.view === 'Film'")
    middle = grey(browser, 0.5, 0.5)
    body.send_keys("i")
    until(browser, "p.root.querySelector('.state').textContent === 'inverted'")
    assert abs(grey(browser, 0.5, 0.5) - (255 - middle)) <= 1
    body.send_keys("i")
    in_viewer(browser, f"p.setWindow({middle} + 40, 60)")
    until(browser, "p.preset.value === ''")
    assert grey(browser, 0.5, 0.5) == 0  # below the window
    body.send_keys(" ")
    until(browser, "p.view === 'Blend'")

    assert browser.execute_script("return typeof window.onbeforeunload") == "function"
    narrow(browser)
    until(browser, "p.root.clientWidth <= 358 && p.zoom === 1")
    assert overflow(browser) == 0
    assert in_viewer(browser, "p.stage.style.touchAction") == "pan-y"
    assert faults(browser) == []
