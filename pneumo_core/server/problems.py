"""Errors of the API as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "application/problem+json"


class Refusal(Exception):
    """A request that is not answered; `words` say what was expected, what arrived, what to do."""

    def __init__(
        self, status: int, words: str, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        self.status, self.words, self.headers, self.members = status, words, headers, members
        super().__init__(words)

    def response(self) -> Response:
        """The answer to send."""
        return problem(self.status, self.words, headers=self.headers, **self.members)


def problem(
    status: int, words: str, *, headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """A problem document; `members` are added to it."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": words,
        **members,
    }
    content = json.dumps(document, ensure_ascii=False)
    return Response(content, status, headers, media_type=MEDIA_TYPE)
