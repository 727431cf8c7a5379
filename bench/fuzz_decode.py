"""Search, guided by coverage, for bytes that a decoder of films trips over; run by hand.

    pip install atheris
    python -m bench.fuzz_decode SEEDS -max_total_time=3600 -timeout=15 -rss_limit_mb=2500

SEEDS is a folder of small films of every kind; libFuzzer (atheris) mutates them and keeps those
that reach new code. It ends at a crash, at a hang, at memory beyond the limit, or at an answer that
is neither a film nor a refusal in words, and writes the bytes to a file. The test suite makes the
same kind of search with hypothesis, bounded (tests/imaging/test_any_bytes.py).
"""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports(include=["pneumo_core.imaging", "pneumo_core.readings", "pydicom"]):
    from pneumo_core.config import Limits
    from pneumo_core.errors import UnreadableImage
    from pneumo_core.imaging.decode import decode_here
    from pneumo_core.readings.dicom_source import source_of
    from pneumo_core.readings.study_key import study_facts

LIMITS = Limits(max_pixels=4_000_000, max_side=6000)


def one_film(data: bytes) -> None:
    """Decode `data`, and read what its header says: a film, or a refusal with a remedy."""
    try:
        film = decode_here(data, LIMITS)
    except UnreadableImage as error:
        if not (error.reason and error.remedy):
            raise AssertionError(f"A refusal without words: {error!r}") from error
    else:
        if film.pixels.ndim != 2 or film.pixels.dtype != "uint8":
            raise AssertionError(f"No grey picture: {film.pixels.shape}, {film.pixels.dtype}")
    study_facts(data)
    source_of(data, with_patient=True)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_film)
    atheris.Fuzz()
