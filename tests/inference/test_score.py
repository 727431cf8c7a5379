"""Archives in blocks: each film once, whatever ended the work before."""

import json

import cv2
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from pneumo_core.cli.exports import scored_row
from pneumo_core.config import Limits
from pneumo_core.errors import DataSetError, PneumoError, UnreadableImage
from pneumo_core.inference import score_ray
from pneumo_core.inference.score import Block, Destination, blocks_of, score_here
from pneumo_core.inference.sources import Source, archive_of
from pneumo_core.synthetic.appearance import synthetic_film


@pytest.fixture
def archive(tmp_path):
    """Two folders of two films each, one film at the top."""
    folder = tmp_path / "archive"
    for i, name in enumerate(("a/1.png", "a/2.png", "b/1.png", "b/2.png", "top.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), synthetic_film("bacterial", i, size=96))
    return folder


def rows_in(folder):
    files = sorted(folder.rglob("*.parquet"))
    return [row for file in files for row in parquet.ParquetFile(file).read().to_pylist()]


def test_blocks_hold_one_partition_each_and_what_is_done_is_left_out(archive):
    films = list(archive_of(str(archive)))
    found = list(blocks_of(films, partition="source", size=2, done=[films[0].name]))
    assert [(block.folder, len(block.sources)) for block in found] == [
        ("source=b", 2),
        ("source=a", 1),
        ("source=top", 1),
    ]
    (block,) = blocks_of(films, partition="none", size=9)
    assert block.name == block.name.rpartition("/")[2]
    assert block.name == Block("", tuple(films)).name
    (today,) = blocks_of(films[:1], partition="day")
    assert today.folder.startswith("day=20")


def test_many_small_folders_do_not_wait_for_ever():
    films = [Source(None, f"{i}.png", collection=str(i)) for i in range(200)]
    found = [len(block.sources) for block in blocks_of(films, partition="source", size=100)]
    assert sum(found) == 200


def test_a_second_start_does_only_the_rest(archive, tiny_bundle, tmp_path):
    place = Destination(str(tmp_path / "out"))
    place.begin(tiny_bundle, str(archive))
    blocks = blocks_of(archive_of(str(archive)), partition="none", size=2)
    work = score_here(blocks, place, tiny_bundle, scored_row)
    assert next(work).films == 2
    work.close()  # as where the process is killed: the other rows are lost
    assert len(place.done()) == 2
    rest = blocks_of(archive_of(str(archive)), partition="none", size=2, done=place.done())
    assert sum(one.films for one in score_here(rest, place, tiny_bundle, scored_row)) == 3
    names = [row["file"] for row in rows_in(tmp_path / "out")]
    assert sorted(names) == sorted(source.name for source in archive_of(str(archive)))


def test_the_manifest_names_the_model_and_refuses_another(tiny_bundle, tmp_path):
    from dataclasses import replace

    place = Destination(str(tmp_path))
    place.begin(tiny_bundle, "films")
    place.end(5, 1)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["source"], manifest["model"], manifest["films"], manifest["failures"]) == (
        *("films", "tiny 1.0", 5, 1),
    )
    with pytest.raises(DataSetError, match=r"found those of tiny 1\.0"):
        place.begin(replace(tiny_bundle, digest="another"), "films")


def test_lists_name_films_from_their_own_folder(archive):
    names = pa.table({"path": ["a/1.png", "gone.png"]})
    parquet.write_table(names, archive / "list.parquet")
    csv.write_csv(names, archive / "list.csv")
    for ending in ("csv", "parquet"):
        first, second = archive_of(str(archive / f"list.{ending}"))
        assert first.path == archive / "a/1.png"
        assert first.read(Limits())[:4] == b"\x89PNG"
        with pytest.raises(UnreadableImage, match=r"There is no file gone\.png"):
            second.read(Limits())


def test_films_of_a_store_are_listed_and_fetched(archive):
    url = archive.as_uri()  # Arrow takes a folder for a store
    found = list(archive_of(url))
    assert [source.name for source in found] == [
        f"{url}/{name}" for name in ("a/1.png", "a/2.png", "b/1.png", "b/2.png", "top.png")
    ]
    assert [source.collection for source in found] == ["a", "a", "b", "b", ""]
    assert found[0].read(Limits()) == (archive / "a/1.png").read_bytes()
    with pytest.raises(UnreadableImage, match="at most"):
        found[0].read(Limits(max_bytes=10))


@pytest.mark.parametrize("place", ["none", "notes.txt", "s4://bucket/films", "bad.csv"])
def test_what_is_no_archive_is_refused(tmp_path, place):
    (tmp_path / "notes.txt").write_text("no list")
    (tmp_path / "bad.csv").write_text("file\na.png\n")
    with pytest.raises(DataSetError, match="Expected"):
        list(archive_of(place if "://" in place else str(tmp_path / place)))


def test_without_ray_the_way_to_get_it_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(PneumoError, match=r"requirements-cluster\.txt"):
        score_ray.ray_module()


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_ray_writes_the_rows_that_this_machine_writes(archive, tiny_bundle, tmp_path):
    pytest.importorskip(
        "ray", reason="Ray is not installed: pip install -r requirements-cluster.txt"
    )
    from pneumo_core.inference.predict import Reader

    (archive / "text.png").write_text("no film")
    here, there = Destination(str(tmp_path / "here")), Destination(str(tmp_path / "there"))
    blocks = list(blocks_of(archive_of(str(archive)), partition="source", size=2))
    list(score_here(blocks, here, tiny_bundle, scored_row))
    form = Reader(tiny_bundle).form(display=False)
    written = score_ray.score_on_ray(
        blocks, there.place, tiny_bundle, scored_row, form=form, workers=1
    )
    assert sum(one.films for one in written) == 6
    expected, found = rows_in(tmp_path / "here"), rows_in(tmp_path / "there")
    assert [row | {"ms": 0} for row in found] == [row | {"ms": 0} for row in expected]
