"""The download against a stand-in for Kaggle on this machine, through the real kagglehub."""

import base64
import errno
import hashlib
import io
import os
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from pneumo_core.dataset import download
from pneumo_core.dataset.download import fetch_data
from pneumo_core.errors import DataSetError

COUNTS = {("train", "normal"): 2, ("train", "pneumonia"): 1, ("test", "normal"): 1}
FILMS = {
    "test/NORMAL/IM-0001-0001.jpeg": b"one",
    "train/NORMAL/IM-0115-0001.jpeg": b"two",
    "train/NORMAL/IM-0117-0001.jpeg": b"three",
    "train/PNEUMONIA/person1_virus_6.jpeg": os.urandom(3 * 2**20),  # MB: a break comes inside
}
CONTENT = hashlib.sha256(
    b"".join(hashlib.sha256(FILMS[film]).digest() for film in sorted(FILMS))
).hexdigest()


def archive(films):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for film, content in films.items():
            file.writestr(f"chest_xray/{film}", content)
            file.writestr(f"chest_xray/chest_xray/{film}", content)
            folder, name = film.rsplit("/", 1)
            file.writestr(f"chest_xray/__MACOSX/{folder}/._{name}", b"junk")
    return data.getvalue()


class Kaggle(BaseHTTPRequestHandler):
    """What the test sets up in `server.plan`, a response after the other for the archive."""

    protocol_version = "HTTP/1.0"  # the connection ends with each response

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        if self.server.status != 200:
            self.send_response(self.server.status)
            self.end_headers()
            return
        self.send_response(302)
        self.send_header("Location", "/archive.zip")
        self.end_headers()

    def do_GET(self):
        data, start = self.server.data, 0
        asked = self.headers.get("Range")
        if asked:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        self.server.ranges.append(asked)
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        promised = hashlib.md5(self.server.promised or data, usedforsecurity=False)
        digest = base64.b64encode(promised.digest())
        self.send_header("X-Goog-Hash", f"md5={digest.decode()}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        self.wfile.write(data[start : len(data) if cut is None else cut])

    def log_message(self, *_):
        pass


# The downloading process, led to the stand-in and to credentials of the test.
CHILD = """
import os
import kagglehub.config
import kagglesdk.kaggle_env as place
place._env_to_endpoint[place.KaggleEnv.PROD] = os.environ["STAND_IN"]
kagglehub.config.DEFAULT_KAGGLE_CREDENTIALS_FOLDER = os.environ["CREDENTIALS"]
from pneumo_core.dataset.download import download_here
download_here()
"""


@pytest.fixture
def server(monkeypatch, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Kaggle) as made:
        made.data, made.promised = archive(FILMS), b""
        made.status, made.cuts, made.asked, made.ranges = 200, [], [], []
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{made.server_port}"
        monkeypatch.setattr(download, "COMMAND", (sys.executable, "-c", CHILD))
        monkeypatch.setattr(download, "SECONDS_BETWEEN_CHECKS", 0.05)
        monkeypatch.setenv("STAND_IN", address)
        monkeypatch.setenv("CREDENTIALS", str(tmp_path))
        for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setattr(download, "PUBLISHED", COUNTS)
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def here(server, monkeypatch, tmp_path):
    """The server, asked by this process instead of one of its own, which imports for a second."""
    import kagglehub.config
    import kagglesdk.kaggle_env as place

    def download_in_this_process(folder, *, report):
        with monkeypatch.context() as patch:
            patch.setenv("KAGGLEHUB_CACHE", str(folder))
            patch.setitem(place._env_to_endpoint, place.KaggleEnv.PROD, os.environ["STAND_IN"])
            return download.download_with_kagglehub(folder)

    monkeypatch.setattr(kagglehub.config, "DEFAULT_KAGGLE_CREDENTIALS_FOLDER", str(tmp_path))
    monkeypatch.setattr(download, "download_archive", download_in_this_process)
    return server


@pytest.fixture
def told():
    return []


@pytest.fixture
def report(told):
    return lambda *words: told.append(words)


def test_the_data_set_is_fetched_counted_and_hashed(server, tmp_path, told, report, capsys):
    fetched = fetch_data(tmp_path / "films", report=report)
    assert (fetched.films, fetched.passed_over, fetched.content) == (4, 8, CONTENT)
    assert fetched.folder == tmp_path / "films"
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["chest_xray"]
    assert {phase for phase, *_ in told} <= {"download", "unpack", "check"}
    assert told[-1] == ("check", 4, 4, "")
    assert server.asked == [("/v1/datasets.DatasetApiService/DownloadDataset", None)]
    assert capsys.readouterr().out == ""


def test_nothing_of_this_process_is_patched_while_it_downloads(server, tmp_path):
    from kagglehub import clients
    from requests.adapters import HTTPAdapter

    def state():
        return HTTPAdapter.send, clients.tqdm, sys.stdout, os.environ.get("KAGGLEHUB_CACHE")

    before, during = state(), []
    fetch_data(tmp_path / "films", report=lambda *_: during.append(state()))
    assert set(during) == {before}


def test_the_bytes_on_disk_are_reported(tmp_path, told, report):
    assert download.report_progress(tmp_path, report) == 0
    (tmp_path / "1.archive").write_bytes(b"0" * 3 * 2**20)
    assert download.report_progress(tmp_path, report) == 3 * 2**20
    (tmp_path / "chest_xray").mkdir()
    (tmp_path / "chest_xray" / "a.jpeg").write_bytes(b"0" * 2**20)
    assert download.report_progress(tmp_path, report) == 4 * 2**20
    assert told == [
        ("download", 3, 2349, "3 of about 2,349 MB"),
        ("unpack", 1, 2349, "unpacking: 1 MB of films"),
    ]


def test_a_process_that_ends_without_a_word_is_told(tmp_path, report, monkeypatch):
    monkeypatch.setattr(download, "COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(DataSetError, match=r"got none: its process was ended\. Run it again"):
        download.download_archive(tmp_path, report=report)


def test_what_is_whole_is_not_fetched_again(here, tmp_path, told, report):
    first = fetch_data(tmp_path / "films", report=report)
    here.status = 500
    assert fetch_data(tmp_path / "films", report=report) == first
    assert ("download", 1, 1, "the films are there already") in told
    assert len(here.asked) == 1


def test_a_broken_connection_is_gone_on_with(server, tmp_path, report, told):
    server.cuts = [2 * 2**20 + 5]
    with pytest.raises(DataSetError, match=r"broke after 2 MB. They are kept: run it again"):
        fetch_data(tmp_path / "films", report=report)
    assert [path.name for path in (tmp_path / "films").iterdir()] == [".fetching"]
    assert fetch_data(tmp_path / "films", report=report).content == CONTENT
    assert server.ranges[:2] == [None, None]  # the second is asked how long it is, then resumed
    assert server.ranges[2].startswith(f"bytes={2 * 2**20}")
    assert not (tmp_path / "films/.fetching").exists()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, r"not allowed \(401\).*kaggle.json.*KAGGLE_USERNAME.*browser"),
        (403, r"not allowed \(403\).*kaggle.json.*KAGGLE_USERNAME.*browser"),
        (404, r"not there \(404\).*data.mendeley.com"),
        (503, r"an error of the server \(503\). Try again later"),
    ],
)
def test_a_refusal_names_the_ways_out(here, tmp_path, report, status, words):
    here.status = status
    with pytest.raises(DataSetError, match=words):
        fetch_data(tmp_path / "films", report=report)
    assert not (tmp_path / "films").exists()  # nothing is left behind


def test_credentials_are_sent_and_a_damaged_file_of_them_is_said(here, tmp_path, report):
    (tmp_path / "kaggle.json").write_text('{"username": "me"}')
    with pytest.raises(DataSetError, match=r"Expected Kaggle credentials in kaggle.json, got"):
        fetch_data(tmp_path / "films", report=report)
    (tmp_path / "kaggle.json").write_text('{"username": "me", "key": "secret"}')
    fetch_data(tmp_path / "films", report=report)
    expected = base64.b64encode(b"me:secret").decode()
    assert here.asked[-1][1] == f"Basic {expected}"


def test_no_network_is_said_with_both_ways_out(here, tmp_path, report, monkeypatch):
    # A port that nothing listens on any more.
    with ThreadingHTTPServer(("127.0.0.1", 0), Kaggle) as gone:
        port = gone.server_port
    monkeypatch.setenv("STAND_IN", f"http://127.0.0.1:{port}")
    words = r"there is no network.*HTTPS_PROXY.*kaggle.json.*browser.*kaggle.com/datasets/paultim"
    with pytest.raises(DataSetError, match=words):
        fetch_data(tmp_path / "films", report=report)


def test_a_server_that_says_nothing_is_given_up(server, tmp_path, report, monkeypatch):
    monkeypatch.setattr(download, "SECONDS_OF_SILENCE", 0.2)
    silent = threading.Event()
    monkeypatch.setattr(Kaggle, "do_POST", lambda _: silent.wait(600))
    with pytest.raises(DataSetError, match=r"there is no network"):
        fetch_data(tmp_path / "films", report=report)
    silent.set()


def test_an_archive_of_other_bytes_than_promised_is_removed(here, tmp_path, report):
    here.promised = b"other"
    with pytest.raises(DataSetError, match=r"a damaged one, which is removed. Run it again"):
        fetch_data(tmp_path / "films", report=report)
    here.promised = b""
    assert fetch_data(tmp_path / "films", report=report).films == 4


@pytest.mark.parametrize("data", [b"<html>sign in</html>", archive(FILMS)[:-200]])
def test_what_is_no_archive_is_removed(here, tmp_path, report, data):
    whole, here.data = here.data, data
    with pytest.raises(DataSetError, match=r"a damaged one, which is removed. Run it again"):
        fetch_data(tmp_path / "films", report=report)
    here.data = whole
    assert fetch_data(tmp_path / "films", report=report).films == 4


def test_other_counts_than_the_published_are_said(here, tmp_path, report):
    here.data = archive({film: FILMS[film] for film in list(FILMS)[:2]})
    words = r"train normal 1 instead of 2; train pneumonia 0 instead of 1.*Remove the folder chest"
    with pytest.raises(DataSetError, match=words):
        fetch_data(tmp_path / "films", report=report)


def test_a_full_disk_is_said_before_and_during(server, tmp_path, report, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(download.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**30))
        with pytest.raises(DataSetError, match=r"Expected 6 GB of room .* got 1 GB"):
            fetch_data(tmp_path / "films", report=report)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("kagglehub.dataset_download", full)
    with pytest.raises(DataSetError, match=r"the disk is full.*it resumes"):
        download.download_with_kagglehub(tmp_path)


def test_a_place_that_cannot_be_written_is_said(tmp_path, report):
    (tmp_path / "file").touch()
    with pytest.raises(DataSetError, match=r"Expected to write the films there, got: .*Name ano"):
        fetch_data(tmp_path / "file/films", report=report)
