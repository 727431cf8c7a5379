"""The Diagnose page with the stand-in model, and the log that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from streamlit.testing.v1 import AppTest

from pneumo_core.config import load_settings
from pneumo_core.readings.log import ReadingLog
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def page(reader):
    return diagnose()


def diagnose() -> AppTest:
    """The page in a session of its own, as a reload gives it."""
    return AppTest.from_file(str(ROOT / "pages" / "diagnose.py"), default_timeout=300)


@pytest.fixture
def log(page) -> Iterator[ReadingLog]:
    """The log of the page, opened a second time."""
    opened = ReadingLog.open(load_settings())
    assert opened is not None
    with opened:
        yield opened
