"""Pneumo as a processing module of mercure, the DICOM orchestrator: the entry script of its image.

mercure gives a folder of films, SERIES#INSTANCE.dcm, with the rule in task.json, and takes back
what lies in another: DICOM objects, and result.json, from which it sends notifications. A module
that ends with another code than 0 has the whole task put aside as failed: this one ends with 1 only
where no film could be read.

Settings of the rule, all optional: "parts" ("secondary_capture", "structured_report",
"encapsulated_pdf"; the first two unless given), "with_patient" (true), "notify" (decisions of which
a notification is requested, ["PNEUMONIA"]).
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom import dcmread

from pneumo_core import DISCLAIMER
from pneumo_core.config import load_settings
from pneumo_core.errors import PneumoError
from pneumo_core.formatting import count
from pneumo_core.imaging.decode import read_file
from pneumo_core.inference.shared import shared_reader
from pneumo_core.server.answers import NEED_DECISION, Wanted, answer

if TYPE_CHECKING:
    from pneumo_core.server.answers import Answer

USUAL = {
    "parts": ["secondary_capture", "structured_report"],
    "with_patient": True,
    "notify": ["PNEUMONIA"],
}


def main() -> int:
    """Read the films of MERCURE_IN_DIR; the exit code."""
    try:
        inbox, out = (Path(os.environ[name]) for name in ("MERCURE_IN_DIR", "MERCURE_OUT_DIR"))
    except KeyError as error:
        return failed(f"Expected the variable {error.args[0]}, which mercure sets.")
    settings = settings_of(inbox / "task.json")
    unknown = [part for part in settings["parts"] if part not in NEED_DECISION]
    if unknown:
        known = ", ".join(sorted(NEED_DECISION))
        return failed(f"Expected parts to name some of {known}, got {unknown[0]}.")
    films = sorted(inbox.glob("*.dcm"))
    if not films:
        return failed(f"Expected films (.dcm) in {inbox}, found none.")
    wanted = Wanted(tuple(settings["parts"]), bool(settings["with_patient"]))
    reader, limits = shared_reader(), load_settings().limits
    rows = []
    for path in films:
        found = answer(lambda path=path: read_file(path, limits), path.name, reader, wanted)
        put_objects(found, out)
        rows.append(found.row)
        print(f"{path.name}\t{found.row['decision'] or found.row['status'].upper()}")  # noqa: T201 - its log
    (out / "result.json").write_text(json.dumps(result(rows, settings["notify"])))
    unread = all(row["status"] == "error" for row in rows)
    return failed(f"Of {count(len(rows), 'films')} none could be read.") if unread else 0


def settings_of(task: Path) -> dict[str, Any]:
    """The settings of the rule, with the usual ones for what it leaves out."""
    try:
        process = json.loads(task.read_text()).get("process") or {}
    except (OSError, ValueError):
        process = {}
    steps = process if isinstance(process, list) else [process]  # several modules in a row
    own = [step.get("settings") or {} for step in steps if isinstance(step, dict)]
    return {**USUAL, **{name: one[name] for one in own for name in USUAL if name in one}}


def put_objects(found: Answer, out: Path) -> None:
    """Write the objects under the names that mercure expects, SERIES#INSTANCE.dcm."""
    for data in found.parts.values():
        header = dcmread(BytesIO(data), specific_tags=["SeriesInstanceUID", "SOPInstanceUID"])
        name = f"{header.SeriesInstanceUID}#{header.SOPInstanceUID}.dcm"
        (out / name).write_bytes(data)


def result(rows: list[dict[str, Any]], notify: list[str]) -> dict[str, Any]:
    """What mercure keeps of the task, and the text of its notification: no patient data."""
    counts = Counter(row["decision"] or row["status"].upper() for row in rows)
    text = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    return {
        "films": rows,
        "__mercure_notification": {
            "text": f"Pneumo: {text}. {DISCLAIMER}",
            "requested": any(row["decision"] in notify for row in rows),
        },
    }


def failed(words: str) -> int:
    """Say why the task failed; mercure keeps what a module prints."""
    print(f"Error: {words}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PneumoError as error:
        sys.exit(failed(str(error)))
