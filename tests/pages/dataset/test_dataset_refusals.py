"""What the Dataset page says of folders and films that it cannot show."""

import pytest

from pages.ui import cache
from pneumo_core.dataset.sources import remember_source, remembered_source
from pneumo_core.errors import DataSetError
from pneumo_core.jobs.status import Status
from tests.pages.seen import button, click_twice, html_of, no_trace


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "got nothing"),
        ("/etc", "leads elsewhere"),
        ("{demo}/../../../etc", "leads elsewhere"),
        ("{demo}/missing", "where there is nothing"),
    ],
)
def test_a_folder_that_may_not_be_opened_is_refused_in_words(page, settings, demo, typed, told):
    page.run().text_input(key="dataset.typed").set_value(typed.format(demo=demo))
    button(page, "Open").click().run()
    assert told in page.error[0].value
    assert remembered_source(settings=settings) is None
    assert no_trace(page)


def test_a_folder_without_films_is_refused_before_it_is_looked_through(page, settings, jobs, demo):
    empty = demo.parent / "empty"
    empty.mkdir(exist_ok=True)
    page.run().text_input(key="dataset.typed").set_value(str(empty))
    button(page, "Open").click().run()
    assert "found no such films in" in page.error[0].value
    assert jobs.started == []
    assert remembered_source(settings=settings) is None
    assert no_trace(page)


def test_a_look_that_failed_says_so_and_is_begun_again_only_when_asked(page, settings, jobs, demo):
    remember_source("folder", demo, settings=settings)
    page.run()
    assert jobs.started == [("audit", str(demo))]
    jobs.status = Status("failed", message="Expected the disk to answer.")
    page.run()
    assert page.error[0].value.endswith("Expected the disk to answer.")
    assert page.text_input(key="dataset.typed")
    page.run()
    assert len(jobs.started) == 1
    click_twice(page, button(page, "Try again"))
    assert len(jobs.started) == 2
    assert no_trace(page)


def test_a_folder_that_has_gone_is_told_of_and_leads_back_to_the_start(page, settings, demo):
    gone = demo.parent / "gone"
    gone.mkdir()
    remember_source("folder", gone, settings=settings)
    gone.rmdir()
    page.run()
    assert "The data set opened last cannot be opened" in page.warning[0].value
    assert "where there is nothing" in page.warning[0].value
    assert "Look at the data before you train on it." in html_of(page)
    assert no_trace(page)


def test_a_film_that_changed_or_left_its_folder_is_refused(demo, tmp_path):
    (tmp_path / "film.jpeg").write_bytes(b"other bytes")
    for film in ("film.jpeg", "missing.jpeg", "../film.jpeg"):
        with pytest.raises(DataSetError, match="it has changed or is missing"):
            cache.film_bytes(tmp_path, film, "0" * 64)
