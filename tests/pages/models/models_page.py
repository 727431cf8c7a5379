"""The Models screen as a test sees it and uses it."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests import ROOT

APP = ROOT / "app.py"
PAGE = str(APP.parent / "pages" / "models.py")


def opened():
    page = AppTest.from_file(PAGE, default_timeout=300).run()
    assert not page.exception
    return page


def html(page):
    return "\n".join(element.proto.body for element in page.get("html"))


def click(page, key):
    page.button(key=key).click().run()
    assert not page.exception
    return page


def dropped(page, content, name="model.zip"):
    page.file_uploader[0].set_value((name, content, "application/zip")).run()
    assert not page.exception
    return page
