"""Rights by role, who acts in which place, and what is recorded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pneumo_core import access
from pneumo_core.access import (
    AccessRefused,
    Event,
    Person,
    Right,
    Role,
    acting_as,
    current,
    recorded,
    require,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def events() -> Iterator[list[Event]]:
    found: list[Event] = []
    access.record_with(found.append)
    yield found
    access.record_with(None)
    access.identify_with(None)


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Role.VIEWER, {Right.VIEW}),
        (Role.READER, {Right.VIEW, Right.READ}),
        (Role.TRAINER, {Right.VIEW, Right.READ, Right.TRAIN}),
        (Role.ADMIN, set(Right)),
        (None, set()),
    ],
)
def test_each_role_has_its_rights(role: Role | None, rights: set[Right]) -> None:
    assert {right for right in Right if Person("p", role).may(right)} == rights


def test_who_starts_pneumo_on_an_own_computer_may_everything() -> None:
    assert current().role is Role.ADMIN
    assert require(Right.MANAGE).name


def test_a_refusal_says_who_and_what_and_is_recorded(events: list[Event]) -> None:
    words = "right to train, and .*, but the role of ann is viewer. Ask an administrator"
    with (
        acting_as(Person("ann", Role.VIEWER)),
        pytest.raises(AccessRefused, match=words),
        recorded(Right.TRAIN, "run.start", "resnet"),
    ):
        pytest.fail("refused before it begins")
    (event,) = events
    assert (event.who, event.role, event.action) == ("ann", "viewer", "run.start")
    assert (event.subject, event.outcome) == ("resnet", "refused")


def test_what_is_done_and_what_fails_are_recorded(events: list[Event]) -> None:
    with acting_as(Person("ann", Role.ADMIN)), recorded(Right.MANAGE, "model.delete", "a"):
        pass
    with (
        acting_as(Person("ann", Role.ADMIN)),
        pytest.raises(ValueError, match="b"),
        recorded(Right.MANAGE, "model.delete", "b"),
    ):
        raise ValueError("b")
    assert [(one.subject, one.outcome) for one in events] == [("a", "done"), ("b", "failed")]


def test_a_server_says_who_acts_also_in_a_new_thread(events: list[Event]) -> None:
    access.identify_with(lambda: access.NOBODY)
    found: list[Person] = []
    with acting_as(Person("ann", Role.ADMIN)):
        thread = threading.Thread(target=lambda: found.append(current()))
        thread.start()
        thread.join()
        assert current().name == "ann"
    assert found == [access.NOBODY]
    with pytest.raises(AccessRefused, match=r"not signed in has no role here\. Sign in"):
        require(Right.VIEW)
    assert [one.outcome for one in events] == ["refused"]


def test_a_recorder_that_fails_does_not_undo_what_was_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(_: Event) -> None:
        raise OSError("disk full")

    access.record_with(fail)
    with recorded(Right.MANAGE, "model.delete", "a"):
        pass
    access.record_with(None)
    assert "Not in the audit log" in caplog.text


def test_in_a_demonstration_nobody_changes_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNEUMO_DEMO", "1")
    assert current().role is Role.READER
    assert require(Right.READ)
    for right in (Right.TRAIN, Right.MANAGE):
        with pytest.raises(AccessRefused, match="this is a demonstration, in which films are read"):
            require(right)
