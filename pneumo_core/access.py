"""Who acts, what a role may do, and what was done: rights are checked here, by the core itself.

On a person's own computer whoever starts Pneumo owns it and may do everything. A server says who
acts: a page by `identify_with`, a request by `acting_as`. Refusals and actions are told to the
recorder (`record_with`), which keeps them in the audit log.
"""

from __future__ import annotations

import getpass
import logging
import os
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pneumo_core.errors import PneumoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)
DEMO = "PNEUMO_DEMO"


class AccessRefused(PneumoError):
    """The person who acts has no right to do this."""


class Right(StrEnum):
    """What a person may do; the value is how it is said."""

    VIEW = "look at figures and models"
    READ = "read films"
    TRAIN = "train, and work with data sets"
    MANAGE = "change, import, export or delete what is kept"


class Role(StrEnum):
    """Each role may do what those before it may."""

    VIEWER = "viewer"
    READER = "reader"
    TRAINER = "trainer"
    ADMIN = "admin"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.VIEW}),
    Role.READER: frozenset({Right.VIEW, Right.READ}),
    Role.TRAINER: frozenset({Right.VIEW, Right.READ, Right.TRAIN}),
    Role.ADMIN: frozenset(Right),
}
ROLES = tuple(Role)


@dataclass(frozen=True)
class Person:
    """Who acts: a name for the audit log, and a role; None for somebody who may do nothing."""

    name: str
    role: Role | None

    def may(self, right: Right) -> bool:
        """Whether the role includes a right."""
        return self.role is not None and right in RIGHTS[self.role]


NOBODY = Person("not signed in", None)


@dataclass(frozen=True)
class Event:
    """An entry of the audit log. `outcome` is "done", "failed" or "refused"."""

    at: datetime
    who: str
    role: str
    action: str
    subject: str
    outcome: str


_acting: ContextVar[Person | None] = ContextVar("acting", default=None)
_identify: Callable[[], Person] | None = None
_record: Callable[[Event], None] | None = None


def identify_with(identify: Callable[[], Person] | None) -> None:
    """Let this process ask `identify` who acts; None: its owner does."""
    global _identify  # noqa: PLW0603 - one answer a process
    _identify = identify


def record_with(record: Callable[[Event], None] | None) -> None:
    """Tell `record` of every action and refusal of this process from now on."""
    global _record  # noqa: PLW0603
    _record = record


@contextmanager
def acting_as(person: Person) -> Iterator[None]:
    """Within this block (and in threads that copy its context) `person` acts."""
    token = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(token)


def current() -> Person:
    """Who acts now; with PNEUMO_DEMO=1 nobody is more than a reader."""
    person = _acting.get() or (_owner() if _identify is None else _identify())
    if is_demo() and person.role in {Role.TRAINER, Role.ADMIN}:
        return Person(person.name, Role.READER)
    return person


def is_demo() -> bool:
    """Whether this is a demonstration: films are read, nothing is trained, changed or kept."""
    return os.environ.get(DEMO, "").strip().lower() in {"1", "true", "yes", "on"}


def require(right: Right, action: str = "", subject: str = "") -> Person:
    """The person who acts. Raises AccessRefused, and records it, where the right is missing."""
    person = current()
    if person.may(right):
        return person
    _tell(person, action or right.name.lower(), subject, "refused")
    if is_demo():
        why = "this is a demonstration, in which films are read and nothing is changed"
    elif person.role is None:
        why = f"{person.name} has no role here. Sign in, or ask an administrator for a role"
    else:
        why = f"the role of {person.name} is {person.role}. Ask an administrator"
    raise AccessRefused(f"Expected the right to {right}, but {why}.")


@contextmanager
def recorded(right: Right, action: str, subject: str = "") -> Iterator[Person]:
    """Check a right, then record how the block ended. Raises AccessRefused before it begins."""
    person, outcome = require(right, action, subject), "failed"
    try:
        yield person
        outcome = "done"
    finally:
        _tell(person, action, subject, outcome)


def _owner() -> Person:
    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name, as in containers
        name = "owner"
    return Person(name, Role.ADMIN)


def _tell(person: Person, action: str, subject: str, outcome: str) -> None:
    if _record is None:
        return
    role = "none" if person.role is None else str(person.role)
    try:
        _record(Event(datetime.now(UTC), person.name, role, action, subject, outcome))
    except (PneumoError, OSError):  # what was done stays done: the log of the server has it
        log.exception("Not in the audit log: %s %s %s %s", person.name, action, subject, outcome)
