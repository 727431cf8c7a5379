"""The card of a bundle: its format, checked on writing and on reading."""

from __future__ import annotations

from typing import Any

from pneumo_core.bundle.card_tables import check_tables
from pneumo_core.bundle.card_values import is_figure, is_number, wrong
from pneumo_core.errors import BundleError

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
