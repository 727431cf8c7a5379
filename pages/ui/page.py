"""The frame of every page: settings, style, heading, disclaimer, and messages for errors."""

from __future__ import annotations

import gc
import logging
import re
from collections import Counter
from contextlib import contextmanager
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from pages.ui.identity import check_page
from pneumo_core import __version__
from pneumo_core.errors import PneumoError, disk_words
from pneumo_core.palette import css_variables

if TYPE_CHECKING:
    from collections.abc import Iterator


# An underscore inside of a word is none of Markdown's signs, a colon only before a letter (":red").
_SIGNS = re.compile(r"([\\`*\[\]$~<]|(?<!\w)_|_(?!\w)|:(?=[A-Za-z]))")
# Addresses become links even where their signs are escaped: a mark of no width parts them.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\w)(?=@\w)", re.IGNORECASE)
_UNSEEN = "\u2060"
_STYLE = Path(__file__).with_name("style.css")
_THEMED = '.stApp, [role="dialog"]:has(.pn-on-dark, .pn-on-light)'
# Pictures of our own: Streamlit fetches emoji and Material icons for the tab from other hosts.
ICON = Path(__file__).with_name("icon.svg")
# Streamlit follows the system's theme until a person chooses one, and offers no other default.
# Reading rooms are dark: a browser that comes for the first time gets "Dark" as if chosen in the
# menu, where it can be changed. Without storage, or should the key be renamed, the system decides.
# Streamlit keeps a choice for each page: one that is opened from another takes over its theme, and
# without a reload, which would lose the session and the films in it. A page that is loaded gets it
# before Streamlit starts (see `serving`); one that did not is loaded anew.
DARK_FIRST = """<script>
try {
  const offered = `pneumo-dark-first-${location.pathname}`;
  if (localStorage.getItem(offered) === null) {
    const shown = getComputedStyle(document.querySelector(".stApp")).colorScheme;
    const inherited = window.pneumoThemed && shown !== "dark" ? '"Light"' : '"Dark"';
    localStorage.setItem(offered, "yes");
    localStorage.setItem(`stActiveTheme-${location.pathname}-v2`, inherited);
    if (!window.pneumoThemed && shown !== "dark") location.reload();
  }
  window.pneumoThemed = true;
} catch (error) {}
</script>"""
READING = "Diagnose"  # the page on which films are read
log = logging.getLogger(__name__)


@contextmanager
def page_frame(title: str) -> Iterator[None]:
    """Everything around a page's content; the first statement of every page."""
    _by_the_router()
    check_page(title)
    foot = _foot()
    st.set_page_config(
        page_title=f"{title} · Pneumo",
        page_icon=str(ICON),
        layout="wide",
        menu_items={"About": f"**Pneumo {__version__}**\n\n{plain(foot)}"},
    )
    st.html(style())
    content = st.container(key="page", gap="xsmall")
    # The footer is sent before the content, so that no failure can keep it away.
    with st.container(key="band"):
        st.html(f'<footer class="pn-band">{escape(foot)}</footer>')
        st.html(DARK_FIRST, unsafe_allow_javascript=True)
    with content, plain_words():
        yield
    _set_imports_aside(title)


_FIRST_RUNS = 5  # of a page, in which it imports what it needs
_runs: Counter[str] = Counter()


def _set_imports_aside(title: str) -> None:
    """Spare the garbage collector what the libraries hold.

    Streamlit collects after every run of a page. Over some 500,000 objects of pandas, Plotly and
    OpenVINO that takes longer than most runs; frozen, they cost nothing.
    """
    if _runs[title] < _FIRST_RUNS:
        _runs[title] += 1
        gc.collect()
        gc.freeze()


def heading(title: str, aside: str = "") -> None:
    """The line on top: product, page, and a short note."""
    st.html(
        f'<header class="pn-head"><span class="pn-brand">Pneumo</span><h1>{escape(title)}</h1>'
        f'<span class="pn-aside">{escape(aside)}</span></header>'
    )
    if title == READING:
        _caution()


@contextmanager
def plain_words() -> Iterator[None]:
    """Show an error as a message on the page; its trace goes to the log alone."""
    try:
        yield
    except PneumoError as error:
        st.error(plain(str(error)), icon=":material/error:")
    except OSError as error:
        log.exception("The disk failed a page.")
        words = f"Expected to read and write Pneumo's files, got: {disk_words(error)}."
        remedy = "Check the permissions of its folders and the free space on the disk."
        st.error(plain(f"{words} {remedy}"), icon=":material/error:")
    except Exception:
        log.exception("A page failed.")
        st.error(
            "Something went wrong on this page. Films already read are kept: try again. If it "
            "happens again, restart Pneumo; its log has the details.",
            icon=":material/error:",
        )


def warn_before_leaving(*, films: bool) -> None:
    """Let the browser ask before a reload or a closed tab loses the films of the session."""
    ask = "(event) => { event.preventDefault(); event.returnValue = ''; }" if films else "null"
    st.html(f"<script>window.onbeforeunload = {ask};</script>", unsafe_allow_javascript=True)


def plain(text: str) -> str:
    """Text for st.error and its kin, which read Markdown: no picture, link, formula or badge."""
    return _ADDRESS.sub(_UNSEEN, _SIGNS.sub(r"\\\1", text))


@cache
def style() -> str:
    """The style sheet of every page, after the colours it is made of."""
    colours = f"{_THEMED} {{ {css_variables()} }}"
    return f"<style>{colours}\n{_STYLE.read_text('utf-8')}</style>"


def _foot() -> str:
    """What the footer says: on whose films the model in service was trained, if there is one."""
    from pneumo_core.bundle.provenance import NO_DEVICE, disclaimer_of
    from pneumo_core.bundle.registry import card_in_service

    card = card_in_service()
    return NO_DEVICE if card is None else disclaimer_of(card)


def _by_the_router() -> None:
    """Start anew with app.py where a page was started without it.

    As long as app.py has not run, Streamlit takes the folder's files for the list of pages, and a
    first visit to a page's own address runs that file alone, under a menu of file names.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def _caution() -> None:
    """The reliability warnings of the model in service, above the films it reads."""
    from pages.ui.html import caution_html
    from pneumo_core.bundle.registry import card_in_service

    card = card_in_service()
    words = "The model in service has reliability warnings:"
    if card is not None and (caution := caution_html(card, words, folded=True)):
        st.html(caution)
