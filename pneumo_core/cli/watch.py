"""`watch`: read what arrives in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumo_core.cli.console import emit, emit_json, tell, writable_folder
from pneumo_core.cli.exports import KeepReadings, WithPatient, opened_log, part_switch

if TYPE_CHECKING:
    from pneumo_core.server.answers import Part


def watch(  # noqa: PLR0913 - one argument an option
    inbox: Annotated[Path, typer.Argument(metavar="IN", help="Folder to watch.")],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Folder for the answers.", parser=writable_folder),
    ],
    *,
    overlay: Annotated[bool, part_switch("overlay")] = False,
    report: Annotated[bool, part_switch("report")] = False,
    secondary_capture: Annotated[bool, part_switch("secondary_capture")] = False,
    structured_report: Annotated[bool, part_switch("structured_report")] = False,
    encapsulated_pdf: Annotated[bool, part_switch("encapsulated_pdf")] = False,
    with_patient: WithPatient = False,
    move: Annotated[
        bool, typer.Option("--move", help="Move answered films to OUT/read or OUT/unreadable.")
    ] = False,
    settle: Annotated[
        float, typer.Option(help="Seconds without a change after which a file is whole.", min=0.0)
    ] = 2.0,
    interval: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.05)] = 1.0,
    once: Annotated[
        bool, typer.Option("--once", help="End when everything that is there is answered.")
    ] = False,
    log: KeepReadings = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Read what arrives in IN; write its answer as JSON, and what else is asked for, to OUT.

    Runs until it is stopped; started again, it goes on where it was. Each file is answered once.
    """
    from pneumo_core.config import load_settings
    from pneumo_core.inference.shared import shared_reader
    from pneumo_core.server.answers import Keeper, Wanted
    from pneumo_core.server.watch import WatchedFolder
    from pneumo_core.server.watch import watch as watch_folder

    asked: dict[Part, bool] = {
        "overlay": overlay,
        "report": report,
        "secondary_capture": secondary_capture,
        "structured_report": structured_report,
        "encapsulated_pdf": encapsulated_pdf,
    }
    parts = tuple(part for part, wanted in asked.items() if wanted)
    settings = load_settings()
    keeper = Keeper(opened_log(settings), settings) if log else None
    folder = WatchedFolder(
        inbox,
        out,
        wanted=Wanted(parts, with_patient),
        keeper=keeper,
        max_bytes=settings.limits.max_bytes,
        move=move,
        settle=settle,
    )
    shared_reader()  # before the first film: a model that cannot be used ends the command
    try:
        watch_folder(
            folder,
            shared_reader,
            tell=emit_row if json else _line,
            interval=interval,
            once=once,
        )
    finally:
        tell(f"{folder.summary()}.")
        if keeper is not None:
            keeper.log.close()
    if folder.counts["error"]:
        raise typer.Exit(1)


def emit_row(row: dict[str, Any]) -> None:
    """A row as one line of JSON."""
    emit_json(row, indent=None)


def _line(row: dict[str, Any]) -> None:
    emit(f"{row['file']}\t{row['decision'] or row['status'].upper()}\t{row['message']}")
