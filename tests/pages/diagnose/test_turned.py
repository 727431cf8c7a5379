"""The button that sets a film right which lies otherwise than the model knows films."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.ui import state
from pages.ui.html import decode_grey
from tests import ROOT
from tests.pages import seen
from tests.readings.sources import film_file

NEGATIVE_WIDTH = 100


class Reader:
    """Takes films that are taller than wide for lying on their side, the rest for upright; finds
    no lungs on one of `NEGATIVE_WIDTH` until it is inverted.
    """

    def __init__(self, reading):
        self.reading = reading

    def read_bytes(self, data, _film=None):
        from pneumo_core.imaging.decode import decode

        return self.read(decode(data))

    def read(self, film):
        shown = {"pixels": film.pixels, "facts": film.facts}
        if film.pixels.shape[1] == NEGATIVE_WIDTH and film.pixels[0, 0] < film.pixels[-1, -1]:
            return self.reading(None, status="rejected", message="Not read: No lungs.", **shown)
        if film.pixels.shape[0] <= film.pixels.shape[1]:
            return self.reading(0.9, **shown)
        doubts = ("this film does not have the orientation of the training films.",)
        return replace(
            self.reading(0.5, **shown), orientation="sideways", gate_ok=False, gate_reasons=doubts
        )


@pytest.fixture
def page(reader, reading, monkeypatch):
    from pages.ui import cache

    monkeypatch.setattr(cache, "reader_of", lambda _: Reader(reading))
    return AppTest.from_file(str(ROOT / "pages" / "diagnose.py"), default_timeout=300)


def drop(page, tmp_path, shape):
    ramp = np.linspace(0, 255, shape[0] * shape[1]).reshape(shape).astype("uint8")
    Image.fromarray(ramp).save(tmp_path / "film.png")
    data = (tmp_path / "film.png").read_bytes()
    page.run().file_uploader[0].set_value([("film.png", data, "image/png")])
    return page.run()


def offers(page):
    return [button for button in page.button if button.key == "diagnose.set-right"]


def test_a_film_on_its_side_is_turned_and_read_as_a_film_of_its_own(page, tmp_path):
    drop(page, tmp_path, (90, 60))
    assert "Rotate upright and read again" in offers(page)[0].label
    offers(page)[0].click().run()
    assert not page.exception
    assert not offers(page)
    names = page.dataframe[0].value["file"].tolist()
    assert sorted(names) == ["film.png", "film.png, rotated 90° clockwise"]
    html = "\n".join(element.proto.body for element in page.get("html"))
    assert "90 × 60 pixels" in html
    assert "▲ Signs of pneumonia" in html


def test_an_upright_film_is_left_alone(page, tmp_path):
    assert not offers(drop(page, tmp_path, (60, 90)))


def test_a_full_list_offers_nothing(page, tmp_path, monkeypatch):
    drop(page, tmp_path, (90, 60))
    monkeypatch.setattr(state, "MAX_FILMS", 1)
    assert not offers(page.run())


def test_a_picture_that_is_not_recognised_may_be_a_negative(page, tmp_path):
    drop(page, tmp_path, (60, NEGATIVE_WIDTH))
    assert "Invert the grey levels" in offers(page)[0].label
    offers(page)[0].click().run()
    decisions = [one[0] for one in page.dataframe[0].value["decision"]]
    assert decisions == ["▲ Signs of pneumonia", "✕ Not a chest X-ray"]


def test_the_picture_at_full_size_is_corrected_too(page, tmp_path):
    drop(page, tmp_path, (1200, 800))
    offers(page)[0].click().run()
    shapes = [decode_grey(one).shape for one in page.session_state["diagnose.full"].values()]
    assert shapes == [(1200, 800), (800, 1200)]


def test_a_corrected_copy_keeps_the_age_check_and_offers_no_dicom(page):
    page.run()
    seen.drop(page, ("film.dcm", film_file(Rows=64, Columns=48, PatientAge="054Y")))
    page.button(key="diagnose.set-right").click().run()
    original, corrected = page.session_state["diagnose.films"].values()
    assert original.record.sources is not None
    assert corrected.record.sources is None
    assert corrected.reading.message.startswith("Outside what this model can read: The patient is")
