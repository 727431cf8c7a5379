"""Signing in with a real browser: a viewer sees what a viewer may do, an administrator the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By

from tests.browser.conftest import free_port, serving
from tests.browser.identity_provider import CLIENT, SECRET, Provider, identity_provider
from tests.browser.page import click, texts, wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser
ROLES = 'claim = "groups"\n[roles]\nadmin = ["head@example.org"]\nviewer = ["guests"]\n'


@pytest.fixture
def provider() -> Iterator[Provider]:
    with identity_provider() as found:
        yield found


@pytest.fixture
def address(
    models_dir: Path, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    port = free_port()
    secrets = {
        "redirect_uri": f"http://127.0.0.1:{port}/oauth2callback",
        "cookie_secret": "only-for-this-test-only-for-this-test",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "server_metadata_url": f"{provider.url}/.well-known/openid-configuration",
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in secrets.items())
    (tmp_path / "secrets.toml").write_text(f"[auth]\n{lines}")
    (tmp_path / "access.toml").write_text(ROLES)
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", str(tmp_path / "secrets.toml"))
    monkeypatch.setenv("PNEUMO_ACCESS", str(tmp_path / "access.toml"))
    with serving(models_dir, tmp_path / "log.txt", port) as url:
        yield url


def says(browser: Chrome, *words: str) -> None:
    def all_there(b: Chrome) -> bool:
        text = b.execute_script("return document.body ? document.body.innerText : ''")
        return all(word in text for word in words)

    wait(browser, all_there, f"Expected {words} on the page.")


def pages(browser: Chrome) -> list[str]:
    return texts(browser, "[data-testid=stSidebarNavLink]")


def test_roles_open_what_they_include(browser: Chrome, address: str, provider: Provider) -> None:
    provider.user = {"email": "eve@example.org", "groups": []}
    browser.get(address)
    says(browser, "Sign in to read films")
    assert pages(browser) == []
    click(browser, ".st-key-identity-in button")
    says(browser, "eve@example.org has no role in this installation")

    click(browser, ".st-key-identity-out button")
    says(browser, "Sign in to read films")
    provider.user = {"email": "ann@example.org", "groups": ["guests"]}
    click(browser, ".st-key-identity-in button")
    says(browser, "ann@example.org · viewer")
    assert pages(browser) == ["Metrics", "Models"]
    browser.get(f"{address}/models")
    says(browser, "Model card", "in service")
    assert not browser.find_elements(By.CSS_SELECTOR, "[class*=st-key-models-delete]")
    assert not browser.find_elements(By.CSS_SELECTOR, "[class*=st-key-models-intake]")

    click(browser, ".st-key-identity-out button")
    says(browser, "Sign in to read films")
    provider.user = {"email": "head@example.org"}
    click(browser, ".st-key-identity-in button")
    says(browser, "head@example.org · admin", "Diagnose", "Training")
    browser.get(f"{address}/models")
    says(browser, "Model card", "Import a model")
    assert browser.find_elements(By.CSS_SELECTOR, "[class*=st-key-models-delete]")
