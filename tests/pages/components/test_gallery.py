"""The gallery: only the page shown is made, a click gives the film, words stay words."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.components import gallery
from pages.ui.components.gallery import Tile


class Grid:
    """Stands in for the browser's part: keeps what it was given, clicks what it is told to."""

    def __init__(self):
        self.data, self.clicked = {}, None

    def __call__(self, *, key, data, **_):
        self.data[key] = data
        clicked, self.clicked = self.clicked, None
        return SimpleNamespace(opened=clicked)


@pytest.fixture
def grid(monkeypatch):
    one = Grid()
    monkeypatch.setattr(gallery, "_grid", one)
    return one


def script(films=100):
    import streamlit as st

    from pages.ui.components.gallery import Tile, show_gallery

    asked = st.session_state.setdefault("asked", [])

    def tiles(start, stop):
        asked.append((start, stop))
        return [Tile(f"film {at}", "data:,", f"caption {at}") for at in range(start, stop)]

    st.session_state["opened"] = show_gallery(films, tiles, key="g", page_size=40, request=3)


def page(**given):
    return AppTest.from_function(script, kwargs=given, default_timeout=300)


def test_only_the_films_of_the_page_shown_are_made(grid):
    shown = page().run()
    assert shown.session_state["asked"] == [(0, 40)]
    assert [tile["film"] for tile in grid.data["g.films"]["tiles"]][-1] == "film 39"
    shown.get("pagination")[0].set_value(3).run()
    assert shown.session_state["asked"][-1] == (80, 100)
    assert len(grid.data["g.films"]["tiles"]) == 20
    assert not shown.exception


def test_a_click_gives_the_film_once(grid):
    shown = page().run()
    assert shown.session_state["opened"] is None
    grid.clicked = "film 7"
    assert shown.run().session_state["opened"] == "film 7"
    assert shown.run().session_state["opened"] is None


def test_few_films_need_no_pages(grid):
    shown = page(films=5).run()
    assert not shown.get("pagination")
    assert shown.session_state["asked"] == [(0, 5)]


def test_a_page_that_is_no_more_is_the_first_again(grid):
    shown = page().run()
    shown.get("pagination")[0].set_value(3).run()
    fewer = page(films=50)
    fewer.session_state["g.page"] = 3
    assert fewer.run().session_state["asked"] == [(0, 40)]


def test_the_browser_is_told_where_to_look_and_what_to_say(grid):
    page().run()
    data = grid.data["g.films"]
    assert (data["name"], data["request"]) == ("g.films", 3)
    assert data["tiles"][0]["alt"] == "caption 0, open this film"
    assert Tile("f", "", "a", note="train").alt == "a, train, open this film"


def test_names_reach_the_page_as_text_only():
    source = Path(gallery.__file__).with_suffix(".js").read_text("utf-8")
    assert "textContent" in source
    assert "innerHTML" not in source
    assert "insertAdjacentHTML" not in source
