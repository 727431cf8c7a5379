"""A model comes in as a zip, under which name, or is refused."""

from __future__ import annotations

import shutil

from pneumo_core.bundle import active_name, bundle_names
from tests.pages.models.models_page import click, dropped, opened


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
