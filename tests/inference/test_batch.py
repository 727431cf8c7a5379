"""Many films through processes and threads: each has its answer, whatever happens to others."""

import os

import cv2
import pytest

from pneumo_core.config import Limits
from pneumo_core.inference import batch
from pneumo_core.inference.batch import ALONE, Crew, Decoders, crew_for, read_many
from pneumo_core.inference.predict import Reader
from pneumo_core.inference.prepare import Form, Refused, prepare_source
from pneumo_core.inference.sources import Source, sources_below
from pneumo_core.synthetic.appearance import synthetic_film

CREW = Crew(processes=1, threads=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """12 films, and a file that is none."""
    folder = tmp_path_factory.mktemp("films")
    for i in range(12):
        cv2.imwrite(str(folder / f"{i:02}.png"), synthetic_film("bacterial", i, size=128))
    (folder / "05-text.png").write_text("no film")
    return folder


def summed(source, reading):
    return source.name, reading.status, reading.p_pneumonia, reading.message


def test_many_have_the_answers_of_each_by_itself_in_order(folder, tiny_bundle):
    reader = Reader(tiny_bundle, throughput=True)
    sources = list(sources_below([folder]))
    found = list(read_many(reader, sources, summed, crew=CREW))
    alone = Reader(tiny_bundle)
    assert [one[0] for one in found] == [source.name for source in sources]
    for source, (_, status, p, message) in zip(sources, found, strict=True):
        expected = alone.read_path(source.path)
        assert (status, message) == (expected.status, expected.message)
        assert p == pytest.approx(expected.p_pneumonia, abs=1e-6)


def test_out_of_order_none_is_lost(folder, tiny_bundle):
    reader = Reader(tiny_bundle, throughput=True)
    sources = [*sources_below([folder]), Source(folder / "gone.png", "gone.png")]
    sources.append(Source(folder, "link", "link is a link that leads to no file."))
    found = {
        name: (status, message)
        for name, status, _, message in read_many(reader, sources, summed, crew=CREW, ordered=False)
    }
    assert len(found) == len(sources)
    assert found["gone.png"] == ("error", "There is no file gone.png. Check the name.")
    assert found["link"] == ("error", "link is a link that leads to no file.")


def test_a_few_films_start_no_process(folder, tiny_bundle, monkeypatch):
    monkeypatch.setattr(batch, "Decoders", None)
    sources = list(sources_below([folder]))[:ALONE]
    assert len(list(read_many(Reader(tiny_bundle), sources, summed))) == ALONE


def test_only_so_many_films_wait(folder, tiny_bundle):
    reader, given = Reader(tiny_bundle), 0

    def sources():
        nonlocal given
        for given in range(1, 201):
            yield Source(folder / "00.png", str(given))

    results = read_many(reader, sources(), summed, crew=CREW)
    for taken in range(1, 31):
        next(results)
        assert given <= taken + CREW.waiting + ALONE
    results.close()


def test_a_decoder_that_dies_costs_its_own_film_only(folder, monkeypatch):
    monkeypatch.setattr(batch, "prepare_source", die_on_03)
    with Decoders(1, Form(64, display=False), Limits()) as decoders:
        prepared = [decoders.prepare(source) for source in sources_below([folder])]
        found = [one.result(timeout=120) for one in prepared]
    refused = [one.message for one in found if isinstance(one, Refused)]
    assert len(refused) == 2  # and the text
    assert refused[0] == "This file ended the process that decoded it. Try another copy of it."
    assert sum(isinstance(one, Refused) for one in found) == 2


def die_on_03(source, form, limits):
    if source.path.name == "03.png":
        os._exit(1)
    return prepare_source(source, form, limits)


def test_there_is_work_for_every_stream(tiny_bundle):
    reader = Reader(tiny_bundle, throughput=True)
    assert reader.streams >= 1
    crew = crew_for(reader)
    assert crew.threads == reader.streams + 1
    assert crew.processes >= 1
    assert crew.waiting == 4 * (crew.processes + crew.threads)
