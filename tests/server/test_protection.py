"""Names of the server, requests by time, bytes held."""

from __future__ import annotations

import pytest

from pneumo_core.server.protection import ByteBudget, RateLimit, is_named

LOCAL = ["localhost", "127.0.0.1", "::1"]


@pytest.mark.parametrize(
    ("host", "allowed", "named"),
    [
        ("localhost", LOCAL, True),
        ("LOCALHOST:8501", LOCAL, True),
        ("localhost.:8501", LOCAL, True),
        ("127.0.0.1:8501", LOCAL, True),
        ("[::1]:8501", LOCAL, True),
        ("evil.example:8501", LOCAL, False),
        ("localhost.evil.example", LOCAL, False),
        ("localhost@evil.example", LOCAL, False),
        ("evil.example/localhost", LOCAL, False),
        ("localhost:port", LOCAL, False),
        ("", LOCAL, False),
        ("a.example.org", ["*.example.org"], True),
        ("example.org", ["*.example.org"], False),
        ("badexample.org", ["*.example.org"], False),
        ("any.thing", ["*"], True),
        ("any.thing", [], True),
    ],
)
def test_a_host_is_one_of_the_names_or_not(host: str, allowed: list[str], named: bool) -> None:
    assert is_named(host, allowed) is named


def test_a_bucket_fills_with_time_and_each_caller_has_an_own_one() -> None:
    now = 0.0
    rate = RateLimit(60, clock=lambda: now)
    assert [rate.wait("a") for _ in range(60)] == [0.0] * 60
    assert rate.wait("a") == 1.0
    assert rate.wait("b") == 0.0
    now = 2.0
    assert [rate.wait("a"), rate.wait("a"), rate.wait("a")] == [0.0, 0.0, 1.0]
    now = 1e6
    assert rate.wait("a", 60) == 0.0
    assert rate.wait("a", 500) == 60.0  # counted as 60


def test_a_budget_takes_what_there_is_room_for() -> None:
    budget = ByteBudget(10)
    assert [budget.take(6), budget.take(5), budget.take(4)] == [True, False, True]
    budget.give_back(6)
    assert (budget.held, budget.take(6)) == (4, True)
