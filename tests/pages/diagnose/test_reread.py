"""Readings of another model than the one in service, and of films that a model has seen."""

import hashlib

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.ui.diagnose.reread import (
    EVALUATED_ON,
    READ_AGAIN,
    TRAINED_ON,
    evidence_html,
    is_old,
    model_of,
)
from pages.ui.diagnose.worklist import table
from pages.ui.session_film import make_entry
from pneumo_core.dataset.similarity import perceptual_hash
from pneumo_core.imaging.film import SourceFacts
from pneumo_core.synthetic.appearance import synthetic_film
from tests import ROOT
from tests.pages.seen import button, html_of, no_trace

OLD = "Read with stand-in 1.0, not the model in service."


@pytest.fixture
def page(reader):
    return AppTest.from_file(str(ROOT / "pages" / "diagnose.py"), default_timeout=300)


def drop(page, *files):
    page.file_uploader[0].set_value([(name, data, "image/png") for name, data in files])
    return page.run()


def test_after_another_model_took_over_each_film_says_what_read_it(page, png, bundle):
    drop(page.run(), ("a.png", png(225)), ("b.png", png(30)))
    assert OLD not in html_of(page)
    assert "model" not in page.dataframe[0].value
    bundle.name, bundle.digest = "newer", "1" * 64
    page.run()
    assert OLD in html_of(page)
    assert page.dataframe[0].value["model"].tolist() == ["stand-in 1.0"] * 2
    drop(page, ("c.png", png(128)))
    assert page.dataframe[0].value["file"].tolist() == ["a.png", "c.png", "b.png"]
    assert OLD not in html_of(page)  # of c.png, which is shown
    assert no_trace(page)


def test_one_film_is_read_again_in_its_place_then_all(page, png, bundle, reader):
    drop(page.run(), ("a.png", png(225)), ("b.png", png(30)), ("broken.png", b"x"))
    bundle.name, bundle.digest = "newer", "1" * 64
    page.run()
    page.button(key="diagnose.again").click().run()
    assert reader.films == 4
    html = html_of(page)
    assert OLD not in html
    assert READ_AGAIN in html
    assert "▲ Signs of pneumonia" in html
    button(page, "Read 1 film again with newer 1.0").click().run()
    rows = page.dataframe[0].value
    assert rows["file"].tolist() == ["a.png", "b.png", "broken.png"]
    assert "again with" not in " ".join(one.label for one in page.button)
    assert no_trace(page)


def test_a_table_of_two_models_names_them(reading, bundle):
    entries = [
        make_entry("a.png", "a", reading(0.9), bundle),
        make_entry("b.png", "b", reading(None), bundle),
        make_entry("c.png", "c", reading(0.1, bundle="newer 1.0"), bundle),
    ]
    assert "model" not in table(entries[:2], bundle)
    assert table(entries, bundle)["model"].tolist() == ["stand-in 1.0", "–", "newer 1.0"]


def test_the_same_name_and_version_is_another_model_where_its_files_changed(reading, bundle):
    entry = make_entry("a.png", "c", reading(0.9), bundle)
    assert not is_old(entry, bundle)
    bundle.digest = "1" * 64
    assert is_old(entry, bundle)
    assert model_of(entry, bundle) == "stand-in 1.0, since replaced"
    assert table([entry], bundle)["model"].tolist() == ["stand-in 1.0, since replaced"]


def test_what_was_not_read_is_no_answer_of_any_model(reading, bundle):
    entry = make_entry("a.png", "c", reading(None), bundle)
    bundle.digest = "1" * 64
    assert not is_old(entry, bundle)
    assert evidence_html(entry, bundle) == evidence_html(entry, None) == ""


def test_a_film_the_model_was_trained_on_in_another_size_is_recognised(reading, bundle):
    small = synthetic_film("viral", 3, size=224)
    (bundle.path / "films.phash").write_text(f"{perceptual_hash(small)} t\n")
    facts = SourceFacts("PNG", 900, 700, 8, "grey", 1, "0" * 64, 0.0)
    original = np.asarray(Image.fromarray(small).resize((900, 700)))
    entry = make_entry("a.png", "a", reading(0.9, pixels=original, facts=facts), bundle)
    assert TRAINED_ON in evidence_html(entry, None)
    other = reading(0.9, pixels=synthetic_film("viral", 4, size=300), facts=facts)
    assert TRAINED_ON not in evidence_html(make_entry("b.png", "b", other, bundle), None)


@pytest.mark.parametrize(
    ("role", "says"), [("t", TRAINED_ON), ("tv", TRAINED_ON), ("v", EVALUATED_ON), ("", "")]
)
def test_a_film_that_the_model_has_seen_is_told(page, png, bundle, role, says):
    known = hashlib.sha256(png(225)).hexdigest()[:16]
    if role:
        (bundle.path / "films.sha256").write_text(f"{known} {role}\n")
    drop(page.run(), ("a.png", png(225)))
    told = [sentence for sentence in (TRAINED_ON, EVALUATED_ON) if sentence in html_of(page)]
    assert told == ([says] if says else [])
    drop(page, ("b.png", png(30)))
    assert not {TRAINED_ON, EVALUATED_ON} & set(html_of(page).split("\n"))
    assert TRAINED_ON not in html_of(page)
