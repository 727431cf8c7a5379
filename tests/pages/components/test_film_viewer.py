"""The film viewer: what is sent to the browser, and what is believed of its answer."""

from types import SimpleNamespace

import pytest

from pages.ui.components import film_viewer
from pages.ui.components.film_viewer import Outline, Picture, Shown, data_of, shown_of


@pytest.fixture
def kept(monkeypatch):
    """Stands in for Streamlit's store of pictures."""
    files = {}

    def add(data, mime, place):
        files[place] = (data, mime)
        return f"/media/{place}.jpg"

    manager = SimpleNamespace(media_file_mgr=SimpleNamespace(add=add))
    monkeypatch.setattr(film_viewer.runtime, "get_instance", lambda: manager)
    return files


def test_the_pictures_go_by_address_and_only_those_there_are(kept):
    data = data_of(Picture("f", "alt", 3000, 2000, b"small"), Shown(), "v")
    assert (data["picture"], data["full"]) == ("/media/v.picture.jpg", "")
    assert kept == {"v.picture": (b"small", "image/jpeg")}
    data = data_of(Picture("f", "alt", 3000, 2000, b"small", b"full"), Shown(), "v")
    assert data["full"] == "/media/v.full.jpg"


def test_below_a_path_of_the_server_the_addresses_have_that_path(kept, monkeypatch):
    monkeypatch.setattr(film_viewer.st, "get_option", lambda _: "clinic/pneumo")
    data = data_of(Picture("f", "alt", 10, 10, b"small"), Shown(), "v")
    assert data["picture"] == "/clinic/pneumo/media/v.picture.jpg"


def test_the_palette_is_that_of_the_map_and_is_sent_with_a_map_alone(kept):
    assert data_of(Picture("f", "alt", 10, 10, b"s"), Shown(), "v")["palette"] == []
    with_map = Picture("f", "alt", 10, 10, b"s", levels="data:,", outlines=[Outline("#fff", [])])
    palette = data_of(with_map, Shown(), "v")["palette"]
    assert len(palette) == 3 * 256
    assert max(palette[:3]) < 8  # inferno begins almost black
    assert palette[-3:] == [252, 255, 164]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"view": "Map", "opacity": 30.4, "outline": True}, Shown("Map", 30, outline=True)),
        ({"view": "Map", "opacity": 30}, Shown("Map", 30, outline=False)),
        ({"view": "Other", "opacity": 30}, None),
        ({"view": "Map", "opacity": 300}, None),
        ({"view": "Map", "opacity": "1"}, None),
        (None, None),
    ],
)
def test_only_an_answer_in_order_is_believed(value, shown):
    assert shown_of(value) == shown
