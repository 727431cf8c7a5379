"""Decoding apart: the same films, a deadline, limited memory, and a death that costs one file."""

import os
import signal
import sys
import threading

import numpy as np
import psutil
import pytest

from pneumo_core.config import Limits
from pneumo_core.errors import ForeignImage, UnreadableImage
from pneumo_core.imaging import decode as decoding
from pneumo_core.imaging.decode import decode_here
from pneumo_core.imaging.decode_worker import MEMORY
from pneumo_core.imaging.isolation import DecoderPool, decoders
from tests.imaging.film_files import GREY, file_of

TIFF, GIF = file_of(GREY, "TIFF"), file_of(GREY, "GIF")
ENDLESS = GIF[:781] + b"\x21\xfe\x01a\0" * 4_000_000 + GIF[781:]  # comments: ten seconds or more


@pytest.fixture(scope="module")
def pool():
    made = DecoderPool(1, seconds=60)
    yield made
    made.close()


def worker_of(pool):
    return psutil.Process(pool._idle[0]._process.pid)


def test_a_film_is_the_same_as_in_this_process(pool, dicom_file):
    for data in (TIFF, GIF, dicom_file(ImagerPixelSpacing=[0.2, 0.2])):
        apart, here = pool.decode(data, Limits()), decode_here(data, Limits())
        assert np.array_equal(apart.pixels, here.pixels)
        assert apart.facts == here.facts
        assert apart.pixels.flags.writeable
        assert apart.pixels.flags.c_contiguous


def test_refusals_are_the_same(pool, dicom_file):
    with pytest.raises(ForeignImage, match="is an MR image") as caught:
        pool.decode(dicom_file(Modality="MR"), Limits())
    assert "Expected one frontal chest radiograph" in caught.value.remedy
    with pytest.raises(UnreadableImage, match="at most 50 on a side"):
        pool.decode(file_of(np.zeros((64, 64), np.uint8), "TIFF"), Limits(max_side=50))


@pytest.mark.skipif(sys.platform != "linux", reason="limits are read from Linux")
def test_a_worker_has_limited_memory_and_one_is_used_again(pool):
    pool.decode(TIFF, Limits())
    worker = worker_of(pool)
    assert worker.rlimit(psutil.RLIMIT_AS) == (MEMORY, MEMORY)
    pool.decode(TIFF, Limits())
    assert worker_of(pool).pid == worker.pid


def test_what_takes_too_long_is_ended_and_the_next_film_is_read():
    pool = DecoderPool(1, seconds=0.3)
    with pytest.raises(UnreadableImage, match=r"took more than 0 seconds: it is too costly") as e:
        pool.decode(ENDLESS, Limits())
    assert "at a smaller size" in e.value.remedy
    pool._seconds = 60
    assert pool.decode(GIF, Limits()).pixels.shape == (40, 48)
    pool.close()
    assert pool._idle == []


def test_a_worker_that_died_idle_is_replaced(pool):
    pool.decode(TIFF, Limits())
    before = worker_of(pool)
    before.kill()
    before.wait()
    assert pool.decode(TIFF, Limits()).pixels.shape == (40, 48)
    assert worker_of(pool).pid != before.pid


def test_a_decoder_that_fails_costs_its_own_film(pool):
    pool.decode(TIFF, Limits())
    pid = worker_of(pool).pid
    os.kill(pid, signal.SIGSTOP)  # so that it cannot answer before it is killed
    killer = threading.Timer(0.2, os.kill, (pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(UnreadableImage, match="made its decoder fail: it is damaged"):
        pool.decode(TIFF, Limits())
    killer.join()
    assert pool.decode(TIFF, Limits()).pixels.shape == (40, 48)


def test_films_of_several_threads_wait_for_a_worker(pool):
    found = []
    films = [np.full((40, 40), grey, np.uint8) for grey in range(0, 160, 20)]

    def read(film):
        found.append(pool.decode(file_of(film, "TIFF"), Limits()).pixels[0, 0])

    threads = [threading.Thread(target=read, args=(film,)) for film in films]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(0, 160, 20))
    assert len(pool._idle) == 1


def test_memory_that_runs_out_is_said(monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(decoding, "_decode", full)
    with pytest.raises(UnreadableImage, match="takes more memory than a film may have"):
        decode_here(TIFF, Limits())


def test_all_of_a_process_share_one_pool():
    assert decoders() is decoders()
