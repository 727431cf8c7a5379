"""Two or more models on the same films: ROC curves, differences, disagreements."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.charts.roc import Mark, Named, overlay
from pages.ui.charts.theme import figure_config
from pages.ui.job_progress import show_job
from pages.ui.metrics import predictions
from pages.ui.metrics.error_gallery import open_film
from pages.ui.metrics.predictions import evaluated_predictions, find_folder
from pages.ui.metrics.selection import PHASES, reads
from pages.ui.models import inventory
from pages.ui.page import plain
from pages.ui.state import start_key, starting
from pneumo_core.errors import PneumoError
from pneumo_core.evaluation.comparison import ROUNDS, Contender, NoCommonFilms, shipped
from pneumo_core.formatting import estimate, interval

if TYPE_CHECKING:
    import pandas as pd

    from pages.ui.metrics.predictions import Evaluation, Predictions
    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.evaluation.comparison import Comparison, OnCommonFilms, Pair
    from pneumo_core.metrics import AtThreshold, Estimate, McNemar


ALPHA = 0.05  # level of significance
SHOWN = 200  # films, those with the largest differences
_APART = (
    "have no films in common yet. Choose “New evaluation” at the top; after that, choose the "
    "other model here again to evaluate it on the same folder."
)
_MOST = 4  # curves that can still be distinguished


def show_comparison(subject: Predictions, at: AtThreshold, settings: Settings) -> None:
    """The choice of other models, and the comparison."""
    others = {
        one.found.name: one.found.bundle
        for one in inventory.all_models()
        if one.found.bundle and not one.found.fault and one.found.name != subject.bundle.name
    }
    if not others:
        st.info(
            "There is only one model. Train another, or import one on the Models screen.",
            icon=":material/info:",
        )
        return
    chosen = st.multiselect(
        f"Compare {subject.bundle.name} with",
        list(others),
        max_selections=_MOST - 1,
        key="metrics.others",
        placeholder="Choose a model",
    )
    if not chosen:
        st.caption(
            "Each model is compared at its own locked balanced threshold; the slider has no effect."
        )
        return
    try:
        contenders = _contenders(subject, [others[name] for name in chosen], settings)
        if contenders is None:
            return
        with st.spinner(f"Comparing, {ROUNDS:,} bootstrap samples of the patients…"):
            key = " ".join(f"{one.name}:{key}" for one, key in contenders)
            found = cache.comparison(cache.Keyed(key, [one for one, _ in contenders]))
    except NoCommonFilms:
        names = " and ".join(plain(name) for name in (subject.bundle.name, *chosen))
        st.info(f"{names} {_APART}", icon=":material/info:")
        return
    except PneumoError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    _show(found, subject, at, settings)


def difference_html(pair: Pair) -> str:
    """One sentence a figure: by how much the first is better, and how likely that is by chance."""
    lines = []
    if pair.delong is not None and pair.patients is not None:
        lines.append(
            f"<strong>AUC:</strong> {_by_how_much(pair, pair.patients, 'ranks')}; "
            f"{chance(pair.p_holm)} (DeLong, p {p_words(pair.p_holm)})."
        )
    tests = (
        ("sensitivity", "finds", "of the pneumonia films", pair.sensitivity),
        ("specificity", "clears", "of the normal films", pair.specificity),
    )
    for name, verb, of, test in tests:
        if test is not None:
            lines.append(
                f"<strong>{name.capitalize()}:</strong> "
                f"{_by_how_much(pair, test.difference, verb, of)}; correct alone: "
                f"{_alone(pair, test)}; {chance(test.p_mid)} (McNemar, p {p_words(test.p_mid)})."
            )
    items = "".join(f"<li>{line}</li>" for line in lines)
    names = f"{escape(pair.first)} against {escape(pair.second)}"
    return f'<h3 class="pn-chart">{names}</h3><ul class="pn-differences">{items}</ul>'


def show_disagreements(
    found: Comparison, subject: Predictions, at: AtThreshold, settings: Settings
) -> None:
    """The films on which the models disagree; a tick opens one."""
    films = found.disagreements
    st.html(
        f'<h3 class="pn-chart">The models disagree on {len(films):,} of {found.n:,} films</h3>'
        '<p class="pn-hint">Largest difference first. Tick a row to open the film.</p>'
    )
    if films.empty:
        return
    shown = films.head(SHOWN)
    event = st.dataframe(
        disagreement_table(shown, [one.name for one in found.models]),
        hide_index=True,
        selection_mode="single-row",
        on_select="rerun",
        key="metrics.disagreements",
        height=340,
        alt="Films on which the models disagree",
    )
    rows = event["selection"]["rows"]
    if rows and rows != state.disagreement.get():
        open_film(
            subject,
            shown["film"].iloc[rows[0]],
            shown["film"].tolist(),
            threshold=at.threshold,
            place=find_folder(subject, settings),
        )
    state.disagreement.set(rows)


def chance(p: float) -> str:
    """Whether a difference could be chance: "not statistically significant"."""
    if math.isnan(p):
        return "significance cannot be computed"
    return "statistically significant" if p < ALPHA else "not statistically significant"


def p_words(p: float) -> str:
    """A p value: "< 0.001", "= 0.031", or "not known"."""
    if math.isnan(p):
        return "not known"
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def disagreement_table(films: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Film, label, each model's probability in per cent, and which of them are correct."""
    import pandas as pd

    chances = {f"{name} (%)": (100 * films[f"p {name}"]).round(1) for name in names}
    return pd.DataFrame(
        {
            "film": films["film"].str.rpartition("/")[2],
            "label": films["label"],
            **chances,
            "correct": films["right"].replace("", "none"),
        }
    )


def _by_how_much(pair: Pair, difference: Estimate, verb: str, of: str = "") -> str:
    """The difference in points of 100, from the side of the better one."""
    value, low, high = (100 * end for end in difference)
    first, second = escape(pair.first), escape(pair.second)
    if value == 0:
        return f"both {verb.removesuffix('s')} equally well"
    better = first if value > 0 else second
    if value < 0:
        value, low, high = -value, -high, -low
    what = "better by" if verb == "ranks" else "more by"
    ends = interval((low, high), digits=2, signed=True)
    return f"{better} {verb} {what} {value:.2f} points {ends} {of}".rstrip()


def _alone(pair: Pair, test: McNemar) -> str:
    first, second = escape(pair.first), escape(pair.second)
    return f"{first} on {test.only_first:,}, {second} on {test.only_second:,}"


def _contenders(
    subject: Predictions, others: list[Bundle], settings: Settings
) -> list[tuple[Contender, str]] | None:
    """The models with their predictions and a key for these; None where one has to read first."""
    own = Contender(subject.bundle.name, subject.table, subject.bundle.points.balanced)
    found = [(own, subject.key)]
    if subject.root is None:
        return [*found, *((shipped(bundle), bundle.digest) for bundle in others)]
    mine = next(
        one
        for one in predictions.evaluations(subject.bundle, settings=settings)
        if subject.key.startswith(one.key)
    )
    for bundle in others:
        theirs = [
            one
            for one in predictions.evaluations(bundle, settings=settings)
            if (one.data, one.split) == (mine.data, mine.split)
        ]
        done = [one for one in theirs if predictions.is_done(one, settings=settings)]
        if not done:
            _ask_to_read(bundle, mine, theirs, settings)
            return None
        other = evaluated_predictions(bundle, done[0], settings)
        found.append((Contender(bundle.name, other.table, bundle.points.balanced), other.key))
    return found


def _ask_to_read(
    bundle: Bundle, mine: Evaluation, theirs: list[Evaluation], settings: Settings
) -> None:
    """Offer to evaluate a model on the films of another, or show the evaluation in progress."""
    for one in theirs:
        job = one.job(settings)
        if job is not None and show_job(job, doing=reads(one), phases=PHASES).state == "running":
            return
    st.info(
        f"{plain(bundle.name)} has not been evaluated on {plain(mine.films)} yet.",
        icon=":material/info:",
    )
    if st.button(f"Evaluate {bundle.name}", key=start_key(f"metrics.read.{bundle.name}")):
        with starting():
            predictions.begin(bundle, Path(mine.data), mine.split, settings=settings)
        st.rerun()


def _show(found: Comparison, subject: Predictions, at: AtThreshold, settings: Settings) -> None:
    st.html(
        f'<p class="pn-hint">{found.n:,} films in common: {found.n_normal:,} normal, '
        f"{found.n_pneumonia:,} pneumonia. {escape(' '.join(found.notes))} "
        f"<strong>{found.small_sample}</strong></p>"
    )
    left, right = st.columns([5, 6], gap="medium")
    with left:
        curves = [_curve(one) for one in found.models if one.roc is not None]
        if curves:
            corner = st.toggle("Zoom to the upper left", key="metrics.compare.corner")
            st.plotly_chart(
                overlay([one for one in curves if one], corner=corner),
                key="metrics.overlay",
                config=figure_config(),
                alt="ROC curves of " + ", ".join(one.name for one in found.models),
            )
    with right:
        st.html(_models_html(found.models))
        st.html("".join(difference_html(pair) for pair in found.pairs))
    show_disagreements(found, subject, at, settings)


def _curve(one: OnCommonFilms) -> Named:
    roc = one.roc
    if roc is None:
        raise ValueError("Expected a model with a curve.")
    mark = Mark(one.name, one.at.threshold, 1 - one.at.specificity.value, one.at.sensitivity.value)
    return Named(one.name, roc, mark)


def _models_html(models: list[OnCommonFilms]) -> str:
    body = "".join(
        f"<tr><th>{escape(one.name)}</th>"
        f"<td>{estimate(one.auc_patients, digits=4) if one.auc_patients else '–'}</td>"
        f"<td>{estimate(one.at.sensitivity, as_percent=True)}</td>"
        f"<td>{estimate(one.at.specificity, as_percent=True)}</td></tr>"
        for one in models
    )
    return (
        '<div class="pn-wide"><table class="pn-table"><thead><tr><th>At its locked threshold</th>'
        "<th>AUC (bootstrap by patient)</th><th>sensitivity</th><th>specificity</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )
