import re

import pytest

from pages.ui.diagnose.result import in_words, scale_html, spoken_range


def lefts(html, name):
    return re.findall(rf'class="{name}[^"]*" style="left:([\d.]+)%', html)


def test_zones_points_range_and_mark_are_where_they_belong(reading):
    html = scale_html(reading(0.5, threshold_low=0.32, threshold_high=0.78))
    assert lefts(html, "pn-zone") == ["0.0", "32.0", "78.0"]
    assert re.findall(r"width:([\d.]+)%", html)[:3] == ["32.0", "46.0", "22.0"]
    assert lefts(html, "pn-point") == ["32.0", "78.0"]
    assert 'class="pn-range" style="left:45.0%;width:10.0%"' in html
    assert 'class="pn-mark pn-refer" style="left:50.0%">◆<' in html
    assert "screening 32 %" in html
    assert "ruling-in 78 %" in html


@pytest.mark.parametrize(
    ("p", "mark"),
    [(0.95, "pn-mark pn-pneumonia"), (0.5, "pn-mark pn-refer"), (0.05, "pn-mark pn-normal")],
)
def test_the_mark_has_the_sign_of_the_decision(reading, p, mark):
    assert mark in scale_html(reading(p))


def test_labels_end_and_start_at_their_points_so_that_they_never_meet(reading):
    html = scale_html(reading(0.5, threshold_low=0.5, threshold_high=0.52))
    assert '<span style="right:50.0%">screening 50 %</span>' in html
    assert '<span style="left:52.0%">ruling-in 52 %</span>' in html


def test_labels_near_an_end_are_held_there(reading):
    html = scale_html(reading(0.5, threshold_low=0.05, threshold_high=0.97))
    assert '<span style="left:0">screening 5 %</span>' in html
    assert '<span style="right:0">ruling-in 97 %</span>' in html


def test_a_screen_reader_hears_one_sentence(reading):
    sentence = (
        "Probability of pneumonia 50 %, 45–55 % under small re-framings, on a scale from 0 to "
        "100 %. Below 20 %: no sign of pneumonia; from 80 %: signs of pneumonia; between them: "
        "refer."
    )
    assert in_words(reading(0.5)) == sentence
    assert f'role="img" aria-label="{sentence}"' in scale_html(reading(0.5))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.79, 0.92, "79–92 %"), (0.92, 0.999, "92 to >99 %"), (0.001, 0.03, "<1 to 3 %")],
)
def test_a_range_stays_readable_at_the_ends(reading, low, high, words):
    assert spoken_range(reading(0.5, p_low=low, p_high=high)) == words
