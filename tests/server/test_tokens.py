"""Tokens: shown once, kept as hashes, known by role, revoked at once; and their command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pneumo_core.access import AccessRefused, Person, Role, acting_as
from pneumo_core.errors import ServerError
from pneumo_core.server.tokens import Tokens

if TYPE_CHECKING:
    from pneumo_core.config import Settings


def test_only_the_hash_of_a_token_is_kept(settings: Settings) -> None:
    tokens = Tokens(settings)
    secret = tokens.new("pacs", Role.READER)
    kept = tokens.path.read_text()
    assert len(secret) == len("pneumo_") + 43
    assert secret not in kept
    assert secret.removeprefix("pneumo_") not in kept
    assert tokens.path.stat().st_mode & 0o777 == 0o600
    assert tokens.person(secret) == Person("token pacs", Role.READER)
    assert tokens.person(secret + "x") is None
    assert tokens.person("") is None
    assert tokens.person("\udcff") is None


def test_another_process_that_revokes_is_noticed(settings: Settings) -> None:
    server, command = Tokens(settings), Tokens(settings)
    secret = command.new("pacs", Role.READER)
    assert server.person(secret) is not None
    command.revoke("pacs")
    assert server.person(secret) is None


def test_names_are_checked(settings: Settings) -> None:
    tokens = Tokens(settings)
    tokens.new("pacs", Role.VIEWER)
    with pytest.raises(ServerError, match="there is a token 'pacs' already"):
        tokens.new("pacs", Role.VIEWER)
    with pytest.raises(ServerError, match="Expected a name of small letters"):
        tokens.new("../pacs", Role.VIEWER)
    with pytest.raises(ServerError, match=r"Expected the name of a token, got 'x'. Known: pacs"):
        tokens.revoke("x")


def test_only_who_manages_makes_tokens(settings: Settings) -> None:
    with acting_as(Person("ann", Role.TRAINER)), pytest.raises(AccessRefused):
        Tokens(settings).new("own", Role.ADMIN)
    assert Tokens(settings).all() == []


def test_a_damaged_entry_is_no_token(settings: Settings) -> None:
    tokens = Tokens(settings)
    tokens.new("pacs", Role.READER)
    document = json.loads(tokens.path.read_text())
    document["tokens"] += [{"name": "x", "role": "boss", "sha256": "0", "created": ""}, 7]
    tokens.path.write_text(json.dumps(document))
    assert [one.name for one in tokens.all()] == ["pacs"]
