import base64

import numpy as np
import pytest
import streamlit as st

from pages.ui import state
from pages.ui.diagnose.viewer import NOT_SENT, legend_html, viewed, windows
from pages.ui.html import decode_grey, jpeg
from pages.ui.session_film import full_picture, make_entry
from pneumo_core.imaging.film import SourceFacts
from pneumo_core.inference.predict import Decision
from tests.lungs import made_lungs

FILM = np.tile(np.linspace(0, 255, 400).astype(np.uint8), (300, 1))


def facts(**changes):
    given = {"format": "DICOM", "width": 4000, "height": 3000, "bits": 12, "mode": "grey"}
    return SourceFacts(**(given | {"n_bytes": 1, "sha256": "0" * 64, "chroma": 0.0} | changes))


def levels_of(picture):
    return decode_grey(base64.b64decode(picture.levels.split(",")[1]))


def test_the_viewer_has_the_size_of_the_original_and_its_pixel_spacing(reading):
    entry = make_entry("a", "c", reading(0.9, pixels=FILM, facts=facts(pixel_spacing_mm=0.139)))
    picture = viewed(entry, b"full")
    assert (picture.width, picture.height, picture.spacing) == (4000, 3000, 0.139)
    assert NOT_SENT not in picture.note
    assert "the model read the unchanged film" in picture.note
    assert viewed(entry).note.startswith(NOT_SENT)
    small = make_entry("a", "c", reading(0.9, pixels=FILM, facts=facts(width=400, height=300)))
    assert NOT_SENT not in viewed(small).note


def test_the_map_of_a_cleared_film_is_muted(reading):
    cam = np.ones((4, 4), np.float32)
    found = viewed(make_entry("a", "c", reading(0.9, pixels=FILM, cam=cam)))
    cleared = viewed(make_entry("a", "c", reading(0.05, pixels=FILM, cam=cam)))
    assert levels_of(found).shape == (192, 256)
    assert (levels_of(found).max(), levels_of(cleared).max()) == (255, 102)
    assert "map is muted" in legend_html(reading(0.05))
    assert "map is muted" not in legend_html(reading(0.9))


def test_without_a_map_there_is_none_to_switch_to_and_no_outline(reading):
    odd = reading(
        0.9, pixels=FILM, gate_ok=False, decision=Decision.REFER, lungs=made_lungs(300, 400)
    )
    picture = viewed(make_entry("a", "c", odd))
    assert (picture.levels, picture.outlines) == ("", [])


def test_the_outlines_are_shares_of_the_film(reading):
    picture = viewed(make_entry("a", "c", reading(0.9, pixels=FILM, lungs=made_lungs(300, 400))))
    right, left = picture.outlines
    assert (right.colour, left.colour) == ("rgb(86, 180, 233)", "rgb(230, 159, 0)")
    points = np.array(right.points)
    assert points.min(axis=0) == pytest.approx([1 / 8, 2 / 8], abs=0.01)
    assert points.max(axis=0) == pytest.approx([3 / 8, 6 / 8], abs=0.01)


def test_windows_follow_the_lungs_where_they_are_known(reading):
    film = np.full((300, 400), 200, np.uint8)
    film[75:225, 50:150] = film[75:225, 250:350] = 60
    film[150:200, 60:100] = 100
    found = windows(film, reading(0.9, lungs=made_lungs(300, 400)))
    assert found == {
        "Full range": (0.0, 255.0),
        "Lungs": (60.0, 100.0),
        "Bones and mediastinum": (60.0, 200.0),
    }
    assert windows(film, reading(0.9))["Lungs"] == (10.0, 150.0)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "The file's window"),
        ({"notes": ("no window: range of the pixels shown",)}, "Full range"),
        ({"format": "PNG"}, "Full range"),
    ],
)
def test_the_window_of_a_dicom_file_is_named(reading, changes, name):
    assert next(iter(windows(FILM, reading(0.9, facts=facts(**changes))))) == name


def test_full_pictures_are_kept_for_the_latest_films_as_far_as_they_fit(monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(state, "FULL_BYTES", 10)
    for name in ("a", "b", "c"):
        state.keep_full(name, b"1234")
    assert [bool(state.full_picture(name)) for name in ("a", "b", "c")] == [False, True, True]
    state.keep_full("large", b"1" * 50)
    assert len(state.full_picture("large")) == 50
    assert state.full_picture("c") == b""
    state.keep_full("none", b"")
    assert state.full_picture("none") == b""


def test_a_full_picture_is_made_only_of_a_film_larger_than_the_screen():
    assert full_picture(FILM) == b""
    assert decode_grey(full_picture(np.zeros((600, 1100), np.uint8))).shape == (600, 1100)
    assert decode_grey(full_picture(np.zeros((5000, 2500), np.uint8))).shape == (4096, 2048)
    assert decode_grey(jpeg(FILM)).shape == FILM.shape
