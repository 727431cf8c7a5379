"""Which role a signed-in person has: by a list of addresses, or by what the identity provider says.

claim = "groups"            # where the provider puts groups or roles; may be left out
otherwise = "viewer"        # the role of anybody else who signs in; "" or left out: none
[roles]
admin = ["head@example.org", "pneumo-admins"]
trainer = ["pneumo-trainers"]
reader = ["*@example.org"]
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pneumo_core.access import NOBODY, ROLES, Person, Role
from pneumo_core.errors import ServerError, disk_words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Access:
    """The file of PNEUMO_ACCESS. members: of each role, e-mail addresses ("*@example.org": all of
    that domain) and values of the claim.
    """

    claim: str = ""
    otherwise: Role | None = None
    members: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)

    def person(self, user: Mapping[str, Any]) -> Person:
        """Who an identity token describes; the highest role that applies.

        An address counts unless the provider says that it is not verified.
        """
        if not user.get("is_logged_in"):
            return NOBODY
        email = str(user.get("email") or "").strip().lower()
        name = email or str(user.get("preferred_username") or user.get("sub") or "unknown")
        if user.get("email_verified") is False:
            email = ""
        said = user.get(self.claim) if self.claim else None
        values = [str(one).lower() for one in (said if isinstance(said, list) else [said or ""])]
        for role in reversed(ROLES):
            wanted = self.members.get(role, ())
            if any(_matches(one, email, values) for one in wanted):
                return Person(name, role)
        return Person(name, self.otherwise)


def _matches(wanted: str, email: str, values: list[str]) -> bool:
    if "@" in wanted:
        return bool(email) and fnmatchcase(email, wanted)
    return wanted in values


def read_access(path: Path) -> Access:
    """The file at `path`. Raises ServerError where it cannot be read or has another form."""
    try:
        facts = path.stat()
        return _read(path, facts.st_mtime_ns, facts.st_size)
    except OSError as error:
        raise ServerError(
            f"Expected the file of roles that PNEUMO_ACCESS names, got: {disk_words(error)}. "
            "Correct PNEUMO_ACCESS."
        ) from error


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int, _size: int) -> Access:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise _wrong(path, f"TOML; {error}") from error
    roles, claim = found.pop("roles", {}), found.pop("claim", "")
    otherwise = found.pop("otherwise", "")
    if found:
        raise _wrong(path, f"claim, otherwise and [roles]; found {', '.join(found)}")
    if not isinstance(roles, dict) or not isinstance(claim, str):
        raise _wrong(path, "a text in claim and a table [roles]")
    return Access(
        claim,
        _role(path, otherwise),
        {_known(path, n): _list(path, n, v) for n, v in roles.items()},
    )


def _role(path: Path, name: object) -> Role | None:
    return None if name == "" else _known(path, name)


def _known(path: Path, name: object) -> Role:
    if not isinstance(name, str) or name not in {str(role) for role in ROLES}:
        raise _wrong(path, f"one of {', '.join(ROLES)} as a role, got {name!r}")
    return Role(name)


def _list(path: Path, name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _wrong(path, f"a list of texts for {name}")
    return tuple(one.strip().lower() for one in value)


def _wrong(path: Path, what: str) -> ServerError:
    return ServerError(f"Expected in {path.name} (PNEUMO_ACCESS) {what}. Correct the file.")
