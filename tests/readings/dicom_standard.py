"""The standard's modules for dicom-validator, without its download from the web.

dicom-validator reads DocBook files of the standard that no package registry has. highdicom brings
the same tables (attributes of each module with their type, modules of each object), but not the
conditions: what is required only under a condition (1C, 2C, modules "C") passes here when it is
missing. dciodvfy, run beside it, checks those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_validator.validator.dicom_info import DicomInfo
from highdicom._standard_utils import (
    get_iod_module_map,
    get_module_attribute_map,
    get_sop_class_iod_map,
)
from pydicom.datadict import tag_for_keyword

if TYPE_CHECKING:
    from collections.abc import Iterable

_OPTIONAL = {"1C": "3", "2C": "3"}
# Which parts of a content item there must be depends on its Value Type, for all but these.
_OF_ANY_ITEM = {"ValueType", "RelationshipType"}


def dicom_info(sop_classes: Iterable[str]) -> DicomInfo:
    """What dicom-validator must know of these SOP classes."""
    iods: dict[str, dict[str, Any]] = {}
    for sop_class in sop_classes:
        entries = get_iod_module_map()[get_sop_class_iod_map()[sop_class]]
        used = {
            entry["key"]: {"ref": entry["key"], "use": "M" if entry["usage"] == "M" else "U"}
            for entry in entries
        }
        iods[sop_class] = {"title": sop_class, "modules": used, "group_macros": {}}
    names = {name for iod in iods.values() for name in iod["modules"]}
    return DicomInfo({}, iods, {name: _module(name) for name in names})


def _module(name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    rows = get_module_attribute_map()[name]
    known = (row for row in rows if tag_for_keyword(row["keyword"]))  # no repeating groups (60xx)
    for row in sorted(known, key=lambda row: len(row["path"])):
        place = found
        for step in row["path"]:
            place = place[_tag(step)].setdefault("items", {})
        kind = _OPTIONAL.get(row["type"], row["type"])
        if name == "sr-document-content" and row["keyword"] not in _OF_ANY_ITEM:
            kind = "3"
        place[_tag(row["keyword"])] = {"name": row["keyword"], "type": kind}
    content = found.get(_tag("ContentSequence"))
    if content:  # a content item may hold content items (PS3.3 C.17.3.2.4)
        content["items"][_tag("ContentSequence")] = content
    return found


def _tag(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
