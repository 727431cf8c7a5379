"""Bearer tokens of the API: each has a name and a role; of the token only its hash is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pneumo_core.access import Person, Right, Role, recorded, require
from pneumo_core.errors import ServerError, disk_words
from pneumo_core.storage import read_json, utc_now, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings

_PREFIX = "pneumo_"  # scanners for leaked secrets find it by this
_SECRET_BYTES = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Token:
    """A token as it is kept. `sha256` is the hash of the secret: 256 random bits need no salt."""

    name: str
    role: Role
    sha256: str
    created: str


class Tokens:
    """The tokens of this installation, in `tokens.json` in the readings folder."""

    def __init__(self, settings: Settings) -> None:
        self.path: Path = settings.readings_dir / "tokens.json"
        self._stamp: tuple[int, int] | None = None
        self._by_hash: dict[str, Token] = {}

    def new(self, name: str, role: Role) -> str:
        """Make a token and keep its hash; the secret, which is never shown again.

        Raises AccessRefused, and ServerError on a name that is taken or none.
        """
        with recorded(Right.MANAGE, "token.new", f"{name} ({role})"):
            if not _NAME.fullmatch(name):
                raise ServerError(
                    "Expected a name of small letters, digits, dots, dashes and underscores (at "
                    f"most 64), got {name[:80]!r}. Correct the name."
                )
            known = self.all()
            if any(one.name == name for one in known):
                raise ServerError(
                    f"Expected a new name; there is a token {name!r} already. Revoke it first, or "
                    "choose another name."
                )
            secret = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
            self._write([*known, Token(name, role, _hash(secret), utc_now())])
            return secret

    def revoke(self, name: str) -> None:
        """Forget a token: from the next request on it is refused. Raises as `new`."""
        with recorded(Right.MANAGE, "token.revoke", name):
            known = self.all()
            kept = [one for one in known if one.name != name]
            if len(kept) == len(known):
                names = ", ".join(one.name for one in known) or "no token"
                raise ServerError(f"Expected the name of a token, got {name!r}. Known: {names}.")
            self._write(kept)

    def listed(self) -> list[Token]:
        """All tokens, for a person who may manage them."""
        require(Right.MANAGE, "token.list")
        return self.all()

    def all(self) -> list[Token]:
        """All tokens, in the order in which they were made."""
        self._read()
        return list(self._by_hash.values())

    def person(self, secret: str) -> Person | None:
        """Whose token this is; None where it is not known."""
        self._read()
        token = self._by_hash.get(_hash(secret))
        return None if token is None else Person(f"token {token.name}", token.role)

    def _read(self) -> None:
        """Take over what another process has changed."""
        stamp = None
        with suppress(OSError):
            facts = self.path.stat()
            stamp = facts.st_mtime_ns, facts.st_ino
        if stamp == self._stamp:
            return
        tokens = [_token(one) for one in read_json(self.path).get("tokens", ())]
        self._by_hash = {one.sha256: one for one in tokens if one is not None}
        self._stamp = stamp

    def _write(self, tokens: list[Token]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_json(self.path, {"tokens": [asdict(one) for one in tokens]})
            self.path.chmod(0o600)
        except OSError as error:
            raise ServerError(
                f"Expected to keep the token, got: {disk_words(error)}. Check the permissions of "
                "the folder of readings (PNEUMO_READINGS)."
            ) from error
        self._stamp = None


def _token(entry: Any) -> Token | None:
    """A token of the file; None where it is damaged."""
    try:
        return Token(
            str(entry["name"]), Role(entry["role"]), str(entry["sha256"]), str(entry["created"])
        )
    except (KeyError, TypeError, ValueError):
        return None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
