"""`readings`: the log of what was read and what people said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pneumo_core.cli.console import emit, emit_json, tell, words_for, writable_file
from pneumo_core.errors import ReadingLogError
from pneumo_core.formatting import count, per_cent, were

if TYPE_CHECKING:
    from pneumo_core.readings.log import ReadingLog

app = typer.Typer(help="The log of readings: list, export, delete.")


@app.callback(invoke_without_command=True)
def readings(context: typer.Context) -> None:
    """List the readings where no other command is given."""
    if context.invoked_subcommand is None:
        list_readings()


@app.command("list")
def list_readings(
    *, json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """A line a reading, the latest first."""
    from pneumo_core.readings.log import as_row

    with _log() as log:
        found = log.find()
    if json:
        emit_json([as_row(one) for one in found])
        return
    for one in found:
        chance = "–" if one.p_pneumonia is None else per_cent(one.p_pneumonia)
        said = (one.verdict.agreement or one.verdict.finding or "") if one.verdict else ""
        outcome = one.decision or one.status.upper()
        emit(
            f"{one.id}\t{one.at:%Y-%m-%d %H:%M}\t{one.sha256[:16]}\t{outcome}\t{chance}\t"
            f"{one.model}\t{said or '–'}\t{one.label}".rstrip()
        )
    if not found:
        tell(
            "The log holds no reading yet. Add some with: python -m pneumo_core predict FILM --log"
        )


@app.command()
def export(file: Annotated[str, typer.Argument(metavar="FILE", help="CSV file to write.")]) -> None:
    """Write all readings with their verdicts as CSV: a row a verdict."""
    path = writable_file(file)
    with _log() as log:
        content, readings = log.export_csv(), log.count()
    with words_for(path):
        path.write_bytes(content)
    emit(f"{count(readings, 'readings')} {were(readings)} written to {path}.")


@app.command()
def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids, or how they begin.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete readings and their verdicts for good. Nothing is deleted if an id is not known."""
    with _log() as log:
        found = [log.get(one).id for one in dict.fromkeys(ids)]
        if not yes:
            typer.confirm(f"Delete {count(len(found), 'readings')} for good?", abort=True, err=True)
        gone = log.delete(found)
    emit(f"{count(gone, 'readings')} {were(gone)} deleted.")


def _log() -> ReadingLog:
    from pneumo_core.config import load_settings
    from pneumo_core.readings.log import ReadingLog

    log = ReadingLog.open(load_settings())
    if log is None:
        raise ReadingLogError(
            "Expected the log of readings to be on, got PNEUMO_LOG_READINGS=0. Unset it."
        )
    return log
