"""The Diagnose page, run by Streamlit's own tester: empty, filled, and with bad input."""

import logging
import threading

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import cache, state
from pages.ui.diagnose import upload
from pneumo_core import DISCLAIMER
from pneumo_core.errors import BundleError
from tests import ROOT
from tests.bundle.bundle_zips import zipped
from tests.pages.diagnose.test_verdict import answer
from tests.pages.seen import button, drop, html_of, no_trace, wait_for


def names_in_table(page):
    return page.dataframe[0].value["file"].tolist()


def test_an_empty_page_says_what_to_do_and_what_it_is(page):
    page.run()
    html = html_of(page)
    assert "Drop a frontal chest film above, or try a sample." in html
    assert "model in service: stand-in 1.0" in html
    assert DISCLAIMER.rstrip(".") in html
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
                "◆ Uncertain: for a radiologist to report",
                "50\xa0%",
                "Between the two thresholds: a radiologist should read this film.",
            ),
        ),
        (30, ("● No sign of pneumonia", "12\xa0%", "This does not exclude pneumonia.")),
    ],
)
def test_a_film_is_answered_in_words_number_scale_and_picture(page, png, viewer, grey, answer):
    title, number, why = answer
    drop(page.run(), ("film.png", png(grey)))
    html = html_of(page)
    assert title in html
    assert f"<strong>{number}</strong> probability of pneumonia" in html
    assert "(mirrored, cropped or shifted)" in html
    assert 'class="pn-scale" role="img"' in html
    assert why in html
    assert "mostly the left upper zone" in html.lower()
    assert "film.png" in html
    shown = {name: viewer.data[name] for name in ("view", "opacity", "outline", "width", "height")}
    assert shown == {"view": "Blend", "opacity": 45, "outline": False, "width": 120, "height": 100}
    assert names_in_table(page) == ["film.png"]
    assert no_trace(page)


def test_subtypes_are_exploratory_explained_and_left_out_where_there_is_no_sign(page, png):
    drop(page.run(), ("ill.png", png(225)))
    assert "If pneumonia: bacterial 70\xa0%, viral 30\xa0%" in html_of(page)
    assert "cannot reliably tell bacterial from viral" in html_of(page)
    drop(page, ("well.png", png(30)))
    assert "bacterial" not in html_of(page)


def test_what_is_chosen_in_the_viewer_is_kept_without_reading_again(page, png, reader, viewer):
    drop(page.run(), ("film.png", png(225)))
    for view in ("Film", "Map", "Side by side", "Blend"):
        viewer.choose(view, 80, outline=True)
        page.run().run()
        assert (viewer.data["view"], viewer.data["opacity"]) == (view, 80)
        assert viewer.data["outline"]
    assert page.session_state["diagnose.picture"] == ("Blend", 80)
    assert reader.films == 1
    assert no_trace(page)


def test_a_broken_file_is_named_with_its_reason_beside_the_good_ones(page, png):
    drop(page.run(), ("good.png", png(225)), ("broken.png", b"\x89PNG\r\n"), ("well.png", png(30)))
    assert names_in_table(page) == ["good.png", "well.png", "broken.png"]
    html = html_of(page)
    assert "<strong>broken.png</strong> Not read: " in html
    assert "▲ Signs of pneumonia" in html
    assert "3 of at most 500 films" in html
    assert no_trace(page)


def test_a_broken_file_alone_says_why_and_shows_no_probability(page):
    drop(page.run(), ("notes.txt", b"hello"))
    html = html_of(page)
    assert "✕ Not read" in html
    assert "This file has no result" in html
    assert "pn-scale" not in html
    assert not page.get("bidi_component")
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


def test_the_view_chosen_outlasts_a_film_that_has_none(page, png, viewer):
    drop(page.run(), ("a.png", png(225)), ("broken.png", b"x"), ("c.png", png(30)))
    viewer.choose("Map")
    page.run()
    for _ in range(2):
        page.button(key="diagnose.next").click().run()
    viewer.data = {}
    page.button(key="diagnose.previous").click().run()
    assert viewer.data["view"] == "Map"


def test_the_same_film_is_not_read_twice(page, png, reader):
    drop(page.run(), ("a.png", png(225)))
    drop(page, ("a.png", png(225)))
    assert page.toast[0].value == "a.png is already in the list and was not read again."
    drop(page, ("copy.png", png(225)), ("other.png", png(225)))
    assert [toast.value for toast in page.toast] == [
        "2 films are already in the list and were not read again."
    ]
    assert reader.films == 1
    assert names_in_table(page) == ["a.png", "copy.png", "other.png"]


def test_a_zip_of_films_is_read_and_what_is_left_out_is_counted(page, png, reader, monkeypatch):
    files = {"a/one.png": png(225), "b/one.png": png(30), "notes.txt": b"hello", ".DS_Store": b"x"}
    drop(page.run(), ("films.zip", zipped(files)), ("alone.png", png(128)))
    assert names_in_table(page) == ["a/one.png", "alone.png", "b/one.png"]
    assert [warning.value for warning in page.warning] == [
        "films.zip: 2 films read, 2 files left out (1 of the system, 1 no picture)."
    ]
    assert no_trace(page)

    monkeypatch.setattr(state, "MAX_FILMS", 4)
    more = {f"{grey}.png": png(grey) for grey in (100, 110, 120)}
    drop(page, ("more.zip", zipped(more)))
    assert page.warning[0].value == "more.zip: 1 film read, 2 files left out (2 beyond the limit)."
    assert reader.films == 4


def test_a_zip_that_cannot_be_opened_is_said_beside_the_films(page, png):
    drop(page.run(), ("bad.zip", zipped({"a.png": png(30)})[:-30]), ("b.png", png(225)))
    assert page.warning[0].value.startswith("bad.zip: This ZIP file is damaged or protected")
    assert names_in_table(page) == ["b.png"]


def test_a_cancelled_drop_is_let_go_and_what_was_read_stays(page, png, reader, monkeypatch):
    monkeypatch.setattr(upload, "PATIENCE", 0.0)
    monkeypatch.setattr(upload, "follow_intake", lambda _: None)
    go, read = threading.Event(), reader.read

    def slow(film):
        go.wait(600)
        return read(film)

    monkeypatch.setattr(reader, "read", slow)
    drop(page.run(), ("a.png", png(225)), ("b.png", png(30)), ("c.png", png(40)))
    intake = page.session_state["diagnose.intake"]
    assert "Drop a frontal chest film above" in html_of(page)  # the page does not wait for them
    assert page.get("progress")[0].proto.text == "Reading 1 of 3: a.png"
    button(page, "Cancel").click().run()
    go.set()
    assert intake.ended.wait(600)
    page.run()
    assert page.warning[0].value == ("Cancelled: 2 files were not read. Those read are kept.")
    assert names_in_table(page) == ["a.png"]
    assert reader.films == 1


def test_the_list_grows_while_a_drop_is_read(page, png, reader, monkeypatch):
    monkeypatch.setattr(upload, "PATIENCE", 0.0)
    monkeypatch.setattr(upload, "follow_intake", lambda _: None)
    turn, read = threading.Semaphore(0), reader.read

    def slow(film):
        turn.acquire()
        return read(film)

    monkeypatch.setattr(reader, "read", slow)
    drop(page.run(), *((f"{grey}.png", png(grey)) for grey in (30, 225, 128)))
    intake = page.session_state["diagnose.intake"]
    for done in (1, 2):
        turn.release()
        wait_for(lambda done=done: intake.done == done)
    page.run()
    assert names_in_table(page) == ["225.png", "30.png"]
    assert 'class="pn-name">30.png' in html_of(page)  # what is looked at stays
    page.button(key="diagnose.previous").click().run()
    turn.release()
    assert intake.ended.wait(600)
    page.run()
    assert names_in_table(page) == ["225.png", "128.png", "30.png"]
    assert 'class="pn-name">225.png' in html_of(page)
    assert "diagnose.intake" not in page.session_state


def test_the_first_answer_of_a_drop_is_shown_while_the_next_film_is_read(
    page, png, reader, monkeypatch
):
    monkeypatch.setattr(upload, "PATIENCE", 0.0)
    for pause in ("_SECONDS", "_PAGE_SECONDS"):  # nothing is shown because time is over
        monkeypatch.setattr(upload, pause, 600.0)
    followed, shown, in_time = threading.Event(), threading.Event(), []
    read, draw = reader.read, upload._draw

    def slow(film):
        in_time.append((shown if reader.films else followed).wait(600))
        return read(film)

    def drawn(place, intake):
        followed.set()
        if state.films():
            shown.set()
        draw(place, intake)

    monkeypatch.setattr(reader, "read", slow)
    monkeypatch.setattr(upload, "_draw", drawn)
    drop(page.run(), ("a.png", png(30)), ("b.png", png(225)))
    assert in_time == [True, True]
    assert names_in_table(page) == ["b.png", "a.png"]
    assert no_trace(page)


def test_the_list_is_filtered_by_decision_verdict_and_note(page, png):
    drop(page.run(), ("a.png", png(225)), ("b.png", png(30)), ("c.png", png(128)))
    answer(page, agreement="disagree", finding="normal", note="Rotated.", reader="Ada")
    button(page, "Save verdict").click().run()
    row = page.dataframe[0].value.iloc[0]
    assert (row["file"], row["verdict"], row["note"]) == (
        "a.png",
        "disagrees with the model; finding: normal",
        "Rotated.",
    )
    page.selectbox(key="worklist.verdict").set_value("Without a verdict").run()
    assert names_in_table(page) == ["c.png", "b.png"]
    page.selectbox(key="worklist.verdict").set_value("disagree").run()
    assert names_in_table(page) == ["a.png"]
    page.selectbox(key="worklist.verdict").set_value("Any")
    page.multiselect(key="worklist.decision").set_value(["● No sign of pneumonia"]).run()
    assert names_in_table(page) == ["b.png"]
    page.text_input(key="worklist.note").set_value("rotated").run()
    assert [one.value for one in page.info] == ["No film matches the filter."]
    page.multiselect(key="worklist.decision").set_value([]).run()
    assert names_in_table(page) == ["a.png"]
    assert no_trace(page)


def test_the_limit_is_said_before_and_a_reload_asks(page, png):
    page.run()
    assert "up to 500 films in the list" in page.file_uploader[0].label
    assert "onbeforeunload = null" in html_of(page)
    drop(page, ("a.png", png(225)))
    assert "onbeforeunload = (event)" in html_of(page)


def test_a_presentation_shows_films_and_answers_alone(page, png):
    drop(page.run(), ("a.png", png(225)), ("b.png", png(30)))
    page.toggle(key="diagnose.presenting").set_value(True).run()
    assert [one.label for one in page.toggle] == ["Presentation"]  # at once, in the same run
    assert "pn-presenting" in html_of(page)
    assert "▲ Signs of pneumonia" in html_of(page)
    assert not page.file_uploader
    assert not page.dataframe
    page.button(key="diagnose.next").click().run()
    assert 'class="pn-name">b.png' in html_of(page)
    page.toggle(key="diagnose.presenting").set_value(False).run()
    assert page.file_uploader
    assert names_in_table(page) == ["a.png", "b.png"]
    assert no_trace(page)


def test_the_glossary_explains_what_the_page_says(page):
    shown = html_of(page.run())
    assert "<dt>Stability range</dt>" in shown
    assert "Ruling-in point: nearly all normal films lie below it." in shown


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
    assert DISCLAIMER.rstrip(".") in html_of(page)
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
    assert DISCLAIMER.rstrip(".") in html_of(page)
    assert no_trace(page)
