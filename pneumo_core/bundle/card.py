"""The card of a bundle: its format, checked on writing and on reading."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.integrity import REMEDY
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Kind = tuple[str, Callable[[Any], bool]]


_ROUNDING = 1e-9


def is_number(value: object) -> bool:
    """A finite number; compared, not converted, since JSON has whole numbers of any length."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def is_figure(value: Any) -> bool:
    """None, a number, or {"value", "low", "high"} of them, with no interval around nothing."""
    if not isinstance(value, dict):
        return value is None or is_number(value)
    middle, *ends = (value.get(key) for key in ("value", "low", "high"))
    known = all(part is None or is_number(part) for part in (middle, *ends))
    return known and (middle is not None or None in ends)


def is_rate(value: Any) -> bool:
    """{"value", "low", "high"} with 0 <= low <= value <= high <= 1, or with None in all three."""
    if not isinstance(value, dict):
        return False
    low, middle, high = (value.get(key) for key in ("low", "value", "high"))
    return in_order(0, low, middle, high, 1) or (low is middle is high is None)


def in_order(*values: Any) -> bool:
    """Numbers that do not fall, but for a rounding error."""
    if not all(map(is_number, values)):
        return False
    return all(b - a >= -_ROUNDING for a, b in pairwise(values))


def wrong(name: str, expected: str, got: object) -> BundleError:
    """The error that tells what is wrong with the card of the bundle `name`."""
    return BundleError(
        f"Model {name}: expected {expected} in its card, got {str(got)[:80]!r}. {REMEDY}"
    )


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


FORMAT = 1
CLASSES = (["normal", "bacterial", "viral"], ["normal", "pneumonia"])
POINTS = ("screening", "balanced", "ruling_in")
RATES = ("sensitivity", "specificity")
PARTS = ("network", "data", "figures", "training", "versions", "agreement")
_KINDS: dict[type, str] = {str: "text", dict: "an object", list: "a list"}


def check_card(card: object, name: str) -> None:
    """Raise BundleError unless `card` is the card of a model that this version can use.

    A card is a JSON object. Required:

    format          1; another number means another version of Pneumo
    name, version   of the model, text
    classes         names of the logits, ["normal", "bacterial", "viral"] or ["normal", "pneumonia"]
    input           {"size": side in pixels}; the network scales 0..255 itself
    calibration     {"temperature": positive number that divides the logits, …}
    operating_points {"screening" | "balanced" | "ruling_in":
                        {"threshold": on P(pneumonia), 0..1,
                         "sensitivity", "specificity": {"value", "low", "high"} (optional)},
                     "fitted_on": text (optional)}; thresholds in rising order

    Optional, shown where present:

    title, summary  text
    network         {"backbone", "weights", "weights_licence", "parameters", …}
    data            {"source": text with licence, "films", "groups", "normal", "validation_films",
                    "validation_normal", "validation_groups", …}; without a source, the films are
                    those of Kermany et al. 2018; "drawn_films": how many of them Pneumo drew
    figures         {label: {"value", "low", "high"} or a number}, in the order to show
    training        {"preset", "epochs", "seed", "machine", "seconds", "finished", …}
    limitations     list of text, added to those that hold for every model of this data set
    versions        {package: version}
    agreement       {"films", "keras_openvino", "half_precision", "keras_stored_as",
                    "openvino_stored_as"}: largest differences in probability, measured when the
                    bundle was written, and how its kernels are stored
    stress          what disturbing the films costs, as `review.stress.stress` gives it ("model" and
                    "unread" may be missing)
    cohorts         [{"cohort", "part": text, "films", "auc": {"value", "low", "high"} or null,
                    "sensitivity", "specificity": {"value", "low", "high"}}]
    familiarity     {"limit": distance above 0, at most 2, beyond which a picture is unlike
                    the films the model knows, …}; with the file `familiar.npy`
    orientation     {"limit": of the probability of lying upright, 0..1, below which a film is
                    referred, …}; with the file `orientation.npy`
    """
    if not isinstance(card, dict):
        raise wrong(name, "an object", card)
    if card.get("format") != FORMAT:
        raise BundleError(
            f"Model {name}: expected card format {FORMAT}, got {card.get('format')!r}. "
            "Use the version of Pneumo that made it, or train it again."
        )
    for key in ("name", "version"):
        if not isinstance(card.get(key), str):
            raise wrong(name, f"text in {key!r}", card.get(key))
        if len(card[key]) > 64 or not card[key].isprintable():
            raise wrong(name, f"at most 64 printable characters in {key!r}", card[key])
    if card.get("classes") not in CLASSES:
        raise wrong(name, f"classes {CLASSES[0]} or {CLASSES[1]}", card.get("classes"))
    size = _number(card, name, "input", "size")
    if size != int(size) or not 32 <= size <= 2048:
        raise wrong(name, "a whole input size of 32..2048 pixels", size)
    if _number(card, name, "calibration", "temperature") <= 0:
        raise wrong(name, "a positive temperature", card["calibration"]["temperature"])
    points = [_number(card, name, "operating_points", point, "threshold") for point in POINTS]
    if not 0 <= points[0] <= points[1] <= points[2] <= 1:
        raise wrong(name, "0 <= screening <= balanced <= ruling_in <= 1", points)
    _check_optional(card, name)


def _check_optional(card: dict[str, Any], name: str) -> None:
    """The parts that may be missing: where present, of a kind that can be shown."""
    if "familiarity" in card and not 0 < _number(card, name, "familiarity", "limit") <= 2:
        raise wrong(name, "a familiarity limit above 0, at most 2", card["familiarity"]["limit"])
    if "orientation" in card and not 0 <= _number(card, name, "orientation", "limit") <= 1:
        raise wrong(name, "an orientation limit of 0..1", card["orientation"]["limit"])
    kinds: list[tuple[str, object, type]] = [
        *((key, card.get(key, ""), str) for key in ("title", "summary")),
        *((key, card.get(key, {}), dict) for key in PARTS),
        ("limitations", card.get("limitations", []), list),
    ]
    for key, value, kind in kinds:
        if not isinstance(value, kind):
            raise wrong(name, f"{_KINDS[kind]} in {key!r}", value)
    texts = [*card.get("limitations", []), card.get("data", {}).get("source", "")]
    for text in texts:
        if not isinstance(text, str):
            raise wrong(name, "text in 'limitations' and 'data.source'", text)
    for key in ("films", "keras_openvino", "half_precision") if card.get("agreement") else ():
        _number(card, name, "agreement", key)
    points = card["operating_points"]
    figures = {f"figures.{label}": value for label, value in card.get("figures", {}).items()}
    figures |= {f"{point}.{rate}": points[point].get(rate) for point in POINTS for rate in RATES}
    for label, value in figures.items():
        if not is_figure(value):
            raise wrong(name, f"a number, or value, low and high, in {label}", value)
    check_tables(card, name)


def _number(card: dict[str, Any], name: str, *keys: str) -> float:
    value: Any = card
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not is_number(value):
        raise wrong(name, f"a number in {'.'.join(keys)}", value)
    return float(value)
