"""The API as an OpenAPI 3.1 document; a test compares its paths with the routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core import DISCLAIMER, __version__
from pneumo_core.inference.table import AFTER, COLUMNS
from pneumo_core.server.answers import PARTS
from pneumo_core.server.protection import MEDIA_TYPE

if TYPE_CHECKING:
    from pneumo_core.config import Settings

_REFUSALS = {
    "400": "The request is not what is expected.",
    "401": "No known token.",
    "403": "The role of the token does not include this.",
    "409": "The model is missing, altered, or in service.",
    "413": "The body is too large; it was not read.",
    "429": "Too many requests with this token; Retry-After says when to go on.",
    "503": "The server cannot do this now.",
}
_NUMBERS = {"p_pneumonia", "p_bacterial", "p_viral", "p_low", "p_high"}


def document(settings: Settings) -> dict[str, Any]:
    """The document for these settings."""
    read = _read_operation("Read one film", "Reading", settings.limits.max_bytes)
    read["responses"]["422"] = _problem("The film could not be read; `reading` says why.")
    bytes_ = {"schema": {"type": "string", "format": "binary"}}
    read["requestBody"]["content"] = {"application/octet-stream": bytes_, **_form(many=False)}
    batch = _read_operation(
        "Read the files of a form, and those in its ZIP files",
        "Readings",
        settings.server.body_bytes,
    )
    batch["requestBody"]["content"] = _form(many=True)
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    done = {"204": {"description": "Done."}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pneumo", "version": __version__, "description": DISCLAIMER},
        "security": [{"token": []}],
        "paths": {
            "/health": {"get": _open("The process answers")},
            "/ready": {"get": _open("The model in service is loaded and verified")},
            "/metrics": {
                "get": _operation("Counters for Prometheus", {"200": {"description": "Text."}})
            },
            "/api/v1/openapi.json": {"get": _open("This document")},
            "/api/v1/models": {"get": _operation("All models", _json_answer("Models"))},
            "/api/v1/models/{name}/activate": {
                "post": _operation("Put a model in service", done, [name])
            },
            "/api/v1/models/{name}": {"delete": _operation("Delete a model", done, [name])},
            "/api/v1/read": {"post": read},
            "/api/v1/read/batch": {"post": batch},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _operation(
    words: str, answers: dict[str, Any], parameters: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    refusals = {status: _problem(why) for status, why in _REFUSALS.items()}
    made: dict[str, Any] = {"summary": words, "responses": {**answers, **refusals}}
    return made | ({"parameters": parameters} if parameters else {})


def _open(words: str) -> dict[str, Any]:
    """An operation that needs no token."""
    answers = {"200": {"description": words}, "503": _problem("Not now.")}
    return {"summary": words, "security": [], "responses": answers}


def _read_operation(words: str, schema: str, most: int) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {
            "name": "include",
            "in": "query",
            "description": "What to make of the film, in base64 in the answer.",
            "explode": False,
            "schema": {"type": "array", "items": {"enum": list(PARTS)}},
        },
        {
            "name": "with_patient",
            "in": "query",
            "description": "1: take patient and study data of a DICOM file over.",
            "schema": {"enum": ["0", "1"], "default": "0"},
        },
    ]
    made = _operation(words, _json_answer(schema), parameters)
    made["requestBody"] = {"required": True, "description": f"At most {most:,} bytes."}
    return made


def _form(*, many: bool) -> dict[str, Any]:
    file = {"type": "string", "format": "binary"}
    content = {"type": "array", "items": file} if many else file
    schema = {"type": "object", "required": ["file"], "properties": {"file": content}}
    return {"multipart/form-data": {"schema": schema}}


def _json_answer(schema: str) -> dict[str, Any]:
    of = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return {"200": {"description": "The answer.", "content": {"application/json": of}}}


def _problem(words: str) -> dict[str, Any]:
    of = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": words, "content": {MEDIA_TYPE: of}}


def _schemas() -> dict[str, Any]:
    chance = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
    known: dict[str, Any] = {
        "status": {"enum": ["ok", "rejected", "error"]},
        "decision": {"enum": ["NORMAL", "PNEUMONIA", "REFER", None]},
        "threshold_low": {"type": "number"},
        "threshold_high": {"type": "number"},
        "ms": {"type": "number"},
        "gate": {"type": "object"},
    }
    keys: dict[str, Any] = {
        name: chance if name in _NUMBERS else known.get(name, {"type": "string"})
        for name in (*COLUMNS, *AFTER)
    }
    base64 = {"type": "string", "contentEncoding": "base64"}
    reading: dict[str, Any] = {
        "type": "object",
        "required": list(keys),
        "properties": {
            **keys,
            "lungs": {"type": ["object", "null"]},
            "age": {"type": "string"},
            "reading": {"type": "string", "description": "Id in the log, where it is on."},
            **{str(part): base64 for part in PARTS},
            "not_made": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
    a_list = {"type": "array", "items": {"$ref": "#/components/schemas/Reading"}}
    return {
        "Reading": reading,
        "Readings": {
            "type": "object",
            "properties": {
                "readings": a_list,
                "counts": {"type": "object"},
                "left_out": {
                    "type": "integer",
                    "description": "Files of patient CDs in ZIP files: their index and viewer.",
                },
            },
        },
        "Models": {
            "type": "object",
            "properties": {"models": {"type": "array", "items": {"type": "object"}}},
        },
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "reading": {"$ref": "#/components/schemas/Reading"},
            },
        },
    }
