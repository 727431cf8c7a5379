"""The form of a card: a JSON schema with finite numbers, printable text and ordered intervals.

The error names the part, what was expected there and what arrived.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.integrity import REMEDY
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_ROUNDING = 1e-9


def check_schema(document: object, schema: Path, name: str) -> None:
    """Raise BundleError unless the card `document` has the form of the JSON schema at `schema`."""
    for error in _validator(schema).iter_errors(document):
        raise _from_schema(error, name)


def is_number(value: object) -> bool:
    """A finite number; compared, not converted, since JSON has whole numbers of any length."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


@cache
def _validator(path: Path) -> Any:
    """The schema with finite numbers, "printable" text and the keyword "ordered"."""
    from jsonschema import Draft202012Validator, FormatChecker, validators

    formats = FormatChecker(formats=())
    formats.checks("printable")(lambda text: not isinstance(text, str) or text.isprintable())
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "number": lambda _, value: is_number(value),
            "integer": lambda _, value: is_number(value) and value == int(value),
        }
    )
    strict = validators.extend(Draft202012Validator, {"ordered": _ordered}, type_checker=types)
    schema = json.loads(path.read_text("utf-8"))
    return strict(_inlined(schema, schema["$defs"]), format_checker=formats)


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema with each "$ref" replaced by what it names: half the time of a check."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(one, definitions) for key, one in schema.items() if key != "$defs"}


def _ordered(
    _: Any, groups: list[list[str]], instance: Any, __: dict[str, Any]
) -> Iterator[Exception]:
    """The keyword "ordered": the numbers of each group do not fall, or all are null."""
    from jsonschema import ValidationError

    for keys in groups if isinstance(instance, dict) else ():
        values = [instance.get(key) for key in keys]
        known = [is_number(value) for value in values]
        if any(known) and not (all(known) and in_order(values)):
            yield ValidationError(f"an interval around {keys[1]}", validator="ordered")


def in_order(values: list[Any]) -> bool:
    """Numbers that do not fall, but for a rounding error."""
    return all(b - a >= -_ROUNDING for a, b in pairwise(values))


def _from_schema(error: Any, name: str) -> BundleError:
    where, expected, got = error.json_path.removeprefix("$."), "", error.instance
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        where, got = f"{where}.{missing}".removeprefix("$."), None
        expected = "a value"
    elif error.validator == "ordered":
        expected = error.message
    else:
        expected = error.schema.get("description", error.message)
    return wrong(name, expected, where, got)


def wrong(name: str, expected: str, where: str, got: object) -> BundleError:
    """The error for one part of the card of the model `name`."""
    return BundleError(
        f"Model {name}: expected {expected} in {where} in its card, got {str(got)[:80]!r}. {REMEDY}"
    )
