"""The router, and the settings that Streamlit reads beside it."""

import tomllib

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from pneumo_core.config import Limits
from pneumo_core.server.uploads import ENVELOPE, MODEL_BYTES
from tests import ROOT

SETTINGS = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))


def test_the_router_opens_diagnose_first(reader):
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run()
    assert not page.exception
    assert any("<h1>Diagnose</h1>" in element.proto.body for element in page.get("html"))
    # Millions of bytes in the browser: a film of exactly the limit passes.
    assert page.file_uploader[0].proto.max_upload_size_mb * 1e6 >= Limits().max_bytes


def test_streamlit_lets_a_model_through_and_the_guard_before_it_films_alone():
    assert SETTINGS["server"]["maxUploadSize"] * 2**20 == MODEL_BYTES + ENVELOPE


def test_protections_are_on_and_nothing_is_reported():
    assert SETTINGS["server"]["enableXsrfProtection"] is True
    assert SETTINGS["server"]["enableCORS"] is True
    assert SETTINGS["browser"]["gatherUsageStats"] is False
    assert SETTINGS["client"]["showErrorDetails"] == "none"


@pytest.mark.parametrize("section", [s for s in SETTINGS if s != "theme"])
def test_streamlit_knows_every_setting(section):
    known = config.get_options_for_section(section)
    assert set(SETTINGS[section]) <= set(known)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_streamlit_knows_every_colour(theme):
    assert set(SETTINGS["theme"][theme]) <= set(config.get_options_for_section(f"theme.{theme}"))
