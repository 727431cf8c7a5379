"""What the browser tests do on a page: wait, click, read, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Callable

    from selenium.webdriver import Chrome

# What passes by itself: a page is drawn anew, or still moves under the pointer. Selenium and
# Chromium have many names for it.
PASSING = (WebDriverException, StopIteration, IndexError, TypeError)


def wait(
    browser: Chrome, condition: Callable[[Chrome], Any], words: str = "", seconds: int = 300
) -> Any:
    """Wait until this is true of the page, whatever is drawn anew meanwhile."""
    return WebDriverWait(browser, seconds, ignored_exceptions=PASSING).until(condition, words)


def texts(browser: Chrome, css: str) -> list[str]:
    """The words of all elements of that kind, in one step: a page may be drawn anew between two."""
    script = (
        "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText.trim())"
    )
    words: list[str] = browser.execute_script(script, css)
    return words


def text(browser: Chrome, css: str) -> str:
    """The words of the first element of that kind; IndexError if there is none."""
    return texts(browser, css)[0]


def top(browser: Chrome, css: str) -> float:
    """Where the first element of that kind begins, in pixels from the top of the page."""
    element = browser.find_element(By.CSS_SELECTOR, css)
    return float(element.rect["y"])


def click(browser: Chrome, css: str) -> None:
    """Click it as soon as it is there, may be used and holds still."""

    def attempt(b: Chrome) -> bool:
        found = b.find_element(By.CSS_SELECTOR, css)
        if not found.is_enabled():
            return False
        b.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
        found.click()
        return True

    wait(browser, attempt, f"Nothing to click at {css!r}.")


def faults(
    browser: Chrome, css: str = "[data-testid=stException],[data-testid=stAlert]"
) -> list[str]:
    """The text of what the page shows as gone wrong."""
    return texts(browser, css)


def overflow(browser: Chrome) -> int:
    """Pixels by which the page is wider than the window."""
    wide: int = browser.execute_script(
        "const main = document.querySelector('[data-testid=stMain]');"
        "return Math.max(main.scrollWidth - main.clientWidth,"
        "document.documentElement.scrollWidth - window.innerWidth)"
    )
    return wide


def narrow(browser: Chrome) -> None:
    """A telephone's window."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True},
    )


def is_dark(browser: Chrome) -> bool:
    """Whether the page is there and in its dark theme."""
    ground = (
        "return getComputedStyle(document.querySelector('.stApp') ?? document.body).colorScheme"
    )
    return bool(browser.execute_script(ground) == "dark")
