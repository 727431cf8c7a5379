"""The command line called in this process, and small folders of synthetic films for it."""

import os
import sys
from functools import cache

import cv2
import pytest

from pneumo_core import cli
from pneumo_core.synthetic.appearance import synthetic_film


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Call the command line in this process; (exit code, standard output, standard error)."""

    def call(*words):
        if not {"PNEUMO_READINGS", "PNEUMO_CACHE"} & set(os.environ):
            monkeypatch.setenv("PNEUMO_READINGS", str(tmp_path / "readings"))  # the audit log
        monkeypatch.setattr(sys, "argv", ["pneumo", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def run(call, monkeypatch, tiny_models_dir, tmp_path):
    """`call`, with the tiny model in service."""
    monkeypatch.setenv("PNEUMO_MODELS", str(tiny_models_dir))
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    return call


@cache
def encoded_film(subtype, seed, suffix):
    """The file of a synthetic film, drawn once for all tests."""
    return cv2.imencode(suffix, synthetic_film(subtype, seed, size=160))[1].tobytes()


def write_film(path, subtype="normal", seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded_film(subtype, seed, path.suffix))


@pytest.fixture
def films(tmp_path):
    folder = tmp_path / "films"
    write_film(folder / "a.png")
    write_film(folder / "b" / "c.jpg", "bacterial", 1)
    return folder


@pytest.fixture
def labelled(tmp_path):
    """A test split alone: 4 normal films, 4 of pneumonia."""
    folder = tmp_path / "data"
    for i in range(4):
        write_film(folder / "test" / "NORMAL" / f"IM-000{i}-0001.png", "normal", i)
        kind = ("bacteria", "virus")[i % 2]
        write_film(
            folder / "test" / "PNEUMONIA" / f"person{i}_{kind}_{i}.png",
            "bacterial" if kind == "bacteria" else "viral",
            10 + i,
        )
    return folder
