"""A model is put in service: at once, after a question, or not at all; what follows it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import cache
from pages.ui.models.actions import loss_sentence, reliable, remaining_sentence
from pneumo_core import DISCLAIMER
from pneumo_core.bundle import BundleStatus, active_name, bundle_names
from pneumo_core.bundle.integrity import write_sums
from tests.pages.models.models_page import APP, click, dropped, html, opened


def worthless(models, name="other"):
    """Make it a model without discrimination, by its card."""
    card = json.loads((models / name / "card.json").read_text())
    card["figures"] = {"auc": {"value": 0.63, "low": 0.45, "high": 0.8}, "films": 67}
    card["training"] = {"folds": 1}
    card["data"] = {
        "films": 340,
        "validation_films": 67,
        "drawn_films": 340,
        "source": "Drawn by Pneumo; no child's film.",
    }
    (models / name / "card.json").write_text(json.dumps(card))
    write_sums(models / name)


def test_another_model_is_put_in_service(models):
    page = click(opened(), "models.activate.other")
    assert active_name(models) == "other"
    assert "in service: other" in html(page)
    assert page.toast[0].value.startswith("other 1.0 is in service: Diagnose uses it")
    titles = html(page).split("<h2>")[1:]
    assert titles[0].startswith("other ")


def test_a_model_of_no_worth_says_so_and_is_put_in_service_after_a_question(models):
    worthless(models)
    page = opened()
    tiny, other, _ = html(page).split("<h2>")[1:]
    assert "pn-caution" not in tiny
    for words in (
        "This model has reliability warnings:",
        "<li>It was trained on synthetic films only",
        "It was validated on 67 films",
        "AUC 0.630 [0.450–0.800], where 0.5 is chance.",
        "<dd>Drawn by Pneumo; no child&#x27;s film.</dd>",
        "<dd>data synthetic films made by Pneumo; no child&#x27;s film</dd>",
        "<summary>tiny, 64 × 64 pixels, ",
        "B, trained on 273 films</summary>",
    ):
        assert words in other
    click(page, "models.activate.other")
    assert active_name(models) == "tiny"
    assert html(page).count("where 0.5 is chance") == 2
    click(page, "models.service.no")
    assert active_name(models) == "tiny"
    click(click(page, "models.activate.other"), "models.service.yes")
    assert active_name(models) == "other"
    assert page.toast[0].value.startswith("other 1.0 is in service")
    assert not [button for button in page.button if button.key == "models.service.yes"]


def test_the_foot_and_diagnose_follow_the_model_in_service(models, monkeypatch):
    monkeypatch.setattr(cache, "warm_up", lambda *_: True)
    worthless(models)
    page = AppTest.from_file(str(APP), default_timeout=300)
    bands = {}
    for name in ("tiny", "other", ""):
        (models / "active").write_text(f"{name}\n")
        page.switch_page("pages/diagnose.py").run()
        assert ('<details class="pn-caution">' in html(page)) == (name == "other")
        page.switch_page("pages/models.py").run()
        assert not page.exception
        bands[name] = html(page).split('<footer class="pn-band">')[1].split("</footer>")[0]
    plain_sentence = "Research demonstration. Not a medical device."
    assert bands == {
        "tiny": DISCLAIMER,
        "other": f"{plain_sentence} Trained on synthetic films only, none of them a child&#x27;s.",
        "": plain_sentence,
    }


def test_a_model_that_cannot_be_read_with_is_not_put_in_service(models, monkeypatch):
    from pneumo_core.errors import BundleError

    def fail(bundle):
        raise BundleError(f"Model {bundle.name}: cannot be read.")

    page = opened()
    monkeypatch.setattr(cache, "reader_of", fail)
    click(page, "models.activate.other")
    assert page.error[-1].value == "Model other: cannot be read."
    assert active_name(models) == "tiny"


def test_a_damaged_model_in_service_is_told_in_the_heading(models):
    (models / "tiny" / "card.json").unlink()
    page = opened()
    assert "in service: tiny, damaged" in html(page)
    keys = {button.key for button in page.button}
    assert "models.delete.tiny" not in keys
    assert "models.activate.other" in keys


@pytest.fixture
def found(tiny_bundle):
    """Makes a model of this name: sound, without discrimination, or damaged."""

    def made(name, how="sound"):
        figures = {"auc": 0.6, "sensitivity": 0.9, "specificity": 0.9}
        card = tiny_bundle.card.with_parts(**({"figures": figures} if how == "poor" else {}))
        fault = "README.md has been altered." if how == "damaged" else ""
        return BundleStatus(
            name, 1, in_service=False, bundle=replace(tiny_bundle, card=card), fault=fault
        )

    return made


def test_what_is_lost_depends_on_what_the_model_is_worth(found):
    assert loss_sentence(found("a")).startswith("It has no reliability warnings: AUC 0.994 [")
    assert loss_sentence(found("a", "poor")) == (
        "It has reliability warnings: poor discrimination."
    )
    assert loss_sentence(found("a", "damaged")) == "It is damaged and cannot be used."
    assert not reliable(found("a", "damaged"))


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([], "No model remains: no film can be read until one is imported or trained."),
        (["poor"], "1 model remains, but it has reliability warnings or damage."),
        (["poor", "damaged"], "2 models remain, but all have reliability warnings or damage."),
        (["poor"] * 3, "3 models remain, but all have reliability warnings or damage."),
        (["poor", "sound"], "2 models remain; without reliability warnings: m1."),
        (["sound"] * 5, "5 models remain; without reliability warnings: m0, m1, m2 and 2 more."),
    ],
)
def test_what_remains_says_whether_any_can_be_relied_on(found, others, words):
    shelf = [found(f"m{number}", how) for number, how in enumerate(others)]
    assert remaining_sentence(shelf) == words


def test_in_a_demonstration_models_are_looked_at_and_nothing_is_offered(models, monkeypatch):
    monkeypatch.setenv("PNEUMO_DEMO", "1")
    page = opened()
    assert "in service: tiny" in html(page)
    offered = {button.key for button in page.button}
    assert not {key for key in offered if key.startswith(("models.activate", "models.delete"))}
    assert len(page.file_uploader) == 0


def test_a_page_for_trainers_does_not_open_by_its_address_for_others(models, monkeypatch):
    monkeypatch.setenv("PNEUMO_DEMO", "1")
    page = AppTest.from_file(str(APP.parent / "pages" / "training.py"), default_timeout=300).run()
    assert not page.exception
    assert [one.value for one in page.warning] == ["Your role does not include the page Training."]
    assert len(page.button) == 0


def test_a_zip_comes_in(models, zipped):
    shutil.rmtree(models / "tiny")
    page = opened()
    assert "is missing, so no film can be read" in page.warning[0].value
    dropped(page, zipped)
    assert bundle_names(models) == ["other", "spoilt", "tiny"]
    assert page.toast[0].value.startswith("tiny 1.0 is imported.")
    assert page.warning == []


def test_a_taken_name_asks_what_to_do(models, zipped):
    page = dropped(opened(), zipped)
    assert "holds a model named tiny, which exists already" in page.warning[0].value
    assert "That model is in service" in page.warning[0].value
    assert page.text_input[0].value == "tiny-2"
    page.text_input[0].set_value("renamed")
    click(page, "models.rename")
    assert bundle_names(models) == ["other", "renamed", "spoilt", "tiny"]
    assert active_name(models) == "tiny"


def test_a_model_may_be_replaced_or_left(models, zipped):
    (models / "tiny" / "README.md").write_text("Altered.")
    page = click(dropped(opened(), zipped), "models.leave")
    assert page.warning == []
    assert (models / "tiny" / "README.md").read_text() == "Altered."
    click(dropped(page, zipped), "models.replace")
    assert (models / "tiny" / "README.md").read_text() != "Altered."


def test_a_zip_that_is_refused_says_why_until_the_next(models, zipped):
    before = bundle_names(models)
    page = dropped(opened(), b"no zip", "photo.zip")
    assert page.error[-1].value.startswith("photo.zip: nothing was imported. Expected a model bun")
    page = dropped(page.run(), zipped.replace(b"Calls bright", b"Calls BRIGHT"), "spoilt.zip")
    click(page, "models.replace")
    assert page.error[-1].value.startswith("spoilt.zip: Nothing was imported.")
    assert "is damaged and cannot be unpacked" in page.error[-1].value
    assert bundle_names(models) == before
