"""The card of a bundle: its format, checked on writing and on reading."""

from __future__ import annotations

import math
from typing import Any

from pneumo_core.errors import BundleError

FORMAT = 1
CLASSES = (["normal", "bacterial", "viral"], ["normal", "pneumonia"])


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
    data            {"source": text with licence, "films", "groups", "normal", …}; without a
                    source, the films are those of Kermany et al. 2018
    figures         {label: {"value", "low", "high"} or a number}, in the order to show
    training        {"preset", "epochs", "seed", "machine", "seconds", "finished", …}
    limitations     list of text, added to those that hold for every model of this data set
    versions        {package: version}
    agreement       {"films", "keras_openvino", "half_precision", "keras_stored_as",
                    "openvino_stored_as"}: largest differences in probability, measured when the
                    bundle was written, and how its kernels are stored
    """
    if not isinstance(card, dict):
        raise _wrong(name, "an object", card)
    if card.get("format") != FORMAT:
        raise BundleError(
            f"Model {name}: expected card format {FORMAT}, got {card.get('format')!r}. "
            "Use the version of Pneumo that made it, or train it again."
        )
    for key in ("name", "version"):
        if not isinstance(card.get(key), str):
            raise _wrong(name, f"text in {key!r}", card.get(key))
    if card.get("classes") not in CLASSES:
        raise _wrong(name, f"classes {CLASSES[0]} or {CLASSES[1]}", card.get("classes"))
    size = _number(card, name, "input", "size")
    if size != int(size) or not 32 <= size <= 2048:
        raise _wrong(name, "a whole input size of 32..2048 pixels", size)
    if _number(card, name, "calibration", "temperature") <= 0:
        raise _wrong(name, "a positive temperature", card["calibration"]["temperature"])
    points = [
        _number(card, name, "operating_points", point, "threshold")
        for point in ("screening", "balanced", "ruling_in")
    ]
    if not 0 <= points[0] <= points[1] <= points[2] <= 1:
        raise _wrong(name, "0 <= screening <= balanced <= ruling_in <= 1", points)


def _number(card: dict[str, Any], name: str, *keys: str) -> float:
    value: Any = card
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong(name, f"a number in {'.'.join(keys)}", value)
    return float(value)


def _wrong(name: str, expected: str, got: object) -> BundleError:
    return BundleError(
        f"Model {name}: expected {expected} in its card, got {str(got)[:80]!r}. "
        "Restore the bundle or train it again."
    )
