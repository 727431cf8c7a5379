"""A folder with a table: the form is said, the mapping corrected, and both are kept."""

import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from pages.ui.dataset import facets, labels_view
from pneumo_core.dataset.labels import kept_labels
from pneumo_core.dataset.sources import remembered_source
from tests.pages.seen import button, html_of, no_trace

NIH = "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position\n"


@pytest.fixture
def own(demo):
    """Two films, a table of NIH's form, and one of no known form."""
    folder = demo.parent / "own"
    folder.mkdir(exist_ok=True)
    (folder / "pneumo-dataset.toml").unlink(missing_ok=True)
    for n in (1, 2):
        cv2.imwrite(str(folder / f"0000000{n}_000.png"), np.full((40, 40), 80 * n, np.uint8))
    rows = "00000001_000.png,No Finding,1,50,M,PA\n00000002_000.png,Pneumonia,2,4,F,AP\n"
    (folder / "Data_Entry_2017.csv").write_text(NIH + rows)
    return folder


def test_a_known_form_is_said_previewed_opened_and_kept(page, settings, jobs, own):
    page.run().text_input(key="dataset.typed").set_value(str(own))
    button(page, "Open").click().run()
    assert "NIH ChestX-ray14" in " ".join(one.value for one in page.markdown)
    assert any("**2 films** (of 2 patients)" in one.value for one in page.markdown)
    assert "AP · 4 y · F" in html_of(page)
    assert remembered_source(settings=settings) is None
    button(page, "Open with these labels").click().run()
    assert remembered_source(settings=settings).path == own
    assert kept_labels(own, settings).table == own / "Data_Entry_2017.csv"
    assert no_trace(page)


def test_classes_below_splits_can_be_mapped(own):
    for name in ("train/sano/1.png", "train/enfermo/2.png", "test/sano/patient3/3.png"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_bytes(b"x")
    images = [path.relative_to(own).as_posix() for path in own.glob("t*/**/*.png")]
    assert labels_view.named_folders(images) == {"sano": 2, "enfermo": 1}
    shutil.rmtree(own)


def test_labels_that_another_page_asked_for_lead_back_to_it(page, settings, own, monkeypatch):
    went = []
    monkeypatch.setattr("streamlit.switch_page", went.append)
    page.session_state["dataset.candidate"] = ("folder", own)
    page.session_state["dataset.labels-return"] = "pages/models.py"
    page.run()
    assert button(page, "Back to fitting the model")
    button(page, "Fit to these films").click().run()
    assert went == ["pages/models.py"]
    assert kept_labels(own, settings).table == own / "Data_Entry_2017.csv"
    assert "dataset.candidate" not in page.session_state


def test_age_sex_and_view_are_counted_where_they_are_known():
    films = pd.DataFrame({"age": [0.5, 4.0, 70.0, np.nan], "sex": ["F", "M", "F", ""], "view": ""})
    films["group"], films["site"] = ["a", "b", "c", "d"], ""
    films = facets.with_facets(films)
    assert facets.known_facts(films) == ["age_band", "sex"]
    assert [(bar.names[0], bar.total) for bar in facets.by_fact(films, (), "age_band")] == [
        ("under 1 year", 1),
        ("1–5 years", 1),
        ("65 years and over", 1),
        ("unknown", 1),
    ]
    assert {bar.names[0]: bar.total for bar in facets.by_fact(films, (), "sex")} == {
        "F": 2,
        "M": 1,
        "unknown": 1,
    }
