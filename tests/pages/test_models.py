"""The Models screen: empty, filled, with a damaged bundle, and everything its buttons do."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.ui import cache
from pages.ui.models.facts import facts, headline, looked_at, of_what
from pages.ui.models.model_card import safe_markdown
from pages.ui.plain import plain
from pneumo_core import DISCLAIMER
from pneumo_core.bundle import active_name, bundle_names, transfer
from pneumo_core.bundle.integrity import write_sums
from pneumo_core.review.ledger import Look

APP = Path(__file__).resolve().parents[2] / "app.py"
PAGE = str(APP.parent / "pages" / "models.py")


@pytest.fixture
def models(tiny_models_dir, tmp_path, monkeypatch):
    """A folder with "tiny" in service, "other" and the damaged "spoilt"; nothing is really read."""
    folder = shutil.copytree(tiny_models_dir, tmp_path / "models")
    for name in ("other", "spoilt"):
        shutil.copytree(folder / "tiny", folder / name)
    (folder / "spoilt" / "README.md").write_text("Altered.")
    monkeypatch.setenv("PNEUMO_MODELS", str(folder))
    monkeypatch.setattr(cache, "reader_of", lambda bundle: bundle)
    monkeypatch.setattr(transfer, "try_out", lambda _: None)
    st.cache_data.clear()
    return folder


@pytest.fixture
def zipped(tiny_models_dir):
    return transfer.export_bundle("tiny", models_dir=tiny_models_dir)


def opened():
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not page.exception
    return page


def html(page):
    return "\n".join(element.proto.body for element in page.get("html"))


def click(page, key):
    page.button(key=key).click().run()
    assert not page.exception
    return page


def dropped(page, content, name="model.zip"):
    page.file_uploader[0].set_value((name, content, "application/zip")).run()
    assert not page.exception
    return page


def test_without_a_model_the_page_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMO_MODELS", str(tmp_path))
    page = AppTest.from_file(str(APP), default_timeout=30).run().switch_page("pages/models.py")
    page.run()
    assert not page.exception
    assert "There is no model yet." in html(page)
    assert "python -m pneumo_core train DATA --activate" in html(page)
    assert "no model in service" in html(page)
    assert page.file_uploader[0].label == "Import a model: drop the zip that Export made"
    (link,) = page.get("page_link")
    assert (link.proto.label, link.proto.page) == ("Train a model", "training")


def test_every_model_is_shown_the_one_in_service_first_damage_in_words(models, tiny_bundle):
    page = opened()
    titles = html(page).split("<h2>")[1:]
    assert [title.split(" <small>")[0] for title in titles] == ["tiny", "other", "spoilt"]
    assert "▶ In service" in titles[0]
    assert "▶ In service" not in titles[1]
    assert "✓ Every file unaltered, checked at " in titles[1]
    assert "✕ Damaged" in titles[2]
    (error,) = page.error
    assert error.value.startswith("Model spoilt: README.md has been altered: expected SHA-256")
    for words in ("0.994 [0.990–0.998]", "64 × 64 pixels", tiny_bundle.digest, "CC BY 4.0"):
        assert words in titles[0]
    assert str(models) not in html(page) + error.value


def test_what_can_be_done_depends_on_how_a_model_stands(models):
    page = opened()
    keys = {button.key for button in page.button}
    keys |= {button.key for button in page.get("download_button")}

    def offered(name):
        return {key.split(".")[1] for key in keys if key.endswith(f".{name}")}

    assert offered("tiny") == {"card", "verify", "export"}
    assert offered("other") == {"activate", "card", "verify", "export", "delete"}
    assert offered("spoilt") == {"card", "verify", "delete"}


def test_another_model_is_put_in_service(models):
    page = click(opened(), "models.activate.other")
    assert active_name(models) == "other"
    assert "in service: other" in html(page)
    assert page.toast[0].value.startswith("other 1.0 is in service: Diagnose reads with it")
    titles = html(page).split("<h2>")[1:]
    assert titles[0].startswith("other ")


def worthless(models, name="other"):
    """Make it a model of no worth, by its card."""
    card = json.loads((models / name / "card.json").read_text())
    card["figures"] = {"auc": {"value": 0.63, "low": 0.45, "high": 0.8}, "films": 67}
    card["data"] = {"films": 340, "drawn_films": 340, "source": "Drawn by Pneumo; no child's film."}
    (models / name / "card.json").write_text(json.dumps(card))
    write_sums(models / name)


def test_a_model_of_no_worth_says_so_and_is_put_in_service_after_a_question(models):
    worthless(models)
    page = opened()
    tiny, other, _ = html(page).split("<h2>")[1:]
    assert "pn-caution" not in tiny
    for words in (
        "Do not rely on this model:",
        "<li>It learnt from drawings of this program",
        "It was measured on 67 films",
        "AUC 0.630 [0.450–0.800], where 0.5 is guessing.",
        "<dd>Drawn by Pneumo; no child&#x27;s film.</dd>",
        "<dd>data drawn by Pneumo; no child&#x27;s film</dd>",
        "<summary>tiny, 64 × 64 pixels, ",
        " MB, trained on 340 films</summary>",
    ):
        assert words in other
    click(page, "models.activate.other")
    assert active_name(models) == "tiny"
    assert html(page).count("where 0.5 is guessing") == 2
    click(page, "models.service.no")
    assert active_name(models) == "tiny"
    click(click(page, "models.activate.other"), "models.service.yes")
    assert active_name(models) == "other"
    assert page.toast[0].value.startswith("other 1.0 is in service")
    assert not [button for button in page.button if button.key == "models.service.yes"]


def test_the_foot_and_diagnose_follow_the_model_in_service(models, monkeypatch):
    monkeypatch.setattr(cache, "warm_up", lambda *_: True)
    worthless(models)
    page = AppTest.from_file(str(APP), default_timeout=30)
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
        "other": f"{plain_sentence} Trained on films drawn by Pneumo, none of them a child&#x27;s.",
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


def test_a_model_is_verified_again_when_asked(models):
    page = opened()
    card = models / "other" / "card.json"
    click(page, "models.verify.other")
    assert page.toast[0].value == "other: every file is there and as it was recorded."
    card.write_bytes(card.read_bytes() + b" ")
    click(page, "models.verify.other")
    assert page.toast[0].value == "other is damaged; its card says how."
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
    assert "**other** and all its files will be gone for good" in page.markdown[-1].value
    click(page, "models.delete.no")
    assert "other" in bundle_names(models)
    assert not [button for button in page.button if button.key == "models.delete.yes"]
    click(click(page, "models.delete.other"), "models.delete.yes")
    assert bundle_names(models) == ["spoilt", "tiny"]
    assert "other" not in html(page)


def test_a_zip_comes_in(models, zipped):
    shutil.rmtree(models / "tiny")
    page = opened()
    assert "is not there any more: no film can be read" in page.warning[0].value
    dropped(page, zipped)
    assert bundle_names(models) == ["other", "spoilt", "tiny"]
    assert page.toast[0].value.startswith("tiny 1.0 is there.")
    assert page.warning == []


def test_a_taken_name_asks_what_to_do(models, zipped):
    page = dropped(opened(), zipped)
    assert "holds a model named tiny, and there is one already" in page.warning[0].value
    assert "It is in service" in page.warning[0].value
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


# -- words


def test_a_damaged_model_in_service_is_told_in_the_heading(models):
    (models / "tiny" / "card.json").unlink()
    page = opened()
    assert "in service: tiny, damaged" in html(page)
    keys = {button.key for button in page.button}
    assert "models.delete.tiny" not in keys
    assert "models.activate.other" in keys


def test_the_name_of_a_file_is_no_markdown():
    assert plain("`a` ![x](u) *b* $c$ ~d~ \\") == "\\`a\\` !\\[x\\](u) \\*b\\* \\$c\\$ \\~d\\~ \\\\"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](https://evil.org/p.png)", "!\\[x](https://evil.org/p.png)"),
        ("!![x](u)", "!!\\[x](u)"),
        ("# One\n## Two\ntext # no", "### One\n#### Two\ntext # no"),
        (":material/home: :red[x]", "\\:material/home: \\:red[x]"),
        ("doi: 10.1, P(x) 1:2", "doi: 10.1, P(x) 1:2"),
        ("$x$", "\\$x\\$"),
    ],
)
def test_what_others_wrote_is_shown_as_text(text, shown):
    assert safe_markdown(text) == shown


def test_the_words_of_a_card(tiny_bundle):
    card = tiny_bundle.card | {
        "training": {"finished": "2026-11-20", "seconds": 2372, "preset": "standard",
                     "machine": "2 CPU cores"},
        "data": {"films": 5216, "validation_films": 1044, "groups": 3654, "normal": 1341,
                 "bacterial": 2530, "viral": 1345},
        "network": {"backbone": "ResNet50V2", "parameters": 8580611, "weights_licence": "Apache"},
    }  # fmt: skip
    rows = dict(facts(replace(tiny_bundle, card=card), 35_300_000, []))
    assert rows["Trained"] == "20 November 2026; in 40 min; preset standard; 2 CPU cores"
    assert rows["Training films"] == (
        "5,216 films of 3,654 patients: 1,341 normal, 2,530 bacterial, 1,345 viral; "
        "1,044 of them held out for validation"
    )
    assert rows["Network"] == "ResNet50V2; 8,580,611 parameters"
    assert rows["Licences"] == "data CC BY 4.0; weights Apache"
    assert rows["On disk"] == "35.3 MB"
    assert rows["Test films"] == "never looked at on this machine"


def test_the_least_card_has_no_figures_and_no_gaps(tiny_bundle):
    assert headline({}) == []
    assert headline({"figures": {"AUC": None, "sensitivity": 0.9}}) == [("sensitivity", "0.9")]
    assert of_what({"figures": {"films": 1044}}).startswith("on 1,044 validation films, unseen")
    assert of_what({}).startswith("on validation films")


def test_looks_at_test_films_are_counted_with_those_of_earlier_models():
    def look(day, digest):
        return Look(f"2026-11-{day}T10:00:00+00:00", "1.0", digest, "d", "test", 624, {}, "0.1")

    new, old = "a" * 16, "b" * 16
    assert (
        looked_at([look(20, new)], "a" * 64) == "looked at once; the last time on 20 November 2026"
    )
    assert looked_at([look(20, old), look(21, new), look(22, new)], "a" * 64) == (
        "looked at 3 times, 1 of them with an earlier model of this name; "
        "the last time on 22 November 2026"
    )
