import base64
import io

import numpy as np
from PIL import Image

from pages.ui.html import decode_grey, jpeg, thumbnail
from pages.ui.session_film import content_of, make_entry

FILM = np.tile(np.linspace(0, 255, 400).astype(np.uint8), (300, 1))


def test_pixels_become_compact_pictures_and_are_let_go(reading):
    entry = make_entry("a.png", "c", reading(0.9, pixels=FILM))
    assert entry.reading.pixels is None
    assert entry.pixels().shape == (300, 400)
    assert np.abs(entry.pixels().astype(int) - FILM).max() <= 4
    assert len(entry.picture) < FILM.nbytes / 10


def test_without_pixels_there_is_no_picture(reading):
    entry = make_entry("a.png", "c", reading(None))
    assert (entry.picture, entry.thumb) == (b"", "")


def test_a_film_under_another_name_is_another_row_of_the_same_reading(reading):
    entry = make_entry("a.png", "c", reading(0.9, pixels=FILM))
    other = entry.renamed("b.png")
    assert other.key != entry.key
    assert other.reading is entry.reading
    assert other.picture is entry.picture
    assert other.renamed("a.png") == entry


def test_content_is_the_bytes_and_the_model_that_read_them():
    assert content_of(b"film", "one") == content_of(b"film", "one")
    assert content_of(b"film", "one") != content_of(b"film", "other")
    assert content_of(b"film", "one") != content_of(b"mlif", "one")


def test_colours_survive_the_jpeg():
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 200
    shown = np.asarray(Image.open(io.BytesIO(jpeg(red))))
    assert np.abs(shown[16, 16].astype(int) - [200, 0, 0]).max() <= 6
    assert decode_grey(jpeg(FILM)).dtype == np.uint8


def test_a_thumbnail_is_small_and_keeps_the_proportions():
    uri = thumbnail(FILM)
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (96, 72)


def test_a_film_smaller_than_a_thumbnail_is_not_enlarged():
    data = thumbnail(FILM[:40, :50]).split(",")[1]
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (50, 40)
