"""Small samples: when an estimate rests on too few films or patients. The only limits there are.

SMALL_SAMPLE is for one estimate. Of 30 films a rate of 90 % is known to 11 points either way
(Wilson: 74 to 97 %), of 10 to 20 points (60 to 98 %): below 30 the interval is wider than what
anybody would choose a model or a threshold by. Of patients the same holds, for films of one patient
are alike.

VALIDATION_SAMPLE is for the judgement of a whole model, whose calibration and operating points are
measured on the same films: at least 100 with and 100 without the condition (Collins, Ogundimu &
Altman, Statistics in Medicine 2016;35:214-226). A rate of 90 % is then known to 6 points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL_SAMPLE = 30
VALIDATION_SAMPLE = 100


def is_small_sample(n: int) -> bool:
    """Whether so many of a kind are there, but too few."""
    return 0 < n < SMALL_SAMPLE


def small_sample_words(counts: Mapping[str, int]) -> str:
    """One sentence naming what is too small, "" if nothing is. counts: how many, by their plural.

    {"pneumonia films": 5, "patients": 200} is "Only 5 pneumonia films: too few to know. Read the
    intervals, not the values." Of what is not there at all there are no estimates, and no word.
    """
    small = [
        f"{n} {name.removesuffix('s') if n == 1 else name}"
        for name, n in counts.items()
        if is_small_sample(n)
    ]
    if not small:
        return ""
    named = f"{', '.join(small[:-1])} and {small[-1]}" if small[1:] else small[0]
    return f"Only {named}: too few to know. Read the intervals, not the values."
