"""A reader's work in a real browser: verdict, history, report, blinded reading, reader study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import pytest
from pypdf import PdfReader
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pneumo_core import DISCLAIMER
from pneumo_core.synthetic.appearance import synthetic_film
from tests.browser.page import faults, text, texts, wait
from tests.browser.test_diagnose_in_browser import WORDS, drop, shown, visit

if TYPE_CHECKING:
    from pathlib import Path

    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser
NOTE = "Seen again next week"


def film(folder: Path, seed: int) -> str:
    path = folder / f"film-{seed}.png"
    cv2.imwrite(str(path), synthetic_film("bacterial", seed))
    return str(path)


def click(browser: Chrome, css: str, words: str) -> None:
    """Click the element of that kind that says `words`, as soon as it is there."""

    def clicked(b: Chrome) -> bool:
        for one in b.find_elements(By.CSS_SELECTOR, css):
            if words in one.get_property("textContent"):
                b.execute_script("arguments[0].scrollIntoView({block: 'center'})", one)
                one.click()
                return True
        return False

    wait(browser, clicked)


def choose(browser: Chrome, words: str) -> None:
    """Choose one of a row of buttons, and wait until it is chosen."""
    click(browser, "[data-testid=stButtonGroup] button", words)
    active = "[data-testid=stButtonGroup] button[data-selected=true]"
    wait(
        browser,
        lambda b: any(words in one for one in texts(b, active)),
    )


def text_of(browser: Chrome, css: str) -> str:
    """All text of an element, also of tables, whose cells are drawn."""
    script = "return document.querySelector(arguments[0])?.textContent ?? null"
    words: str = wait(browser, lambda b: b.execute_script(script, css))
    return words


def test_a_verdict_is_found_again_in_the_history_and_the_report(browser, address, tmp_path):
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    visit(browser, address)
    drop(browser, film(tmp_path, 21))
    answer = shown(browser, ".pn-result h2")[2:]
    assert answer in WORDS
    click(browser, "summary", "Your verdict")
    choose(browser, "disagree")
    choose(browser, "normal")
    fill(browser, "[data-testid=stForm] textarea", NOTE)
    fill(browser, "[data-testid=stForm] input[type=text]", "Ada")
    click(browser, "[data-testid=stForm] button", "Save verdict")
    wait(browser, lambda b: f"Note: {NOTE}" in text_of(b, "[data-testid=stMain]"))

    click(browser, ".st-key-history summary", "History")
    wait(browser, lambda b: "Ada" in text_of(b, ".st-key-history canvas"))
    assert "disagree" in text_of(browser, ".st-key-history canvas")

    click(browser, "summary", "Take away")
    click(browser, "[data-testid=stDownloadButton] button", "Report (PDF)")
    wait(browser, lambda _: list(tmp_path.glob("*.pdf")))
    (page,) = tmp_path.glob("*.pdf")
    report = " ".join("".join(one.extract_text() for one in PdfReader(page).pages).split())
    for words in (answer, NOTE, "Ada", DISCLAIMER.rstrip(".")):
        assert words in report
    assert "film-21" not in report
    wait(browser, lambda b: faults(b) == [])


def test_a_blinded_reader_answers_before_the_model_is_shown(browser, address, tmp_path):
    visit(browser, address)
    click(browser, "[data-testid=stCheckbox] label", "Blinded reading")
    wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, "[aria-label^=Blinded]").is_selected())
    drop(browser, film(tmp_path, 22))
    wait(browser, lambda b: "Your answer first" in text(b, "h2"))
    page = text(browser, "[data-testid=stMain]")
    assert "probability of pneumonia" not in page
    assert "film-22" not in page
    assert not any(words in page for words in WORDS)
    choose(browser, "pneumonia")
    click(browser, "[data-testid=stForm] button", "Save and show the model's answer")
    wait(browser, lambda b: text(b, ".pn-result h2")[2:] in WORDS)
    wait(browser, lambda b: "before seeing the model" in text_of(b, "[data-testid=stMain]"))
    assert shown(browser, ".pn-name") == "film-22.png"
    wait(browser, lambda b: faults(b) == [])


def test_a_reader_study_from_its_setting_up_to_the_results(browser, address, tmp_path):
    for label, name in (("NORMAL", "normal"), ("PNEUMONIA", "bacterial")):
        (tmp_path / "films" / label).mkdir(parents=True)
        path = tmp_path / "films" / label / f"secret-{name}.png"
        cv2.imwrite(str(path), synthetic_film(name, 23))
    visit(browser, address)
    click(browser, ".st-key-studies summary", "Reader study")
    fill(browser, "input[aria-label^='Folder with']", str(tmp_path / "films"))
    fill(browser, "input[aria-label^='Films, drawn']", "2")
    click(browser, "[data-testid=stForm] button", "Set up a study")
    fill(browser, "input[aria-label^='Your name']", "Ada")
    for number in (1, 2):
        for phase in ("without", "with"):
            title = f"Film {number} of 2, {phase} the model"
            wait(browser, lambda b, title=title: shown(b, ".pn-place") == title)
            if phase == "without":
                choose(browser, "pneumonia")
            else:  # it is chosen, and a click would undo that
                wait(browser, lambda b: "Probability" in text_of(b, "[data-testid=stMain]"))
            page = text_of(browser, "[data-testid=stMain]")
            assert "secret" not in page
            assert ("Probability" in page) == (phase == "with")
            words = "show the model's answer" if phase == "without" else "Save, next film"
            click(browser, "[data-testid=stForm] button", words)
    wait(browser, lambda b: "All 2 films are read." in text_of(b, "[data-testid=stMain]"))
    choose(browser, "Results")
    wait(browser, lambda b: len(b.find_elements(By.CSS_SELECTOR, ".pn-table tbody tr")) == 2)
    row = text(browser, ".pn-table tbody tr").split()
    assert " ".join(row).startswith("Ada without the model 2 100.0 %")
    wait(browser, lambda b: faults(b) == [])


def fill(browser: Chrome, css: str, words: str) -> None:
    """Type into a field in place of what it holds, as soon as it is there."""

    def typed(b: Chrome) -> bool:
        field = b.find_element(By.CSS_SELECTOR, css)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(words, Keys.TAB)  # Enter would send the form
        return True

    wait(browser, typed)
