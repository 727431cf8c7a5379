"""The pixel cache: right pixels, built once, whole or not there."""

import os
import threading

import cv2
import numpy as np
import pandas as pd
import pytest

from pneumo_core.dataset import pixel_cache as parallel
from pneumo_core.dataset import pixel_cache as pixels
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import Transform, cache_key, pixel_cache
from pneumo_core.errors import DataSetError
from pneumo_core.imaging import decode

SIZE = 16


@pytest.fixture
def root(tmp_path):
    """Five normal and four pneumonia films of several shapes, PNG."""
    rng = np.random.default_rng(0)
    for n in range(9):
        folder = tmp_path / "data" / ("NORMAL" if n < 5 else "PNEUMONIA")
        folder.mkdir(parents=True, exist_ok=True)
        film = rng.integers(0, 256, (40 + n, 48), dtype=np.uint8)
        (folder / f"{n}.png").write_bytes(cv2.imencode(".png", film)[1].tobytes())
    return tmp_path / "data"


@pytest.fixture
def index(root):
    return index_folder(root)


@pytest.fixture
def cache_dir(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def count_reads(monkeypatch):
    """The films decoded, by name, as they are."""
    read, names = decode.read_film, []

    def counting(path, **options):
        names.append(path.name)
        return read(path, **options)

    monkeypatch.setattr(decode, "read_film", counting)
    return names


def cache_file(cache_dir):
    (path,) = cache_dir.glob("*.npy")
    return path


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_rows_are_the_films_decoded_and_resized(index, root, cache_dir, workers):
    cached = pixel_cache(index, root, size=SIZE, cache_dir=cache_dir, workers=workers)
    assert (cached.shape, cached.dtype) == ((9, SIZE, SIZE), np.uint8)
    for row, film in zip(cached, index["film"], strict=True):
        expected = decode.resize(decode.read_film(root / film).pixels, SIZE)
        assert (row == expected).all()


def test_a_transform_has_a_cache_of_its_own(index, root, cache_dir):
    plain = pixel_cache(index, root, size=SIZE, cache_dir=cache_dir)
    half = Transform("half", SIZE // 2, lambda copy: 255 - copy[::2, ::2])
    changed = pixel_cache(index, root, size=SIZE, cache_dir=cache_dir, transform=half)
    np.testing.assert_array_equal(changed, 255 - plain[:, ::2, ::2])
    other = Transform("other", SIZE // 2, lambda copy: copy[::2, ::2])
    np.testing.assert_array_equal(
        pixel_cache(index, root, size=SIZE, cache_dir=cache_dir, transform=other),
        plain[:, ::2, ::2],
    )
    assert len(list(cache_dir.glob("*.npy"))) == 3


def test_the_cache_is_a_read_only_memory_map(index, root, cache_dir):
    cached = pixel_cache(index, root, size=SIZE, cache_dir=cache_dir)
    assert isinstance(cached, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        cached[0] = 0


def test_a_ready_cache_is_opened_and_not_built(index, root, cache_dir, count_reads):
    pixel_cache(index, root, size=SIZE, cache_dir=cache_dir)
    assert len(count_reads) == 9
    pixel_cache(index, root, size=SIZE, cache_dir=cache_dir)
    assert len(count_reads) == 9


def test_films_beyond_one_chunk_keep_their_order(index, root, cache_dir, monkeypatch):
    whole = pixel_cache(index, root, size=SIZE, cache_dir=cache_dir)
    monkeypatch.setattr(parallel, "CHUNK", 4)
    seen = []
    chunked = pixel_cache(
        index,
        root,
        size=SIZE,
        cache_dir=cache_dir / "chunked",
        progress=lambda *at: seen.append(at),
    )
    assert (chunked == whole).all()
    assert seen == [("decode", n, 9) for n in range(1, 10)]


def test_the_key_is_content_order_size_and_version(index, monkeypatch):
    key = cache_key(index, SIZE)
    assert cache_key(index.assign(film="elsewhere"), SIZE) == key
    assert cache_key(index, SIZE + 1) != key
    assert cache_key(index.iloc[::-1], SIZE) != key
    assert cache_key(index.iloc[:-1], SIZE) != key
    monkeypatch.setattr(pixels, "PREPROCESSING_VERSION", pixels.PREPROCESSING_VERSION + 1)
    assert cache_key(index, SIZE) != key


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:100],
        lambda data: data[:0],
        lambda data: b"foreign" + data,
        lambda data: data.replace(b"|u1", b"|i1"),
        lambda data: data.replace(b"(9, 16, 16)", b"(3, 48, 16)"),
    ],
)
def test_a_damaged_cache_is_built_anew(index, root, cache_dir, damage):
    whole = np.array(pixel_cache(index, root, size=SIZE, cache_dir=cache_dir))
    path = cache_file(cache_dir)
    path.write_bytes(damage(path.read_bytes()))
    assert (pixel_cache(index, root, size=SIZE, cache_dir=cache_dir) == whole).all()


def test_an_interrupted_build_leaves_no_cache_and_the_next_one_succeeds(index, root, cache_dir):
    def interrupt(_phase, done, _total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pixel_cache(index, root, size=SIZE, cache_dir=cache_dir, progress=interrupt)
    assert [path.suffix for path in cache_dir.iterdir() if path.suffix != ".lock"] == []
    assert len(pixel_cache(index, root, size=SIZE, cache_dir=cache_dir)) == 9


def test_what_a_killed_build_left_is_overwritten(index, root, cache_dir):
    whole = np.array(pixel_cache(index, root, size=SIZE, cache_dir=cache_dir))
    path = cache_file(cache_dir)
    path.rename(path.with_suffix(".partial"))
    path.with_suffix(".partial").write_bytes(b"half" * 10_000)
    assert (pixel_cache(index, root, size=SIZE, cache_dir=cache_dir) == whole).all()
    assert not path.with_suffix(".partial").exists()


def test_two_builds_at_once_decode_every_film_once(index, root, cache_dir, count_reads):
    started, results = threading.Event(), []

    def build():
        results.append(
            pixel_cache(
                index, root, size=SIZE, cache_dir=cache_dir, progress=lambda *_: started.set()
            )
        )

    first = threading.Thread(target=build)
    first.start()
    started.wait(600)
    build()
    first.join()
    assert (results[0] == results[1]).all()
    assert len(count_reads) == 9


def test_unreadable_rows_are_refused_by_name(index, root, cache_dir):
    bad = index.copy()
    bad.loc[[2, 3], "readable"] = False
    bad.loc[[2, 3], "problem"] = "The file is cut short."
    message = r"got 2 unreadable, the first NORMAL/2.png: The file is cut short"
    with pytest.raises(DataSetError, match=message):
        pixel_cache(bad, root, size=SIZE, cache_dir=cache_dir)


def test_an_empty_index_is_refused(index, root, cache_dir):
    with pytest.raises(DataSetError, match="at least one film, got an empty index"):
        pixel_cache(index.iloc[:0], root, size=SIZE, cache_dir=cache_dir)


def test_films_that_changed_or_vanished_since_are_named(index, root, cache_dir):
    path = root / "PNEUMONIA/7.png"
    path.write_bytes((root / "NORMAL/0.png").read_bytes())
    with pytest.raises(DataSetError, match=r"PNEUMONIA/7.png as it was indexed, got other bytes"):
        pixel_cache(index, root, size=SIZE, cache_dir=cache_dir)
    path.unlink()
    with pytest.raises(DataSetError, match=r"Expected PNEUMONIA/7.png as it was indexed, got: "):
        pixel_cache(index, root, size=SIZE, cache_dir=cache_dir)
    assert list(cache_dir.glob("*.npy")) == []


def test_a_cache_folder_that_cannot_be_written_says_so(index, root, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataSetError, match=r"write .* of pixels .* set PNEUMO_CACHE"):
        pixel_cache(index, root, size=SIZE, cache_dir=tmp_path / "file")


def test_a_full_disk_says_so_and_leaves_nothing(index, root, cache_dir, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataSetError, match=r"got: No space left on device. Free some space"):
        pixel_cache(index, root, size=SIZE, cache_dir=cache_dir)
    assert [path.suffix for path in cache_dir.iterdir() if path.suffix != ".lock"] == []


def test_rows_of_a_part_of_the_index_stay_aligned(index, root, cache_dir):
    part = index[index["label"] == "pneumonia"]
    assert isinstance(part, pd.DataFrame)
    whole = pixel_cache(index, root, size=SIZE, cache_dir=cache_dir)
    assert (pixel_cache(part, root, size=SIZE, cache_dir=cache_dir) == whole[5:]).all()
