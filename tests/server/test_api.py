"""The API: answers, refusals in words, sizes, rates, roles, and its own description."""

from __future__ import annotations

import base64
import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import jsonschema
import pytest

from pneumo_core.access import Role
from pneumo_core.bundle import registry
from pneumo_core.config import Limits, ServerLimits, Settings
from pneumo_core.errors import BundleError
from pneumo_core.inference import shared
from pneumo_core.readings.log import ReadingLog
from pneumo_core.server.api import Api
from pneumo_core.server.openapi import document
from pneumo_core.server.service import Service
from tests.bundle.bundle_zips import zipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    Client = Callable[..., TestClient]
PROBLEM = "application/problem+json"


def test_a_film_is_read_and_logged(client: Client, settings: Settings, png: bytes) -> None:
    answer = client().post("/api/v1/read?name=child.png", content=png)
    row = answer.json()
    assert (answer.status_code, row["file"], row["decision"]) == (200, "child.png", "PNEUMONIA")
    schemas = document(settings)["components"]["schemas"]
    jsonschema.validate(row, {**schemas["Reading"], "components": {"schemas": schemas}})
    log = ReadingLog.open(settings)
    assert log is not None
    with log:
        assert [one.id for one in log.find()] == [row["reading"]]


def test_parts_come_in_base64_and_what_is_not_made_says_why(client: Client, png: bytes) -> None:
    parts = "overlay,report,secondary_capture,structured_report,encapsulated_pdf"
    row = client().post(f"/api/v1/read?include={parts}", content=png).json()
    start = {name: base64.b64decode(row[name])[:132] for name in parts.split(",")}
    assert start["overlay"][:4] == b"\x89PNG"
    assert start["report"][:5] == b"%PDF-"
    assert {start[name][128:] for name in list(start)[2:]} == {b"DICM"}
    broken = client().post("/api/v1/read?include=overlay,report", content=b"no film")
    assert broken.json()["reading"]["not_made"] == {"overlay": "Made only of a film that was read."}


def test_a_file_that_is_no_film_is_a_problem_in_words(client: Client) -> None:
    answer = client().post("/api/v1/read", content=b"no film at all")
    found = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert (found["type"], found["status"]) == ("about:blank", 422)
    assert found["detail"] == found["reading"]["message"] != ""


def test_a_form_with_one_file_is_read_as_well(client: Client, png: bytes) -> None:
    reading = client().post("/api/v1/read", files={"file": ("b.png", png)})
    assert (reading.status_code, reading.json()["file"]) == (200, "b.png")
    two = client().post("/api/v1/read", files=[("f", ("a", png)), ("f", ("b", png))])
    assert (two.status_code, two.headers["content-type"]) == (400, PROBLEM)


def test_of_a_batch_a_bad_file_costs_its_own_entry(client: Client, png: bytes) -> None:
    files = [("file", ("a.png", png)), ("file", ("b.png", b"no")), ("file", ("c.png", png))]
    found = client().post("/api/v1/read/batch", files=files).json()
    assert found["counts"] == {"ok": 2, "rejected": 0, "error": 1}
    assert [one["file"] for one in found["readings"]] == ["a.png", "b.png", "c.png"]
    empty = client().post("/api/v1/read/batch", content=png)
    assert (empty.status_code, empty.json()["status"]) == (415, 415)


def test_the_films_of_a_zip_are_entries_of_a_batch(
    client: Client, png: bytes, dicom_file: Callable[..., bytes]
) -> None:
    disc = {
        "DICOMDIR": dicom_file(PixelData=None),
        "IMAGES/IM1": dicom_file(),
        "VIEWER/icon.png": png,
    }
    unsafe = {"../up.png": png, "a.png": png}
    files = [("file", ("cd.zip", zipped(disc))), ("file", ("films.zip", zipped(unsafe)))]
    files += [("file", ("cut.zip", zipped(unsafe)[:-30])), ("file", ("b.png", png))]
    found = client().post("/api/v1/read/batch", files=files).json()
    rows = {one["file"]: one for one in found["readings"]}
    assert found["counts"] == {"ok": 3, "rejected": 0, "error": 2}
    assert found["left_out"] == 2
    assert list(rows) == [
        *("cd.zip/IMAGES/IM1", "films.zip/../up.png", "films.zip/a.png", "cut.zip", "b.png")
    ]
    assert "outside its folder. Unpack the ZIP" in rows["films.zip/../up.png"]["message"]
    assert "damaged or protected" in rows["cut.zip"]["message"]


def test_films_in_a_zip_count_as_those_of_the_form(client: Client, png: bytes) -> None:
    many = zipped({f"{i}.png": png for i in range(4)})
    asked = client(server=ServerLimits(batch_files=3))
    answer = asked.post("/api/v1/read/batch", files=[("file", ("many.zip", many))])
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Expected at most 3 films in a request")


@pytest.mark.parametrize("header", [None, "Bearer no", "Basic eA==", "Bearer ", "Bearer \xff"])
def test_without_a_known_token_nothing_is_told(client: Client, header: str | None) -> None:
    stranger = client(None)
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for verb, path in (("POST", "/api/v1/read"), ("GET", "/api/v1/models"), ("GET", "/metrics")):
        answer = stranger.request(verb, path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert "token new NAME" in answer.json()["detail"]


def test_a_viewer_may_not_read_nor_delete_and_an_admin_may(
    client: Client, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[str] = []
    monkeypatch.setattr(registry, "_remove", lambda name, _folder: gone.append(name))
    viewer = client(Role.VIEWER)
    assert viewer.get("/api/v1/models").status_code == 200
    read = viewer.post("/api/v1/read", content=png)
    assert (read.status_code, "right to read films" in read.json()["detail"]) == (403, True)
    for role in (Role.VIEWER, Role.READER, Role.TRAINER):
        assert client(role).delete("/api/v1/models/old").status_code == 403
        assert client(role).post("/api/v1/models/old/activate").status_code == 403
    assert gone == []
    assert client(Role.ADMIN).delete("/api/v1/models/old").status_code == 204
    assert gone == ["old"]


def test_a_model_that_is_missing_is_a_conflict_in_words(client: Client) -> None:
    answer = client(Role.ADMIN).post("/api/v1/models/no-such-model/activate")
    assert (answer.status_code, answer.json()["detail"][:24]) == (409, "Expected a model named '")


def test_a_body_too_large_is_refused_before_it_is_read(client: Client) -> None:
    small = client(limits=replace(Limits(), max_bytes=1000))
    exact = small.post("/api/v1/read", content=b"x" * 1000)
    assert exact.status_code == 422  # read, and found to be no film
    announced = small.post("/api/v1/read", content=b"", headers={"Content-Length": "1001"})
    assert announced.status_code == 413
    assert announced.json()["detail"].startswith("Expected at most 0.98 kB") is False
    chunked = small.post("/api/v1/read", content=(b"x" * 400 for _ in range(3)))
    assert chunked.status_code == 413
    odd = small.post("/api/v1/read", content=b"", headers={"Content-Length": "-1"})
    assert odd.status_code == 400


def test_bodies_together_are_bounded(client: Client, png: bytes) -> None:
    tight = client(server=ServerLimits(body_bytes=len(png) - 1))
    answer = tight.post("/api/v1/read", content=png)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_too_many_requests_with_one_token_wait(client: Client) -> None:
    hurried = client(server=ServerLimits(requests_per_minute=3))
    statuses = [hurried.get("/api/v1/models").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert 1 <= int(hurried.get("/api/v1/models").headers["retry-after"]) <= 20
    assert hurried.get("/health").status_code == 200


def test_the_films_of_a_batch_count_each(client: Client, png: bytes) -> None:
    hurried = client(server=ServerLimits(requests_per_minute=3))
    files = [("file", (f"{i}.png", png)) for i in range(3)]
    assert hurried.post("/api/v1/read/batch", files=files).status_code == 200
    assert hurried.post("/api/v1/read/batch", files=files).status_code == 429


def test_what_is_asked_for_in_vain_is_named(client: Client) -> None:
    said = client().post("/api/v1/read?include=oberlay", content=b"").json()["detail"]
    assert said.startswith("Expected include to name some of overlay, report,")
    assert client().post("/api/v1/read?with_patient=yes", content=b"").status_code == 400
    assert client().get("/api/v2/read").headers["content-type"] == PROBLEM
    assert client().get("/api/v1/read").status_code == 405


def test_a_server_without_a_usable_model_lives_and_is_not_ready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object = None) -> None:
        raise BundleError("Model m: model.bin has been altered.")

    monkeypatch.setattr(shared, "verified_reader", broken)
    assert client().get("/health").json() == {"status": "alive"}
    ready = client().get("/ready")
    assert (ready.status_code, ready.json()["detail"]) == (
        503,
        "No film can be read. Model m: model.bin has been altered.",
    )


def test_a_fault_of_the_server_shows_no_trace_and_no_words_of_the_film(
    client: Client, monkeypatch: pytest.MonkeyPatch, png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("Secret^Name")

    monkeypatch.setattr(Service, "_read", fail)
    with caplog.at_level(logging.ERROR):
        answer = client().post("/api/v1/read", content=png)
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "Secret" not in answer.text + caplog.text
    assert "A request failed: ValueError" in caplog.text


def test_the_description_has_every_route_and_no_other(settings: Settings) -> None:
    routes = Api(Service(settings)).routes()
    described = {
        (path, verb.upper())
        for path, verbs in document(settings)["paths"].items()
        for verb in verbs
    }
    assert described == {(one.path, *(one.methods or set()) - {"HEAD"}) for one in routes}
    json.dumps(document(settings))


def test_a_browser_gets_the_page_of_metrics_not_the_numbers(client: Client) -> None:
    seen = client().get("/metrics", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert seen.status_code == 404  # here there are no pages, which answer in the app


def test_metrics_count_reads_and_refusals(client: Client, png: bytes) -> None:
    one = client()
    one.post("/api/v1/read", content=png)
    one.post("/api/v1/read", content=b"no")
    text = one.get("/metrics").text
    assert 'pneumo_reads_total{decision="PNEUMONIA",status="ok"} 1.0' in text
    assert 'pneumo_reads_total{decision="none",status="error"} 1.0' in text
    assert "pneumo_read_seconds_count 2.0" in text
    assert "pneumo_queue 0.0" in text
    assert float(text.partition("\npneumo_memory_bytes ")[2].split()[0]) > 1e7
