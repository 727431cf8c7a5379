"""The Diagnose page, run by Streamlit's own tester: empty, filled, and with bad input."""

import logging

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import cache, state
from pneumo_core import DISCLAIMER
from pneumo_core.errors import BundleError
from tests import ROOT
from tests.pages.seen import drop, html_of, no_trace


def names_in_table(page):
    return page.dataframe[0].value["file"].tolist()


def test_an_empty_page_says_what_to_do_and_what_it_is(page):
    page.run()
    html = html_of(page)
    assert "Drop a frontal chest film above, or try a sample." in html
    assert "model in service: stand-in 1.0" in html
    assert DISCLAIMER in html
    assert len(page.button) == len(cache.samples())
    assert not page.dataframe
    assert not page.error
    assert no_trace(page)


@pytest.mark.parametrize(
    ("grey", "answer"),
    [
        (225, ("▲ Signs of pneumonia", "88\xa0%", "At or above the ruling-in threshold.")),
        (
            128,
            (
                "◆ Refer",
                "50\xa0%",
                "Between the two thresholds: a radiologist should read this film.",
            ),
        ),
        (30, ("● No sign of pneumonia", "12\xa0%", "This does not exclude pneumonia.")),
    ],
)
def test_a_film_is_answered_in_words_number_scale_and_picture(page, png, grey, answer):
    title, number, why = answer
    drop(page.run(), ("film.png", png(grey)))
    html = html_of(page)
    assert title in html
    assert f"<strong>{number}</strong> probability of pneumonia" in html
    assert "(small crops and shifts)" in html
    assert 'class="pn-scale" role="img"' in html
    assert why in html
    assert "Mostly the left upper zone" in html
    assert "film.png" in html
    assert len(page.image) == 1
    assert page.segmented_control[0].value == "Blend"
    assert page.slider[0].value == 45
    assert names_in_table(page) == ["film.png"]
    assert no_trace(page)


def test_subtypes_are_exploratory_explained_and_left_out_where_there_is_no_sign(page, png):
    drop(page.run(), ("ill.png", png(225)))
    assert "If pneumonia: bacterial 70\xa0%, viral 30\xa0%" in html_of(page)
    assert "cannot reliably tell bacterial from viral" in html_of(page)
    drop(page, ("well.png", png(30)))
    assert "bacterial" not in html_of(page)


def test_the_picture_is_switched_without_reading_again(page, png, reader):
    drop(page.run(), ("film.png", png(225)))
    for view, pictures in (("Film", 1), ("Map", 1), ("Side by side", 2), ("Blend", 1)):
        page.segmented_control[0].set_value(view).run()
        assert len(page.image) == pictures
        assert page.slider[0].disabled == (view in {"Film", "Map"})
    page.slider[0].set_value(80).run()
    assert page.session_state["diagnose.picture"] == ("Blend", 80)
    assert reader.films == 1
    assert no_trace(page)


def test_a_broken_file_is_named_with_its_reason_beside_the_good_ones(page, png):
    drop(page.run(), ("good.png", png(225)), ("broken.png", b"\x89PNG\r\n"), ("well.png", png(30)))
    assert names_in_table(page) == ["good.png", "well.png", "broken.png"]
    html = html_of(page)
    assert "<strong>broken.png</strong> Not read: " in html
    assert "▲ Signs of pneumonia" in html
    assert "3 films" in html
    assert no_trace(page)


def test_a_broken_file_alone_says_why_and_shows_no_probability(page):
    drop(page.run(), ("notes.txt", b"hello"))
    html = html_of(page)
    assert "✕ Not read" in html
    assert "This file has no result" in html
    assert "pn-scale" not in html
    assert not page.image
    assert no_trace(page)


def test_a_name_is_shown_as_text_never_as_markup(page, png):
    drop(page.run(), ("<img src=x onerror=alert(1)>.png", png(225)), ("<b>.png", b"x"))
    html = html_of(page)
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;.png" in html
    assert "<strong>&lt;b&gt;.png</strong>" in html


def test_previous_and_next_go_through_the_worklist(page, png):
    drop(page.run(), ("c.png", png(30)), ("a.png", png(225)), ("b.png", png(128)))
    assert names_in_table(page) == ["a.png", "b.png", "c.png"]
    shown = []
    for _ in range(3):
        shown.append(html_of(page).split('class="pn-name">')[1].split()[0])
        if not page.button(key="diagnose.next").disabled:
            page.button(key="diagnose.next").click().run()
    assert shown == ["a.png", "b.png", "c.png"]
    page.button(key="diagnose.previous").click().run()
    assert "2 of 3" in html_of(page)


def test_the_view_chosen_outlasts_a_film_that_has_none(page, png):
    drop(page.run(), ("a.png", png(225)), ("broken.png", b"x"), ("c.png", png(30)))
    page.segmented_control[0].set_value("Map").run()
    for _ in range(2):
        page.button(key="diagnose.next").click().run()
    assert not page.segmented_control
    page.button(key="diagnose.previous").click().run()
    assert page.segmented_control[0].value == "Map"


def test_the_same_film_is_not_read_twice(page, png, reader):
    drop(page.run(), ("a.png", png(225)))
    drop(page, ("a.png", png(225)))
    drop(page, ("copy.png", png(225)))
    assert reader.films == 1
    assert names_in_table(page) == ["a.png", "copy.png"]


def test_results_survive_the_loss_of_the_widgets(page, png, reader):
    drop(page.run(), ("a.png", png(225)))
    again = AppTest.from_file(str(ROOT / "pages" / "diagnose.py"), default_timeout=300)
    for key in ("diagnose.films", "diagnose.open", "diagnose.taken"):
        again.session_state[key] = page.session_state[key]
    again.run()
    assert "▲ Signs of pneumonia" in html_of(again)
    assert reader.films == 1


def test_clear_forgets_every_film(page, png):
    drop(page.run(), ("a.png", png(225)))
    next(button for button in page.button if button.label == "Clear").click().run()
    assert "Drop a frontal chest film above" in html_of(page)
    assert page.session_state["diagnose.films"] == {}


def test_a_sample_is_one_click_away_and_labelled_synthetic(page):
    page.run()
    sample = cache.samples()[0]
    page.button(key=f"diagnose.{sample.name}").click().run()
    html = html_of(page)
    assert '<span class="pn-badge">Synthetic</span>' in html
    assert sample.origin.split(";")[0] in html
    page.menu_button[0].set_value(cache.samples()[1].name).run()
    assert len(names_in_table(page)) == 2
    assert no_trace(page)


def test_a_full_list_refuses_films_and_says_so(page, png, monkeypatch):
    monkeypatch.setattr(state, "MAX_FILMS", 1)
    drop(page.run(), ("a.png", png(225)), ("b.png", png(30)))
    assert "<strong>b.png</strong> Not read: the list holds" in html_of(page)
    assert "clear the list" in html_of(page)


def test_another_model_reads_a_film_anew(page, png, reader, bundle):
    drop(page.run(), ("a.png", png(225)))
    bundle.digest = "1" * 64
    drop(page, ("a.png", png(225)))
    assert reader.films == 2


def test_without_a_model_a_sentence_says_what_to_do(page, monkeypatch):
    def none():
        raise BundleError("Expected a model in service. Choose one with: models activate NAME")

    monkeypatch.setattr(cache, "model_in_service", none)
    page.run()
    assert page.warning[0].value == (
        "There is no model in service, so no film can be read. "
        "Expected a model in service. Choose one with: models activate NAME"
    )
    assert not page.file_uploader
    assert DISCLAIMER in html_of(page)
    assert no_trace(page)


def test_a_model_that_breaks_is_told_in_words_and_the_films_stay(page, png, monkeypatch):
    drop(page.run(), ("a.png", png(225)))

    def broken(_):
        raise BundleError("Model stand-in: model.bin has been altered. Restore the bundle.")

    monkeypatch.setattr(cache, "reader_of", broken)
    drop(page, ("b.png", png(30)))
    assert page.error[0].value.startswith("Model stand-in: model.bin has been altered.")
    assert no_trace(page)


def test_what_nobody_foresaw_is_words_on_the_page_and_a_trace_in_the_log(page, monkeypatch, caplog):
    def fault():
        raise RuntimeError("secret detail")

    monkeypatch.setattr(cache, "model_in_service", fault)
    with caplog.at_level(logging.ERROR):
        page.run()
    assert "Something went wrong on this page." in page.error[0].value
    assert "secret detail" not in page.error[0].value
    assert "secret detail" in caplog.text
    assert DISCLAIMER in html_of(page)
    assert no_trace(page)
