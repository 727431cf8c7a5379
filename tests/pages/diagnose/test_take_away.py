"""What is taken away: the page of a film, the worklist, the sentences; read back."""

import io
import zipfile

import pytest
from pypdf import PdfReader

from pages.ui.diagnose import take_away
from tests.pages.diagnose.test_verdict import answer
from tests.pages.seen import button, drop, no_trace


@pytest.fixture
def downloads(monkeypatch):
    """The downloads that the page offers, by label: file name and bytes or what makes them."""
    found = {}
    monkeypatch.setattr(
        take_away.st,
        "download_button",
        lambda label, data, name, *_args, **_kwargs: found.__setitem__(label, (name, data)),
    )
    return found


def text_of(pdf):
    pages = PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_the_page_of_a_film_is_made_on_a_click_with_the_verdict_on_it(page, png, downloads):
    drop(page.run(), ("Smith^John.png", png(225)))
    answer(page, agreement="agree", finding="pneumonia", note="Right base.", reader="Ada")
    button(page, "Save verdict").click().run()
    name, make = downloads["Report (PDF)"]
    assert callable(make)
    text = text_of(make())
    for words in ("Signs of pneumonia", "88 %", "Ada: agrees with the model", "Note: Right base."):
        assert words in text
    assert "Smith" not in text + name
    assert "DICOM PDF" not in downloads
    assert "88\xa0%" in page.code[0].value
    assert "The reader (Ada) agrees with the model" in page.code[0].value
    assert no_trace(page)


def test_a_worklist_is_built_on_a_click_and_is_dropped_when_it_is_out_of_date(page, png, downloads):
    drop(page.run(), ("a.png", png(225)), ("b.png", png(30)), ("c.png", b"x"))
    assert "Save pneumo-worklist.zip" not in downloads
    page.checkbox(key="take.names").check().run()
    button(page, "Build ZIP of 3 films").click().run()
    _, data = downloads.pop("Save pneumo-worklist.zip")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sorted(archive.namelist())[-2:] == ["worklist.csv", "worklist.pdf"]
        assert len(archive.namelist()) == 5
        assert "a.png" in text_of(archive.read("worklist.pdf"))
    button(page, "Build PDF of 3 films").click().run()
    assert "Signs of pneumonia" in text_of(downloads.pop("Save pneumo-worklist.pdf")[1])
    answer(page, finding="pneumonia")
    button(page, "Save verdict").click().run()
    assert "Save pneumo-worklist.pdf" not in downloads


def test_a_file_that_fails_says_nothing_of_the_patient(monkeypatch, reading):
    from pages.ui.session_film import make_entry
    from pneumo_core.errors import PneumoError

    found = []
    monkeypatch.setattr(
        take_away.st, "download_button", lambda _, data, *_a, **_k: found.append(data)
    )

    def fault(*_args, **_kwargs):
        raise ValueError("Zacharias^Quintessa")

    entry = make_entry("a.png", "a", reading(0.9))
    take_away._download("Report", entry, "pdf", "application/pdf", fault, with_patient=True)
    with pytest.raises(PneumoError, match="could not be made: ValueError") as caught:
        found[0]()
    assert caught.value.__suppress_context__
