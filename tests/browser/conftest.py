"""A real server and a real Chromium, for the tests that drive the screens from outside."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException

from pneumo_core.config import load_settings
from tests import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where the driver or its wait gave up, a test is tried once more, and counted."""
    again = pytest.mark.flaky(reruns=1, only_rerun=["WebDriverException", "TimeoutException"])
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(again)


@pytest.fixture(scope="session")
def chromium() -> tuple[str, str]:
    """Paths of Chromium and of its driver; skips, with the reason, where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if found is None or driver is None:
        pytest.skip("No Chromium here: expected the commands chromium and chromedriver.")
    return found, driver


@pytest.fixture(scope="session")
def models_dir(request: pytest.FixtureRequest, chromium: tuple[str, str]) -> Path:
    """The models that ship, or the tiny one where none is in service."""
    shipped = load_settings().models_dir
    if (shipped / "active").exists():
        return shipped
    tiny: Path = request.getfixturevalue("tiny_models_dir")
    return tiny


@pytest.fixture(scope="session")
def address(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where Pneumo answers."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with serving(models_dir, log, roots=tmp_path_factory.getbasetemp()) as url:
        yield url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    models_dir: Path, log: Path, port: int | None = None, roots: Path | None = None
) -> Iterator[str]:
    """Pneumo with these models, started as a person would start it, on a free port; its address.

    roots: the folder whose films may be opened by their path, instead of the usual ones.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true"]
    command += [f"--server.port={port}", "--server.address=127.0.0.1"]
    with log.open("w") as stream:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env={
                **os.environ,
                "PNEUMO_MODELS": str(models_dir),
                "PNEUMO_READINGS": str(log.with_name("readings")),
                **({"PNEUMO_DATA_ROOTS": str(roots)} if roots else {}),
            },
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=600)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own server
                return
        except OSError:  # nobody listens yet, or answers slowly
            time.sleep(0.1)
    pytest.fail(f"Expected a server at {url}; it said:\n{log.read_text()}")


@pytest.fixture(scope="session")
def driver(
    chromium: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], webdriver.Chrome]]:
    """A headless Chromium for all tests, started anew where it no longer answers."""
    binary, path = chromium
    started: list[webdriver.Chrome] = []

    def running() -> webdriver.Chrome:
        with suppress(WebDriverException, IndexError):
            assert started[-1].title is not None
            return started[-1]
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        profile = tmp_path_factory.mktemp("profile")
        for switch in (*SWITCHES, f"--user-data-dir={profile}", "--window-size=1440,900"):
            options.add_argument(switch)
        started.append(webdriver.Chrome(options=options, service=webdriver.ChromeService(path)))
        started[-1].set_script_timeout(300)
        return started[-1]

    yield running
    for one in started:
        with suppress(WebDriverException):
            one.quit()


@pytest.fixture
def browser(driver: Callable[[], webdriver.Chrome]) -> Iterator[webdriver.Chrome]:
    """Chromium as on a first visit, 1440 × 900: nothing stored, one empty tab."""
    chrome = driver()
    chrome.set_window_size(1440, 900)
    yield chrome
    with suppress(WebDriverException):
        origin = chrome.execute_script("return location.origin")
        chrome.get("about:blank")
        for command, facts in (
            ("Emulation.clearDeviceMetricsOverride", {}),
            ("Network.clearBrowserCookies", {}),
            ("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"}),
        ):
            chrome.execute_cdp_cmd(command, facts)
