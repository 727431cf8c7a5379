"""Reader study: labelled films read blinded by named readers in random order, then with help."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, cast

import streamlit as st

from pages.ui import cache, state
from pages.ui.components.film_viewer import Picture, Shown, show_film_viewer
from pages.ui.diagnose.verdict import ask_confidence
from pages.ui.diagnose.viewer import legend_html, show_film_viewer_of
from pages.ui.folder_field import show_picker
from pages.ui.html import decode_grey, facts_list
from pages.ui.job_progress import show_job
from pages.ui.page import plain, plain_words
from pages.ui.session_film import make_entry
from pneumo_core.access import Right
from pneumo_core.config import load_settings
from pneumo_core.errors import BundleError, DataSetError, ReadingLogError, UnreadableImage
from pneumo_core.formatting import count, estimate, number, per_cent

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.readings.reader_study import ReaderStudy
    from pneumo_core.readings.study_results import StudyFilm, StudyPhase, StudyResults

_COMMAND = "reader-study"
_FOLDER = "study.folder"
_PHASES = {"before": "without the model", "after": "with the model"}
ABOUT = (
    "Several people read the same labelled films, each in a random order of their own: first "
    "without the model's answer, then with it. At the end each reader's sensitivity and "
    "specificity are shown with the model's ROC curve. Names and labels of the films stay hidden "
    "while they are read."
)
CANNOT_SHOW = (
    "This film cannot be shown: its file was changed, moved or deleted since the study was set up. "
    "Put it back, or set the study up again."
)


def show_studies() -> None:
    """The part at the foot of the page, folded: open a study or set one up."""
    part = st.expander("Reader study", key="studies", on_change="rerun", icon=":material/groups:")
    if not part.open:
        return
    with part, plain_words():
        settings = load_settings()
        st.html(f'<p class="pn-label">{ABOUT}</p>')
        _open_one(settings)
        _set_up(settings)


def show_study(bundle: Bundle | None) -> None:
    """The study that is open, in place of the films of the session."""
    from pneumo_core.readings.reader_study import ReaderStudy

    folder = _folder(load_settings()) / Path(state.study.get()).name
    st.button("Close the study", on_click=state.study.clear, icon=":material/arrow_back:")
    try:
        study = ReaderStudy(folder)
    except ReadingLogError as error:
        st.error(plain(str(error)))
        return
    views = ("Read", "Results")
    view = st.segmented_control(
        "Reader study", views, default="Read", required=True, key="study.view"
    )
    if view == "Results":
        _results(study)
    else:
        _read(study, bundle)


def _folder(settings: Settings) -> Path:
    return settings.readings_dir / "studies"


def _open_one(settings: Settings) -> None:
    from pneumo_core.readings.reader_study import studies

    known = {study.id: study for study in studies(_folder(settings))}
    if not known:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Studies",
            list(known),
            format_func=lambda one: _title(known[one]),
            key="study.chosen",
            width=420,
        )
        if st.button("Open the study", key="study.open"):
            state.study.set(chosen)
            st.rerun()


def _title(study: ReaderStudy) -> str:
    return f"{study.root.name}: {count(len(study.films), 'films')}, {study.at[:10]}, {study.model}"


def _set_up(settings: Settings) -> None:
    """The form of a new study, and the job in which the model reads its films."""
    from pneumo_core.dataset.layout import check_labelled
    from pneumo_core.dataset.sources import check_folder
    from pneumo_core.jobs.job import latest_job, start_job

    asked = state.study_job.get()
    job = latest_job(_COMMAND, settings=settings, key=asked) if asked else None
    if job is not None:
        status = show_job(job, doing="Setting the study up", phases={"read": "the model reads"})
        if status.state == "running":
            return
        state.study_job.clear()
        if status.state == "done":
            _open_newest(settings)
    with st.form("study.new", border=False):
        typed = st.text_input(
            "Folder with NORMAL/ and PNEUMONIA/, or with train/, val/ and test/ that hold these",
            key=_FOLDER,
        )
        left, right = st.columns(2)
        films = left.number_input("Films, drawn at random", 2, 1000, 20, key="study.films")
        seed = right.number_input("Random seed (selection and order)", 0, 9999, 0, key="study.seed")
        start = st.form_submit_button("Set up a study", key="study.start")
    show_picker(settings, _FOLDER)
    if not start:
        return
    try:
        path = check_folder(typed, settings=settings)
        check_labelled(path)
    except DataSetError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    options = ["--films", str(films), "--seed", str(seed), "--json"]
    key = f"{path} {films} {seed}"
    words = [_COMMAND, str(path), *options]
    start_job(_COMMAND, words, settings=settings, key=key, right=Right.READ)
    state.study_job.set(key)
    st.rerun()


def _open_newest(settings: Settings) -> None:
    from pneumo_core.readings.reader_study import studies

    if found := studies(_folder(settings)):
        state.study.set(found[0].id)
        st.rerun()


def _read(study: ReaderStudy, bundle: Bundle | None) -> None:
    """The next film of the reader, or that all are read."""
    reader = st.text_input(
        "Your name or a pseudonym", state.reader_name.get(), max_chars=80, key="study.reader"
    ).strip()
    if not reader:
        st.info("Type your name or a pseudonym to begin, or to go on where you stopped.")
        return
    state.reader_name.set(reader)
    try:
        order = [film for film in study.order(reader) if film.sha256]
        done = {(one.film, one.phase) for one in study.answers(reader)}
    except ReadingLogError as error:
        st.error(plain(str(error)))
        return
    phases: tuple[StudyPhase, ...] = ("before", "after")
    left = [(at, film, p) for at, film in enumerate(order) for p in phases
            if (film.film, p) not in done]  # fmt: skip
    if not left:
        st.success(f"All {count(len(order), 'films')} are read. Thank you.")
        return
    at, film, phase = left[0]
    title = f"Film {at + 1} of {len(order)}, {_PHASES[phase]}"
    st.html(f'<p class="pn-place">{title}</p>')
    picture, words = st.columns([5, 4], gap="medium")
    with picture:
        _film(study, film, f"Film {at + 1}", phase, bundle)
    with words:
        if phase == "after":
            st.html(_answer_html(study, film))
        _form(study, film, phase, reader)


def _film(
    study: ReaderStudy, film: StudyFilm, name: str, phase: StudyPhase, bundle: Bundle | None
) -> None:
    """The film under a neutral name; after the first answer with the map of the model."""
    try:
        if phase == "after" and bundle is not None and bundle.digest == study.digest:
            reading = cache.film_reading(bundle, study.root, film.film, film.sha256)
            show_film_viewer_of(make_entry(name, film.sha256, reading), "study.viewer")
            if reading.cam is not None:
                st.html(legend_html(reading))
            return
        jpeg = cache.film_picture(study.root, film.film, film.sha256)
    except (DataSetError, UnreadableImage, BundleError):  # its words would name the file
        st.warning(CANNOT_SHOW)
        return
    height, width = decode_grey(jpeg).shape
    picture = Picture(film.sha256[:16], name, width, height, jpeg)
    show_film_viewer(picture, Shown(), lambda _: None, key="study.viewer")


def _answer_html(study: ReaderStudy, film: StudyFilm) -> str:
    p = "–" if film.p_pneumonia is None else per_cent(film.p_pneumonia)
    low, high = (per_cent(one) for one in study.thresholds)
    rows = [
        ("The model", escape(film.message)),
        ("Probability", f"{p} of pneumonia (screening {low}, ruling-in {high})"),
    ]
    return facts_list(rows)


def _form(study: ReaderStudy, film: StudyFilm, phase: StudyPhase, reader: str) -> None:
    from pneumo_core.readings.study_results import CALLS, Answer, Call

    key = f"study.{film.sha256[:16]}.{phase}"
    first = {one.film: one for one in study.answers(reader) if one.phase == "before"}
    last = first.get(film.film) if phase == "after" else None
    with st.form(key, border=False):
        finding = st.segmented_control(
            "Your finding",
            CALLS,
            default=last.finding if last else None,
            key=f"{key}.finding",
        )
        confidence = ask_confidence(key, last.confidence if last else None)
        label = "Save and show the model's answer" if phase == "before" else "Save, next film"
        if not st.form_submit_button(label, type="primary", key=f"{key}.save"):
            return
    if finding is None:
        st.error("Expected your finding, got none. Choose one, then save.")
        return
    try:
        study.record(Answer(reader, film.film, phase, cast("Call", finding), confidence))
    except ReadingLogError as error:
        st.error(plain(str(error)))
        return
    st.rerun()


def _results(study: ReaderStudy) -> None:
    """Readers against labels, beside the model; with against without help; the answers as files."""
    import json

    from pages.ui.charts.roc import readers as draw

    results = study.results()
    if not results.readers:
        st.info("Nobody has answered yet.")
        return
    st.html(_results_html(results))
    if results.roc is not None:
        st.plotly_chart(draw(results.roc, points(results)), key="study.roc", config={})
    document = {"study": study.id, "model": study.model, "digest": study.digest}
    document |= {**results.to_dict(), "disclaimer": study.disclaimer}
    with st.container(horizontal=True):
        for label, data, name, mime in (
            ("Answers (CSV)", study.to_csv(), "answers.csv", "text/csv"),
            ("Results (JSON)", json.dumps(document, indent=1), "results.json", "application/json"),
        ):
            st.download_button(
                label,
                data,
                f"reader-study-{study.id}-{name}",
                mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"study.{name}",
            )


def points(results: StudyResults) -> list[tuple[str, tuple[float, ...], tuple[float, ...]]]:
    """For the chart: a reader and phase, false alarms and sensitivity, each value, low and high."""
    return [
        (
            f"{one.reader}, {_PHASES[one.phase]}",
            (1 - one.specificity.value, 1 - one.specificity.high, 1 - one.specificity.low),
            tuple(one.sensitivity),
        )
        for one in results.readers
    ]


def _results_html(results: StudyResults) -> str:
    area = f"AUC {estimate(results.auc)}" if results.auc else "no AUC: films of one class only"
    films = f"{count(results.n, 'films')}, {results.n_pneumonia:,} with pneumonia"
    rows = "".join(
        f"<tr><td>{escape(one.reader)}</td><td>{_PHASES[one.phase]}</td><td>{one.counts.n:,}</td>"
        f"<td>{estimate(one.sensitivity, as_percent=True)}</td>"
        f"<td>{estimate(one.specificity, as_percent=True)}</td></tr>"
        for one in results.readers
    )
    changes = "".join(
        f"<li>{escape(one.reader)}, {one.on} with the model's help: "
        f"{estimate(one.test.difference, as_percent=True, signed=True)}, McNemar "
        f"p = {number(one.test.p_mid)} (mid-p, {count(one.test.n, 'films')})</li>"
        for one in results.changes
        if one.test is not None
    )
    without = results.without_number
    left_out = f" {count(without, 'films')} without a probability." if without else ""
    return (
        f'<p class="pn-label">{films}. The model: {area}.{left_out} In brackets: 95 % intervals.'
        '</p><div class="pn-scroll"><table class="pn-table"><thead><tr><th>Reader</th><th></th>'
        "<th>Films</th><th>Sensitivity</th><th>Specificity</th></tr></thead>"
        f'<tbody>{rows}</tbody></table></div><ul class="pn-problems">{changes}</ul>'
    )
