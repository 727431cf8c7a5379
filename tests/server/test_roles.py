"""Roles of people who sign in: by address, by a claim of the provider, by neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.access import NOBODY, Role
from pneumo_core.errors import ServerError
from pneumo_core.server.roles import read_access

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
claim = "groups"
otherwise = "viewer"
[roles]
admin = ["Head@example.org", "pneumo-admins"]
trainer = ["pneumo-trainers"]
reader = ["*@example.org"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "access.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("user", "role"),
    [
        ({"email": "head@example.org"}, Role.ADMIN),
        ({"email": "HEAD@EXAMPLE.ORG"}, Role.ADMIN),
        ({"email": "head@example.org", "email_verified": False}, Role.VIEWER),
        ({"email": "ann@example.org"}, Role.READER),
        ({"email": "ann@example.org.evil.example"}, Role.VIEWER),
        ({"email": "ann@elsewhere.org"}, Role.VIEWER),
        ({"sub": "7", "groups": ["x", "pneumo-trainers"]}, Role.TRAINER),
        ({"sub": "7", "groups": "pneumo-admins"}, Role.ADMIN),
        ({"email": "ann@example.org", "groups": ["Pneumo-Admins"]}, Role.ADMIN),
        ({"email": "pneumo-admins"}, Role.VIEWER),  # an address is no group
        ({"groups": ["head@example.org"]}, Role.VIEWER),  # a group is no address
        ({"groups": None}, Role.VIEWER),
    ],
)
def test_the_highest_role_that_applies(user: dict[str, Any], role: Role, tmp_path: Path) -> None:
    access = read_access(write(tmp_path, FILE))
    assert access.person({"is_logged_in": True, **user}).role is role


def test_who_is_not_signed_in_or_not_named_has_no_role(tmp_path: Path) -> None:
    access = read_access(write(tmp_path, FILE))
    assert access.person({"is_logged_in": False, "email": "head@example.org"}) is NOBODY
    assert access.person({"email": "head@example.org"}) is NOBODY
    strict = read_access(write(tmp_path, '[roles]\nadmin = ["a@b.org"]'))
    assert strict.person({"is_logged_in": True, "email": "c@b.org"}).role is None


def test_a_changed_file_counts_at_once(tmp_path: Path) -> None:
    user = {"is_logged_in": True, "email": "c@b.org"}
    assert read_access(write(tmp_path, 'otherwise = "viewer"')).person(user).role is Role.VIEWER
    assert read_access(write(tmp_path, 'otherwise = "reader" ')).person(user).role is Role.READER


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[roles", "TOML; "),
        (
            '[roles]\nboss = ["a@b.org"]',
            "one of viewer, reader, trainer, admin as a role, got 'boss'",
        ),
        ('otherwise = "boss"', "as a role, got 'boss'"),
        ('[roles]\nadmin = "a@b.org"', "a list of texts for admin"),
        ('rolles = ""', "claim, otherwise and .roles.; found rolles"),
        ("claim = 7", "a text in claim"),
    ],
)
def test_a_file_of_another_form_is_refused_in_words(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=rf"Expected in access\.toml \(PNEUMO_ACCESS\) .*{words}"):
        read_access(write(tmp_path, text))
    with pytest.raises(ServerError, match=r"that PNEUMO_ACCESS names, got: No such file"):
        read_access(tmp_path / "none.toml")
