"""The two tables that a card may have: what disturbances cost, and figures by cohort.

Their form is that of `metrics.shift.table_from` and `review.stress.stress`. They are checked
because strangers' bundles have them too: a table is drawn and laid out, so its numbers must be
finite, its texts short and its rows few. Keys that are not named here are let be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.card_values import in_order, is_number, is_rate, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Kind = tuple[str, Callable[[Any], bool]]  # what is expected, and whether it is that

MAX_ROWS = 200
NAME_LENGTH, TEXT_LENGTH = 100, 1000


def _text(most: int) -> Kind:
    words = f"at most {most:,} printable characters"
    return words, lambda v: isinstance(v, str) and len(v) <= most and v.isprintable()


def _between(low: int, high: int, *, unknown: bool = False) -> Kind:
    words = f"a number of {low}..{high}{' or null' * unknown}"
    return words, lambda v: (unknown and v is None) or in_order(low, v, high)


NAME, TEXT = _text(NAME_LENGTH), _text(TEXT_LENGTH)
FLAG: Kind = ("true or false", lambda v: isinstance(v, bool))
COUNT: Kind = ("a count of films", lambda v: type(v) is int and 0 <= v < 10**9)
SHARE, COST = _between(0, 1), _between(-100, 100, unknown=True)
RATE: Kind = ("value, low and high in 0..1", is_rate)
SOME_RATE: Kind = ("value, low and high in 0..1 or null", lambda v: v is None or is_rate(v))

_RATES = {"sensitivity": RATE, "specificity": RATE}
_COUNTS = {"films": COUNT, "normal": COUNT, "pneumonia": COUNT}
_TEXTS = {"words": TEXT, "worst": TEXT, "lungless": TEXT}
_CALLS = {"NORMAL": COUNT, "REFER": COUNT, "PNEUMONIA": COUNT}
_POINTS = {"screening": SHARE, "balanced": SHARE, "ruling_in": SHARE}
_COSTS = tuple(f"cost_{rate}" for rate in _RATES)

STRESS: Mapping[str, Any] = {**_COUNTS, "held_out": FLAG, **_TEXTS, "points": _POINTS}
_INTERVALS = {f"{cost}{end}": COST for cost in _COSTS for end in ("", "_low", "_high")}
_CHANGES = {f"change_{what}": SHARE for what in ("mean", "median", "p95")}
_ABOUT = {"name": NAME, "family": NAME, "words": TEXT, "keeps_lungs": FLAG, "films": COUNT}
_OTHER_POINTS = {"screening": _RATES, "ruling_in": _RATES, "referred": RATE}
_THREE_WAY = {"three_way": {"normal": _CALLS, "pneumonia": _CALLS}}
_AUC = {"auc": RATE, "cost_auc": COST}
STRESS_ROW: Mapping[str, Any] = {
    **_ABOUT, **_AUC, **_RATES, **_INTERVALS, **_CHANGES, **_OTHER_POINTS, **_THREE_WAY,
}  # fmt: skip
UNREAD_ROW: Mapping[str, Any] = {"film": TEXT, "problem": TEXT}
COHORT_ROW: Mapping[str, Any] = {
    "cohort": NAME, "part": NAME, "films": COUNT, "auc": SOME_RATE, **_RATES,
}  # fmt: skip


def check_tables(card: dict[str, Any], name: str) -> None:
    """Raise BundleError unless "stress" and "cohorts", where present, have their form."""
    if "stress" in card:
        stress = card["stress"]
        _check(stress, STRESS, "stress", name)
        _check(stress.get("model", ""), NAME, "stress.model", name)
        for number, row in enumerate(_rows(stress.get("rows"), "stress.rows", name)):
            where = f"stress.rows[{number}]"
            _check(row, STRESS_ROW, where, name)
            _check_costs(row, where, name)
        for number, row in enumerate(_rows(stress.get("unread", []), "stress.unread", name)):
            _check(row, UNREAD_ROW, f"stress.unread[{number}]", name)
    for number, row in enumerate(_rows(card.get("cohorts", []), "cohorts", name)):
        _check(row, COHORT_ROW, f"cohorts[{number}]", name)


def _rows(value: Any, where: str, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise wrong(name, f"a list in {where}", value)
    if len(value) > MAX_ROWS:
        raise wrong(name, f"at most {MAX_ROWS} rows in {where}", len(value))
    return value


def _check(value: Any, form: Mapping[str, Any] | Kind, where: str, name: str) -> None:
    """Follow `form` down: an object with a form for each of its keys, or a kind of value."""
    if isinstance(form, tuple):
        expected, fits = form
        if not fits(value):
            raise wrong(name, f"{expected} in {where}", value)
        return
    if not isinstance(value, dict):
        raise wrong(name, f"an object in {where}", value)
    for key, inner in form.items():
        _check(value.get(key), inner, f"{where}.{key}", name)


def _check_costs(row: dict[str, Any], where: str, name: str) -> None:
    """A cost lies in its interval; without films there is neither."""
    for cost in _COSTS:
        low, value, high = (row[f"{cost}{end}"] for end in ("_low", "", "_high"))
        known = [is_number(one) for one in (low, value, high)]
        if any(known) and not (all(known) and low <= value <= high):
            raise wrong(name, f"an interval around {cost} in {where}", [low, value, high])
