"""Metrics in a real browser: the slider moves all numbers, a film opens, two models meet."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from selenium.webdriver.common.by import By

from pneumo_core.bundle import activate
from pneumo_core.bundle.integrity import write_sums
from tests.browser.conftest import serving
from tests.browser.page import click, faults, text, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

pytestmark = [pytest.mark.browser, pytest.mark.keras]

# Components live in shadow roots.
INSIDE = """
const inside = (css) => {
  for (const one of document.querySelectorAll("*")) {
    const found = one.shadowRoot?.querySelector(css);
    if (found) return found;
  }
  return null;
};
"""


@pytest.fixture(scope="module")
def models(
    chromium: tuple[str, str], tiny_models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder of our own with "first" in service and beside it "second", which misses more."""
    folder = tmp_path_factory.mktemp("own") / "models"
    shutil.copytree(tiny_models_dir / "tiny", folder / "first")
    shutil.copytree(tiny_models_dir / "tiny", folder / "second")
    for name in ("first", "second"):
        card = json.loads((folder / name / "card.json").read_text("utf-8"))
        (folder / name / "card.json").write_text(json.dumps(card | {"name": name}), "utf-8")
    table = pd.read_csv(folder / "second" / "predictions.csv", keep_default_na=False)
    table["p_pneumonia"] = (table["p_pneumonia"] * 0.6).round(6)
    table.to_csv(folder / "second" / "predictions.csv", index=False)
    for name in ("first", "second"):
        write_sums(folder / name)
    activate("first", folder)
    return folder


@pytest.fixture(scope="module")
def address(models: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PNEUMO_CACHE", str(models.with_name("cache")))
        with serving(models, models.with_name("log.txt")) as url:
            yield url


def inside(browser: Chrome, css: str, do: str) -> Any:
    """What JavaScript `do` gives for the element `it` of a component, once that is there."""
    script = f"{INSIDE} const it = inside(arguments[0]); {do}"
    return wait(browser, lambda b: [b.execute_script(script, css)])[0]


def count(browser: Chrome, cell: str) -> str:
    return str(inside(browser, f"[data-cell='{cell}'] .count", "return it.textContent"))


def move(browser: Chrome, threshold: float) -> None:
    do = f"it.value = {threshold}; it.dispatchEvent(new Event('input'))"
    inside(browser, ".range", do)


def off_the_mark(browser: Chrome, chart: str) -> float:
    """How far from 90 % of a chart's axis the threshold is drawn, in pixels."""
    script = """
      const host = document.querySelector(`.st-key-mark-metrics-${arguments[0]}`);
      const line = [...host.querySelectorAll("*")].map((one) => one.shadowRoot)
        .find((root) => root).querySelector(".line");
      const axes = document.querySelector(`.st-key-metrics-${arguments[0]} .nsewdrag`);
      const area = axes.getBoundingClientRect();
      const [low, high] = arguments[1];
      return line.getBoundingClientRect().x - area.x - area.width * (90 - low) / (high - low);
    """
    spans = {"histogram": (0, 100), "reliability": (-2, 102)}
    return float(browser.execute_script(script, chart, spans[chart]))


FAULTS = "[data-testid=stException],[role=alert] .error"


def test_slider_films_and_comparison(browser, address, models):
    table = pd.read_csv(models / "first" / "predictions.csv")
    positive = table["label"] == "pneumonia"
    p = table["p_pneumonia"]

    def missed(threshold: float) -> str:
        return f"{int((positive & (p < threshold)).sum()):,} of {int(positive.sum()):,}"

    browser.get(f"{address}/metrics")
    wait(browser, lambda b: "threshold locked on validation" in text(b, ".pn-evidence"))
    locked = count(browser, "missed")

    # The slider: marks, badge, tiles, headline and sentence follow, and the way back is there.
    point = "return it.getAttribute('d')"
    before = wait(browser, lambda b: inside(b, "svg.mark .point", point))
    move(browser, 0.9)
    wait(browser, lambda b: inside(b, "svg.mark .point", point) != before)
    for chart in ("histogram", "reliability"):
        wait(browser, lambda b, chart=chart: abs(off_the_mark(b, chart)) < 2)
    wait(browser, lambda b: count(b, "missed") == missed(0.9))
    wait(browser, lambda b: "exploring" in text(b, ".pn-evidence"))
    found = f"{100 * float((p[positive] >= 0.9).mean()):.1f} %"
    wait(browser, lambda b: found in text(b, ".pn-headline").replace("\xa0", " "))
    wait(browser, lambda b: f"missed {missed(0.9).split()[0]}" in text(b, ".st-key-metrics-cell"))

    # A missed film opens with what is known of it, though its picture is not on this machine.
    inside(browser, "[data-cell='missed']", "it.click()")
    first = wait(browser, lambda b: inside(b, ".film .note", "return it.textContent"))
    inside(browser, ".film", "it.click()")
    wait(browser, lambda b: "Pneumonia, missed" in text(b, "[role=dialog]"))
    assert first.splitlines()[-1] in text(browser, "[role=dialog]")  # its file
    assert "The image is not available here" in text(browser, "[role=dialog]")
    click(browser, "[role=dialog] [aria-label=Close]")
    wait(browser, lambda b: not b.find_elements(By.CSS_SELECTOR, "[role=dialog]"))

    click(browser, ".st-key-metrics-lock button")
    wait(browser, lambda b: count(b, "missed") == locked)
    wait(browser, lambda b: "threshold locked on validation" in text(b, ".pn-evidence"))

    # Two models on the same films.
    def choose_part(b: Chrome) -> bool:
        parts = b.find_elements(By.CSS_SELECTOR, ".st-key-metrics-part button")
        part = next(one for one in parts if one.text.strip() == "Compare")
        b.execute_script("arguments[0].click()", part)
        return True

    wait(browser, choose_part)
    box = ".st-key-metrics-others input"
    wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, box).send_keys("second") or True)
    wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, "[role=option]").click() or True)
    wait(browser, lambda b: "first against second" in text(b, ".st-key-metrics-part-compare"))
    compared = text(browser, ".st-key-metrics-part-compare")
    assert "first finds more by" in compared
    assert "both ranks equally well" not in compared
    assert "The models disagree on" in compared
    assert faults(browser, FAULTS) == []
    narrow = "return document.querySelector('.stMain').scrollWidth - innerWidth"
    assert browser.execute_script(narrow) <= 0


NAMES = """
  const boxes = [...it.querySelectorAll(".mark")].map((one) => one.getBoundingClientRect());
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 6
    || b.bottom <= a.top + 6;
  return boxes.length === 3 && boxes.every((a, i) => boxes.every((b, j) => i === j || apart(a, b)))
    && boxes.every((one) => one.bottom <= it.getBoundingClientRect().bottom + 6);
"""


def test_names_of_points_that_lie_close_together_are_not_printed_over_each_other(
    browser, address, models
):
    card = json.loads((models / "first" / "card.json").read_text("utf-8"))
    for name, at in (("screening", 0.49), ("balanced", 0.5), ("ruling_in", 0.52)):
        card["operating_points"][name]["threshold"] = at
    (models / "first" / "card.json").write_text(json.dumps(card), "utf-8")
    write_sums(models / "first")
    browser.get(f"{address}/metrics")
    for width in (1440, 390):
        browser.set_window_size(width, 1000)
        wait(browser, lambda b: inside(b, ".marks", NAMES))
