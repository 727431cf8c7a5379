"""Metrics: the films behind each number, as tiles, as a gallery, one large."""

from types import SimpleNamespace

import numpy as np
import pytest

from pages.ui import cache
from pages.ui.components.threshold import cells_of, sums_html
from pages.ui.metrics import error_gallery
from pages.ui.metrics.error_gallery import facts_html, prediction_html, reading_html
from pages.ui.metrics.measures import measure
from pages.ui.metrics.predictions import find_folder
from pneumo_core.config import load_settings
from pneumo_core.dataset.index import index_folder
from pneumo_core.formatting import per_cent
from pneumo_core.metrics import Confusion, ThreeWay
from pneumo_core.synthetic.demo_data import write_marker
from tests.pages.metrics.metrics_page import POINTS, html, opened, subject_of


def test_films_that_are_not_here_are_asked_for(models, tmp_path):
    page = opened()
    assert "The model brings its predictions, not the images." in page.info[0].value
    page.text_input(key="metrics.where.typed").set_value("/no/such/place")
    page.button[-1].click().run()
    assert "Expected a folder" in page.error[0].value


def test_synthetic_films_are_not_taken_for_those_of_the_same_name(models, folder):
    write_marker(folder, index_folder(folder)["sha256"])
    place = find_folder(subject_of(models), load_settings())
    assert (place.rows, place.synthetic) == (None, True)
    told = opened().info[0].value
    assert told.startswith("Measured on its own validation films (60, such as ")
    assert "The open folder, films, holds synthetic films, none of these." in told
    assert told.endswith("To see the images, open their folder below.")


def test_the_gallery_shows_the_worst_errors_first(models, folder):
    subject = subject_of(models)
    of = error_gallery.cells(measure(subject.table, POINTS), 0.3)
    assert sum(len(of[name]) for name in ("found", "missed", "false alarms", "cleared")) == 60
    for name, rising in (("missed", True), ("false alarms", False)):
        p = of[name]["p_pneumonia"].tolist()
        assert p == sorted(p, reverse=not rising)
    place = find_folder(subject, load_settings())
    assert len(place.rows) == 60
    (tile, *_) = error_gallery.tiles(of["cleared"], place)
    assert tile.picture.startswith("data:image/jpeg")
    assert (tile.sign, tile.kind, tile.aspect) == ("●", "normal", 1.25)
    assert tile.caption == "label normal"
    p = per_cent(of["cleared"]["p_pneumonia"].iloc[0])
    assert tile.note.startswith(f"{p} pneumonia\n")
    assert opened().info == []


def test_a_film_opens_with_the_map_and_the_truth(models, folder, monkeypatch, reading):
    subject = subject_of(models)
    worst = error_gallery.cells(measure(subject.table, POINTS), 0.5)["missed"]["film"].iloc[0]
    asked = iter([worst])
    monkeypatch.setattr(error_gallery, "show_gallery", lambda *_, **__: next(asked, None))
    shown = reading(0.3, pixels=np.zeros((64, 80), np.uint8))
    reader = SimpleNamespace(read_bytes=lambda _: shown)
    monkeypatch.setattr(cache, "reader_of", lambda _: reader)
    page = opened()
    told = html(page)
    assert "Pneumonia, missed" in told
    assert "below the threshold of 50\xa0%" in told
    assert "mostly the left upper zone" in told
    # The tiny model's list of films does not name this one: the file is another than was measured.
    assert "<dt>This map</dt><dd>30\xa0%: this file differs from the one that was evaluated" in told
    assert "80 × 64 pixels" in told
    assert not page.error


def test_cells_are_right_on_the_left_and_wrong_on_the_right():
    tiles = cells_of(Confusion(tp=8, fp=3, tn=7, fn=2), Confusion(tp=4, fp=1, tn=2, fn=0))
    assert [(one.name, one.count, one.of, one.referred, one.wrong) for one in tiles] == [
        ("found", 8, 10, 4, False),
        ("missed", 2, 10, 0, True),
        ("cleared", 7, 10, 2, False),
        ("false alarms", 3, 10, 1, True),
    ]


def test_the_sums_are_written_out_for_two_answers_and_for_three():
    three = ThreeWay(Confusion(tp=4, fp=2, tn=5, fn=2), referred_sick=4, referred_well=3)
    told = sums_html(Confusion(tp=8, fp=3, tn=7, fn=2), three)
    assert "10 with pneumonia = 8 found + 2 missed" in told
    assert "10 normal = 7 cleared + 3 false alarms; 20 films in all" in told
    assert "20 films = ◆ 7 referred + 13 answered, of these 2 missed and 2 false alarms" in told


def test_a_prediction_of_another_network_than_the_map_says_both_numbers(reading):
    row = SimpleNamespace(p_pneumonia=0.31)
    told = reading_html(reading(0.84), row, trained_on=True)
    assert "<dd>31\xa0%, by a network not trained on this film</dd>" in told
    assert "<dd>84\xa0%, by the shipped network, which was trained on this film</dd>" in told
    same = reading_html(reading(0.31), row, trained_on=True)
    assert same.count("31\xa0%,") == 2
    other = reading_html(reading(0.84), row, trained_on=False)
    assert "<dd>31\xa0%</dd>" in other
    assert "84\xa0%: this file differs from the one that was evaluated" in other
    assert "This map" not in reading_html(reading(0.32), row, trained_on=False)


@pytest.mark.parametrize(
    ("p", "answer"), [(0.19, "● No sign"), (0.2, "◆ Uncertain"), (0.8, "▲ Signs")]
)
def test_the_verdict_says_what_three_answers_would_be(p, answer):
    row = SimpleNamespace(label="pneumonia", p_pneumonia=p)
    assert f"three-way decision: {answer}" in prediction_html(row, 0.5, POINTS)


def test_words_of_strangers_stay_words(models):
    row = SimpleNamespace(
        label="normal", p_pneumonia=0.9, subtype="normal", group="<b>", split="x", film="<i>.png"
    )
    assert "Normal, false alarm" in prediction_html(row, 0.5, POINTS)
    assert "<b>" not in facts_html(row, {})
    assert "&lt;i&gt;.png" in facts_html(row, {})
