"""The API: `/api/v1/…`, `/health`, `/ready`, `/metrics`, as Starlette routes.

Beside the pages (`streamlit run app.py`) or alone (`python -m pneumo_core serve`). Whoever calls
`/api/v1/` or `/metrics` has a bearer token; the core checks what its role may do.
"""

from __future__ import annotations

import base64
import json
import logging
import math
from contextlib import asynccontextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from pneumo_core.access import AccessRefused, Person, Right, acting_as, require
from pneumo_core.errors import BundleError, PneumoError
from pneumo_core.server.answers import PARTS, Wanted
from pneumo_core.server.openapi import document
from pneumo_core.server.protection import (
    ENVELOPE,
    HostCheck,
    Refusal,
    arriving,
    files_of,
    films_of,
    is_multipart,
    problem,
)
from pneumo_core.server.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.types import Scope

    from pneumo_core.config import Settings
    from pneumo_core.server.answers import Answer

    Handler = Callable[["Api", Request], Awaitable[Response]]

HEALTH = ("/health", "/ready")
log = logging.getLogger(__name__)


def create_app(settings: Settings, allowed_hosts: Sequence[str]) -> Starlette:
    """The API alone, as an ASGI application."""
    api = Api(Service(settings))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        api.service.close()

    return Starlette(
        routes=api.routes(),
        middleware=[Middleware(HostCheck, allowed=lambda: allowed_hosts, open_to_all=HEALTH)],
        exception_handlers={HTTPException: _not_there},
        lifespan=lifespan,
    )


async def _not_there(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return problem(status, "There is nothing to answer here. See /api/v1/openapi.json.")


def _answered(handler: Handler) -> Handler:
    """Errors as problem documents; the log gets kind and place of a fault, never a message."""

    @wraps(handler)
    async def safe(api: Api, request: Request) -> Response:
        try:
            return await handler(api, request)
        except Refusal as refusal:
            response = refusal.response()
        except AccessRefused as error:
            response = problem(403, str(error))
        except BundleError as error:
            response = problem(409, str(error))
        except PneumoError as error:
            response = problem(503, str(error))
        except Exception as error:  # noqa: BLE001 - a caller never sees a trace
            log.error("A request failed: %s", type(error).__name__)  # noqa: TRY400
            response = problem(500, "The server failed at this request. Its log has the kind.")
        api.service.metrics.refusals.labels(str(response.status_code)).inc()
        return response

    return safe


class _ForPrograms(Route):
    """A route that a browser's address bar does not meet: `/metrics` is a page as well."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """No match for who accepts HTML."""
        accepted = Headers(scope=scope).get("accept", "")
        return (Match.NONE, {}) if "text/html" in accepted else super().matches(scope)


class Api:
    """The handlers, around one service."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def routes(self) -> list[Route]:
        """All routes."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/health", Api.health),
            ("GET", "/ready", Api.ready),
            ("GET", "/metrics", Api.metrics),
            ("GET", "/api/v1/openapi.json", Api.openapi),
            ("GET", "/api/v1/models", Api.models),
            ("POST", "/api/v1/models/{name}/activate", Api.activate),
            ("DELETE", "/api/v1/models/{name}", Api.delete),
            ("POST", "/api/v1/read", Api.read),
            ("POST", "/api/v1/read/batch", Api.batch),
        ]
        return [
            _ForPrograms(path, self._bound(handler), methods=[verb])
            for verb, path, handler in table
        ]

    def _bound(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await handler(self, request)

        return endpoint

    @_answered
    async def health(self, _request: Request) -> Response:
        """Alive: the process answers."""
        return JSONResponse({"status": "alive"})

    @_answered
    async def ready(self, _request: Request) -> Response:
        """Ready: the model in service is loaded and its files are those it was verified with."""
        why = await anyio.to_thread.run_sync(self.service.why_not_ready)
        if why:
            raise Refusal(503, f"No film can be read. {why}")
        return JSONResponse({"status": "ready"})

    @_answered
    async def metrics(self, request: Request) -> Response:
        """Counters for Prometheus."""
        with acting_as(self._caller(request)):
            require(Right.VIEW, "metrics")
        text = self.service.metrics.text()
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    @_answered
    async def openapi(self, _request: Request) -> Response:
        """This API as an OpenAPI document."""
        return JSONResponse(document(self.service.settings))

    @_answered
    async def models(self, request: Request) -> Response:
        """All models, and which is in service."""
        with acting_as(self._caller(request)):
            require(Right.VIEW, "models.list")
            return JSONResponse({"models": await anyio.to_thread.run_sync(_models)})

    @_answered
    async def activate(self, request: Request) -> Response:
        """Put a model in service."""
        from pneumo_core.bundle import activate

        return await self._managed(request, activate)

    @_answered
    async def delete(self, request: Request) -> Response:
        """Delete a model."""
        from pneumo_core.bundle import remove_bundle

        return await self._managed(request, remove_bundle)

    async def _managed(self, request: Request, do: Callable[[str], None]) -> Response:
        name = request.path_params["name"]
        with acting_as(self._caller(request)):
            await anyio.to_thread.run_sync(do, name)
        return Response(status_code=204)

    @_answered
    async def read(self, request: Request) -> Response:
        """Read one film: its bytes, or a form with one file."""
        with acting_as(self._caller(request)):
            require(Right.READ, "read")
            wanted = _asked(request)
            data, name = await self._film(request)
            found = await self.service.read(lambda: data, name, wanted)
        content = _content(found)
        if found.reading.status == "error":
            return problem(422, found.reading.message, reading=content)
        return _json(content)

    async def _film(self, request: Request) -> tuple[bytes, str]:
        most = self.service.settings.limits.max_bytes
        form = is_multipart(request)
        async with arriving(request, most + ENVELOPE * form, self.service.bodies) as body:
            if not form:
                return await body.body(), request.query_params.get("name", "")[:200]
            files = await files_of(body, 1)
        if len(files) != 1:
            raise Refusal(400, f"Expected one file in the form, got {len(files)}.")
        return files[0][1], files[0][0]

    @_answered
    async def batch(self, request: Request) -> Response:
        """Read the files of a form, and those in its ZIP files; a bad one costs its own entry."""
        limits = self.service.settings
        with acting_as(person := self._caller(request)):
            require(Right.READ, "read")
            wanted = _asked(request)
            if not is_multipart(request):
                raise Refusal(415, "Expected a form (multipart/form-data) with files.")
            most = min(
                limits.server.body_bytes, limits.limits.max_bytes * limits.server.batch_files
            )
            async with arriving(request, most, self.service.bodies) as body:
                files = await files_of(body, limits.server.batch_files)
                if not files:
                    raise Refusal(400, "Expected at least one file in the form, got none.")
                films, left_out = await anyio.to_thread.run_sync(films_of, files, limits)
                self._take_turns(person.name, max(0, len(films) - 1))
                found = [await self.service.read(one.content, one.name, wanted) for one in films]
        statuses = [one.reading.status for one in found]
        counts = {status: statuses.count(status) for status in ("ok", "rejected", "error")}
        content = {"readings": [_content(one) for one in found], "counts": counts}
        return _json({**content, "left_out": left_out})

    def _caller(self, request: Request) -> Person:
        """Whose token came with the request. Raises Refusal: 401, or 429 where it is too often."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        person = self.service.tokens.person(secret.strip()) if kind.lower() == "bearer" else None
        if person is None:
            words = (
                "Expected a known token as 'Authorization: Bearer TOKEN'. Make one on the server "
                "with: python -m pneumo_core token new NAME"
            )
            raise Refusal(401, words, {"WWW-Authenticate": "Bearer"})
        self._take_turns(person.name, 1)
        return person

    def _take_turns(self, caller: str, requests: int) -> None:
        wait = self.service.rate.wait(caller, requests) if requests else 0.0
        if wait:
            most = self.service.settings.server.requests_per_minute
            raise Refusal(
                429,
                f"Expected at most {most:,} requests a minute with one token. Wait, then go on.",
                {"Retry-After": str(math.ceil(wait))},
            )


def _asked(request: Request) -> Wanted:
    """The parts asked for, and whether patient data may be taken over into them."""
    text = request.query_params.get("include", "")
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        words = f"Expected include to name some of {', '.join(PARTS)}, got {unknown[0][:40]!r}."
        raise Refusal(400, words)
    with_patient = request.query_params.get("with_patient", "0")
    if with_patient not in {"0", "1"}:
        raise Refusal(400, f"Expected 0 or 1 in with_patient, got {with_patient[:40]!r}.")
    return Wanted(tuple(part for part in PARTS if part in names), with_patient == "1")


def _content(found: Answer) -> dict[str, Any]:
    content: dict[str, Any] = dict(found.row)
    for part, data in found.parts.items():
        content[part] = base64.b64encode(data).decode("ascii")
    if found.missing:
        content["not_made"] = found.missing
    return content


def _json(content: dict[str, Any]) -> Response:
    # A name need not be text: what is not is escaped.
    text = json.dumps(content, ensure_ascii=True, allow_nan=False)
    return Response(text, media_type="application/json")


def _models() -> list[dict[str, Any]]:
    from pneumo_core.bundle import survey

    return [
        {
            "name": one.name,
            "version": one.bundle.version if one.bundle else None,
            "digest": one.bundle.digest if one.bundle else None,
            "in_service": one.in_service,
            "fault": one.fault or None,
        }
        for one in survey()
    ]
