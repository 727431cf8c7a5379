"""Pseudonyms: keyed hashes of identifiers, with a secret salt of this installation.

An HMAC (RFC 2104): equal identifiers get one pseudonym, and without the salt nobody can tell whose.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

from pneumo_core.errors import PneumoError, disk_words

if TYPE_CHECKING:
    from pathlib import Path

SALT_FILE = "salt"
SALT_BYTES = 32
DIGITS = 32


def pseudonym(identifier: str, salt: bytes, *, digits: int = DIGITS) -> str:
    """The pseudonym of an identifier, `digits` hexadecimal digits; "" for none."""
    if not identifier:
        return ""
    return hmac.new(salt, identifier.encode(), hashlib.sha256).hexdigest()[:digits]


def installation_salt(folder: Path) -> bytes:
    """The salt in `folder` (`Settings.readings_dir`), made at first use, its owner's alone to read.

    Raises PneumoError where it cannot be read or made.
    """
    from filelock import FileLock

    path = folder / SALT_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(path.with_name(f".{SALT_FILE}.lock"), timeout=10, mode=0o600):
            if not path.exists():
                _make(path)
            salt = path.read_bytes()
    except OSError as error:  # filelock's Timeout is one
        raise PneumoError(
            f"The salt of the study keys cannot be read or made: {disk_words(error)}. Check "
            "the permissions of its folder, or set PNEUMO_READINGS to another one."
        ) from error
    if len(salt) != SALT_BYTES:
        raise PneumoError(
            f"Expected {SALT_BYTES} bytes in the salt of the study keys, got {len(salt)}. Put back "
            "a copy of it, or remove it: new readings then get other keys."
        )
    return salt


def _make(path: Path) -> None:
    partial = path.with_name(f".{SALT_FILE}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(secrets.token_bytes(SALT_BYTES))
    partial.replace(path)
