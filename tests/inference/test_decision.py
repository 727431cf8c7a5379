"""The decision: its boundaries, its reasons, its words."""

from __future__ import annotations

import pytest

from pneumo_core.bundle import OperatingPoints
from pneumo_core.formatting import breakable
from pneumo_core.inference.predict import Decision, decide

POINTS = OperatingPoints(screening=0.2, balanced=0.5, ruling_in=0.8)


@pytest.mark.parametrize(
    ("p", "low", "high", "expected"),
    [
        (0.0, 0.0, 0.0, Decision.NORMAL),
        (0.1999, 0.1999, 0.1999, Decision.NORMAL),
        (0.2, 0.2, 0.2, Decision.REFER),
        (0.5, 0.5, 0.5, Decision.REFER),
        (0.7999, 0.7999, 0.7999, Decision.REFER),
        (0.8, 0.8, 0.8, Decision.PNEUMONIA),
        (1.0, 1.0, 1.0, Decision.PNEUMONIA),
        (0.19, 0.1, 0.7999, Decision.NORMAL),  # reaches into the middle, not across it
        (0.81, 0.2, 0.9, Decision.PNEUMONIA),
        (0.19, 0.1, 0.8, Decision.REFER),  # reaches across
        (0.81, 0.1999, 0.9, Decision.REFER),
    ],
)
def test_decision_table(p: float, low: float, high: float, expected: Decision) -> None:
    assert decide(p, low, high, POINTS)[0] is expected


def test_points_that_coincide_leave_no_middle() -> None:
    one = OperatingPoints(screening=0.5, balanced=0.5, ruling_in=0.5)
    assert decide(0.4999, 0.4999, 0.4999, one)[0] is Decision.NORMAL
    assert decide(0.5, 0.5, 0.5, one)[0] is Decision.PNEUMONIA
    assert decide(0.5, 0.49, 0.5, one)[0] is Decision.REFER


WORDS = {
    (0.03, 0.012, 0.06): (
        "No sign of pneumonia: 3 % (1–6 % when mirrored, cropped or shifted), below the screening "
        "point of "
        "20 %. This does not rule pneumonia out."
    ),
    (0.871, 0.79, 0.92): (
        "Signs of pneumonia: 87 % (79–92 % when mirrored, cropped or shifted), at or above the "
        "ruling-in "
        "point of 80 %. Small crops and shifts lower it to 79 %, below the ruling-in and above the "
        "screening point: a film is referred for this only if it crosses both points."
    ),
    (0.5, 0.45, 0.51): (
        "Refer: 50 % (45–51 % when mirrored, cropped or shifted) lies between the screening "
        "point of 20 % and the ruling-in point of 80 %. A radiologist should read it."
    ),
    (0.5, 0.05, 0.88): (
        "Refer: small crops and shifts of this film change the answer (50 % as it is, 5–88 % when "
        "cropped, shifted or mirrored). A radiologist should read it."
    ),
}


@pytest.mark.parametrize(("chances", "words"), WORDS.items())
def test_every_decision_gives_its_reason(chances: tuple[float, float, float], words: str) -> None:
    assert breakable(decide(*chances, POINTS)[1]) == words


@pytest.mark.parametrize(
    ("chances", "told"),
    [
        (
            (0.13, 0.13, 0.41),
            "raise it to 41 %, above the screening and below the ruling-in point: a film",
        ),
        (
            (0.9, 0.61, 0.95),
            "lower it to 61 %, below the ruling-in and above the screening point: a film",
        ),
    ],
)
def test_a_range_that_crosses_one_point_alone_is_said_to(
    chances: tuple[float, float, float], told: str
) -> None:
    assert told in breakable(decide(*chances, POINTS)[1])
    assert "Small crops and shifts" not in decide(0.1, 0.05, 0.19, POINTS)[1]
    assert "Small crops and shifts" not in decide(0.5, 0.1, 0.7, POINTS)[1]


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (
            0.196,
            (
                "No sign of pneumonia: 19.6 % (20 % when mirrored, cropped or shifted), below the "
                "screening "
            ),
        ),
        (
            0.204,
            (
                "Refer: 20.4 % (20 % when mirrored, cropped or shifted) lies between the "
                "screening point "
                "of "
            ),
        ),
        (0.19999, "No sign of pneumonia: 20.00 % (20 % when"),
        (
            0.8,
            (
                "Signs of pneumonia: 80 % (80 % when mirrored, cropped or shifted), at or above "
                "the ruling-in"
            ),
        ),
    ],
)
def test_a_share_beside_a_point_is_told_apart_from_it(p: float, words: str) -> None:
    assert breakable(decide(p, p, p, POINTS)[1]).startswith(words)
