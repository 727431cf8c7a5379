"""One model: its figures and facts, its integrity, and its actions."""

from __future__ import annotations

import re
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Literal

import streamlit as st

from pages.ui import state
from pages.ui.html import caution_html, facts_list, figure_html
from pages.ui.identity import may
from pages.ui.models import actions, inventory
from pages.ui.models.actions import UNRELIABLE, put_in_service
from pages.ui.models.card_facts import (
    facts,
    headline,
    populations,
    sample_sentence,
    summary_line,
)
from pages.ui.models.fit import ask_for_fit
from pages.ui.page import plain
from pneumo_core.access import Right, current
from pneumo_core.bundle.reliability import judge
from pneumo_core.formatting import file_size

if TYPE_CHECKING:
    from pages.ui.models.inventory import Checked
    from pneumo_core.bundle import Bundle, BundleStatus


_HEADING = re.compile(r"^(#{1,4})(?=\s)", re.MULTILINE)
_NOT_DELETABLE = "The model in service cannot be deleted. Put another one in service first."


def show_model(checked: Checked) -> None:
    """The card of one model."""
    found = checked.found
    with st.container(border=True, key=f"model-{found.name}"):
        st.html(_title(checked))
        if found.fault:
            st.error(f"{plain(found.fault)} It cannot be used until then.", icon=":material/error:")
        if found.bundle is not None:
            _show_caution(found, found.bundle)
            _show_facts(found)
        _buttons(checked)


@st.dialog("Model card", width="large")
def show_model_card(readme: str) -> None:
    """The card in a window of its own."""
    with st.container(key="model-card"):
        st.markdown(safe_markdown(readme), anchors=False)


def safe_markdown(text: str) -> str:
    """Markdown that shows no picture (which would be fetched) and none of Streamlit's own signs.

    Streamlit shows HTML as text by itself. Headings are two levels lower, to fit into a page.
    """
    text = text.replace("![", "!\\[")  # a picture becomes the text that asked for it
    text = re.sub(r":(?=[a-z_]+[-\[/:])", "\\:", text)  # icons, colours, badges
    text = text.replace("$", "\\$")  # formulas
    return _HEADING.sub(r"##\1", text)


def _show_caution(found: BundleStatus, bundle: Bundle) -> None:
    """The reliability warnings; a damaged model cannot be used anyway."""
    caution = caution_html(bundle.card, UNRELIABLE, folded=not found.in_service)
    if caution and not found.fault:
        st.html(caution)


def _show_facts(found: BundleStatus) -> None:
    """Figures beside facts, which are folded to a line for all but the model in service."""
    from pneumo_core.evaluation.test_log import logged_evaluations

    bundle = found.bundle
    if bundle is None:
        return
    rows = facts(bundle, found.n_bytes, logged_evaluations(bundle))
    listed = facts_list((name, escape(words)) for name, words in rows)
    if not found.in_service:
        short = escape(summary_line(bundle, found.n_bytes))
        listed = f'<details class="pn-more"><summary>{short}</summary>{listed}</details>'
    st.html(f'<div class="pn-model">{_figures(bundle)}{listed}</div>')


def _title(checked: Checked) -> str:
    found = checked.found
    version = "" if found.bundle is None else escape(found.bundle.version)
    service = '<span class="pn-in-service">▶ In service</span>' if found.in_service else ""
    integrity = "✕ Damaged" if found.fault else "✓ All files unaltered"
    size = "" if found.bundle else f" · {file_size(found.n_bytes)} on disk"
    return (
        f'<div class="pn-model-head"><h2>{escape(found.name)} <small>{version}</small></h2>'
        f"{service}"
        f'<span class="pn-aside">{integrity}, checked at {escape(checked.at)}{size}</span></div>'
    )


def _figures(bundle: Bundle) -> str:
    if bundle.card.populations:
        return _populations(bundle)
    figures = headline(bundle.card)
    if not figures:
        return '<p class="pn-aside">Its card has no figures.</p>'
    items = "".join(
        f"<li><span>{escape(label)}</span> <strong>{figure_html(value)}</strong></li>"
        for label, value in figures
    )
    note = (
        f"{sample_sentence(bundle.card)}; 95\xa0% intervals in brackets (AUC: bootstrap by "
        "patient). AUC: 0.5 is chance, 1 is perfect"
    )
    return f'<div><ul class="pn-model-figures">{items}</ul><p class="pn-aside">{note}</p></div>'


def _populations(bundle: Bundle) -> str:
    """The figures of each population, the one furthest from the training films first."""
    parts = []
    for title, figures in populations(bundle.card):
        items = "".join(
            f"<li><span>{escape(label)}</span> <strong>{figure_html(value)}</strong></li>"
            for label, value in figures
        )
        parts.append(f'<h3>{escape(title)}</h3><ul class="pn-model-figures">{items}</ul>')
    rest = "; ".join(f"{row['name']}: {row['evidence']}" for row in bundle.card.populations)
    note = f"At the balanced threshold; 95 % intervals in brackets. How they were found: {rest}."
    return f'<div>{"".join(parts)}<p class="pn-aside">{escape(note)}</p></div>'


def _weight(found: BundleStatus) -> Literal["primary", "secondary"]:
    """Primary only while no model is in service, for one without reliability warnings."""
    if any(one.found.in_service for one in inventory.all_models()):
        return "secondary"
    sound = found.bundle is not None and judge(found.bundle.card).sound
    return "primary" if sound else "secondary"


def _buttons(checked: Checked) -> None:
    found = checked.found
    name, usable = found.name, found.bundle is not None and not found.fault
    manages = may(Right.MANAGE)
    with st.container(horizontal=True, gap="small", key=f"actions-{name}"):
        if (
            manages
            and usable
            and not found.in_service
            and st.button("Put in service", key=f"models.activate.{name}", type=_weight(found))
        ):
            put_in_service(found.bundle)
        if usable:
            st.button(
                "Fit to this hospital",
                key=f"models.tofit.{name}",
                on_click=ask_for_fit,
                args=(name,),
            )
        if found.bundle is not None and st.button("Model card", key=f"models.card.{name}"):
            show_model_card(actions.readme_of(found.bundle))
        if st.button("Verify", key=f"models.verify.{name}"):
            actions.verify(name)
        if manages and usable:
            st.download_button(
                "Export",
                data=partial(actions.export, name, current()),
                file_name=f"{name}.zip",
                mime="application/zip",
                key=f"models.export.{name}",
                on_click="ignore",
            )
        deletable = manages and not found.in_service
        if deletable and st.button("Delete…", key=f"models.delete.{name}"):
            state.delete_request.set(name)
    if manages and found.in_service:
        st.caption(_NOT_DELETABLE)
