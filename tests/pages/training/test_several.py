"""Several sources on the Training screen."""

from pages.ui import state
from pneumo_core.dataset.sources import data_dir
from pneumo_core.training.sources import sources_of
from tests.pages.seen import button, html_of, no_trace


def another(settings, name="second", films=7):
    folder = data_dir(settings) / name
    for number in range(films):
        for film in (
            f"NORMAL/IM-{number:04}-0001.jpeg",
            f"PNEUMONIA/person{number}_bacteria_1.jpeg",
        ):
            (folder / film).parent.mkdir(parents=True, exist_ok=True)
            (folder / film).touch()
    return folder


def add(page, folder):
    page.text_input(key="training.source").set_value(str(folder))
    button(page, "Add the source").click().run()


def test_a_further_source_is_added_trained_on_and_taken_out(page, films, started, settings):
    second = another(settings)
    page.run()
    add(page, second)
    assert "With 1 more: 50 training films: 19 normal / 19 bacterial / 12 viral" in html_of(page)
    page.toggle(key="training.leave_source_out").set_value(True).run()
    shown = " ".join(one.value for one in page.code)
    assert f"train {films} {second} --preset quick" in shown
    assert "--leave-source-out" in shown
    page.button(key="training.start").click().run()
    (run,) = started
    assert [one.folder for one in sources_of(run.config())] == [films, second]
    assert run.recipe().leave_source_out
    button(page, "Remove").click().run()
    assert "more:" not in html_of(page)
    assert page.session_state[state.further_sources.key] == ()
    assert no_trace(page)


def test_what_is_no_other_source_is_refused_with_the_reason(page, films, started, settings):
    page.run()
    add(page, films / "train")
    assert "are the same folder or one holds the other" in page.error[0].value
    empty = data_dir(settings) / "empty"
    empty.mkdir()
    add(page, empty)
    assert "found no such films in" in page.error[0].value
    assert state.further_sources.key not in page.session_state
    assert no_trace(page)
