"""When an estimate rests on too few films or patients to be known: one rule for all places.

Of 30 films a rate of 90 % is known to 11 points either way (Wilson: 74 to 97 %), of 10 to 20 points
(60 to 98 %): below 30 the interval is wider than what anybody would choose a model or a threshold
by. Of patients the same holds, for films of one patient are alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FEW = 30


def is_few(n: int) -> bool:
    """Whether so many of a kind are there, but too few."""
    return 0 < n < FEW


def few_words(counts: Mapping[str, int]) -> str:
    """One sentence naming what is few, "" if nothing is. counts: how many, by the plural of what.

    {"pneumonia films": 5, "patients": 200} is "Only 5 pneumonia films: too few to know. Read the
    intervals, not the values." Of what is not there at all there are no estimates, and no word.
    """
    few = [
        f"{n} {name.removesuffix('s') if n == 1 else name}"
        for name, n in counts.items()
        if is_few(n)
    ]
    if not few:
        return ""
    named = f"{', '.join(few[:-1])} and {few[-1]}" if few[1:] else few[0]
    return f"Only {named}: too few to know. Read the intervals, not the values."
