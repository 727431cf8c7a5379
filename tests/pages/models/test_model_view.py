"""The Models screen: empty, filled, with a damaged bundle; verified, looked at, deleted."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from pneumo_core.bundle import bundle_names
from tests.pages.models.models_page import APP, click, html, opened


def test_without_a_model_the_page_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMO_MODELS", str(tmp_path / "models"))
    page = AppTest.from_file(str(APP), default_timeout=300).run().switch_page("pages/models.py")
    page.run()
    assert not page.exception
    assert "There is no model yet." in html(page)
    assert "no model in service" in html(page)
    assert page.file_uploader[0].label == "Import a model: drop an exported zip here"
    (link,) = page.get("page_link")
    assert (link.proto.label, link.proto.page) == ("Train a model", "training")


def test_every_model_is_shown_the_one_in_service_first_damage_in_words(models, tiny_bundle):
    page = opened()
    titles = html(page).split("<h2>")[1:]
    assert [title.split(" <small>")[0] for title in titles] == ["tiny", "other", "spoilt"]
    assert "▶ In service" in titles[0]
    assert "▶ In service" not in titles[1]
    assert "✓ All files unaltered, checked at " in titles[1]
    assert "✕ Damaged" in titles[2]
    (error,) = page.error
    assert error.value.startswith("Model spoilt: README.md has been altered: expected SHA-256")
    for words in (
        '0.994</span> <span class="pn-unbroken">[0.990–0.998]',
        "64 × 64 pixels",
        tiny_bundle.digest,
        "CC BY 4.0",
    ):
        assert words in titles[0]
    assert str(models) not in html(page) + error.value


def test_what_can_be_done_depends_on_how_a_model_stands(models):
    page = opened()
    keys = {button.key for button in page.button}
    keys |= {button.key for button in page.get("download_button")}

    def offered(name):
        return {key.split(".")[1] for key in keys if key.endswith(f".{name}")}

    assert offered("tiny") == {"tofit", "card", "verify", "export"}
    assert offered("other") == {"activate", "tofit", "card", "verify", "export", "delete"}
    assert offered("spoilt") == {"card", "verify", "delete"}
    told = [one.value for one in page.caption if "cannot be deleted" in one.value]
    assert told == ["The model in service cannot be deleted. Put another one in service first."]


def test_a_model_is_verified_again_when_asked(models):
    page = opened()
    card = models / "other" / "card.json"
    click(page, "models.verify.other")
    assert page.toast[0].value == "other: all files are present and unaltered."
    card.write_bytes(card.read_bytes() + b" ")
    click(page, "models.verify.other")
    assert page.toast[0].value == "other is damaged; see its entry for details."
    assert any("Model other: card.json has been altered" in error.value for error in page.error)


def test_damage_is_seen_without_being_asked(models):
    page = opened()
    (models / "other" / "predictions.csv").unlink()
    page.run()
    assert any("expected the file predictions.csv" in error.value for error in page.error)


def test_the_model_card_opens(models):
    page = click(opened(), "models.card.tiny")
    assert any("### Tiny, a network for tests" in text.value for text in page.markdown)


def test_a_model_is_deleted_only_when_confirmed(models):
    page = click(opened(), "models.delete.other")
    (asked,) = [one.value for one in page.markdown if "**other**" in one.value]
    assert "Export it first to be able to restore it." in asked
    assert "It has no reliability warnings: AUC 0.994" in asked
    assert page.warning[-1].value == "2 models remain; without reliability warnings: tiny."
    assert "models.delete.export" in {one.key for one in page.get("download_button")}
    click(page, "models.delete.no")
    assert "other" in bundle_names(models)
    assert not [button for button in page.button if button.key == "models.delete.yes"]
    click(click(page, "models.delete.other"), "models.delete.yes")
    assert bundle_names(models) == ["spoilt", "tiny"]
    assert not [b for b in page.button if b.key == "models.delete.other"]
