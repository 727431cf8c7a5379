"""Behind Orthanc: films stored with storescu are read, the answers are seen through its REST."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import generate_uid

from pneumo_core.config import load_settings
from pneumo_core.synthetic.appearance import synthetic_film
from tests import ROOT
from tests.browser.conftest import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEPLOY = ROOT / "deploy" / "orthanc"
COMPRESSED = {"lossless": ("dcmcjpeg", "+e1"), "rle": ("dcmcrle",)}
TRANSFER = {"lossless": "-xs", "rle": "-xr", "plain": "-x="}


class Orthanc:
    """A running Orthanc: `url` of its REST interface, `port` of its DICOM one."""

    def __init__(self, url: str, port: int, inbox: Path) -> None:
        self.url, self.port, self.inbox = url, port, inbox

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=300) as answer:  # noqa: S310
            return json.load(answer)


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    missing = [name for name in ("Orthanc", "storescu", "curl") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)} here (Debian: apt install orthanc dcmtk curl)")
    inbox, http, dicom = tmp_path / "in", free_port(), free_port()
    inbox.mkdir()
    settings = {
        "StorageDirectory": str(tmp_path / "storage"),
        "IndexDirectory": str(tmp_path / "storage"),
        "HttpPort": http,
        "DicomPort": dicom,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "LuaScripts": [str(DEPLOY / "forward.lua")],
        "Plugins": [],
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(settings))
    with (tmp_path / "orthanc.log").open("w") as log:
        process = subprocess.Popen(
            ["Orthanc", str(tmp_path / "orthanc.json")],
            env={**os.environ, "WATCHED_FOLDER": str(inbox)},
            stdout=log,
            stderr=log,
        )
    started = Orthanc(f"http://127.0.0.1:{http}", dicom, inbox)
    try:
        _wait(started)
        yield started
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(orthanc: Orthanc) -> None:
    for _ in range(300):
        try:
            orthanc.get("/system")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("Orthanc does not answer.")


@pytest.fixture
def films(tmp_path: Path, dicom_file: Callable[..., bytes]) -> list[Path]:
    """A film of each of three studies: uncompressed, lossless JPEG, RLE."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number, name in enumerate(("plain", *COMPRESSED)):
        uids = {
            f"{one}InstanceUID": generate_uid(entropy_srcs=[one, name])
            for one in ("SOP", "Series", "Study")
        }
        data = dicom_file(
            synthetic_film("normal", number, size=320), bits=8, PatientAge="003Y", **uids
        )
        (folder / f"{name}.dcm").write_bytes(data)
        if name in COMPRESSED:
            program, *options = COMPRESSED[name]
            if shutil.which(program) is None:
                pytest.skip(f"no {program} here (Debian: apt install dcmtk)")
            path = str(folder / f"{name}.dcm")
            subprocess.run([program, *options, path, path], check=True)
    return sorted(folder.iterdir())


def test_films_come_from_orthanc_and_the_answers_go_back(
    orthanc: Orthanc, films: list[Path], tmp_path: Path
) -> None:
    to = ("127.0.0.1", str(orthanc.port))
    for path in films:  # each as it is compressed
        subprocess.run(["storescu", TRANSFER[path.stem], *to, str(path)], check=True)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pneumo_core", "watch", str(orthanc.inbox), str(out)]
    command += ["--once", "--settle", "0.1", "--interval", "0.1", "--with-patient"]
    command += ["--secondary-capture", "--structured-report", "--encapsulated-pdf", "--json"]
    models = str(load_settings().models_dir)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PNEUMO_MODELS": models},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["status"] for row in rows] == ["ok", "ok", "ok"]
    send = ["sh", str(DEPLOY / "send-answers.sh"), str(out), orthanc.url, "once"]
    subprocess.run(send, check=True)
    assert len(list((out / "sent").iterdir())) == 9
    assert list(orthanc.inbox.glob("*.part")) == []
    studies = [orthanc.get(f"/studies/{one}/series") for one in orthanc.get("/studies")]
    assert len(studies) == 3
    for series in studies:
        kinds = sorted(one["MainDicomTags"]["Modality"] for one in series)
        assert len(kinds) == 4
        assert {"DX", "SR"} <= set(kinds)
    # Nothing of the answers came back into the folder that is watched.
    assert len(list(orthanc.inbox.glob("*.dcm"))) == 3
