"""`serve`, `watch`, `token` and `audit-log`: API, watched folder, tokens, and who did what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumo_core.access import Role
from pneumo_core.cli.console import emit, emit_json, tell, words_for, writable_file, writable_folder
from pneumo_core.cli.exports import KeepReadings, WithPatient, opened_log, part_switch
from pneumo_core.errors import ServerError
from pneumo_core.formatting import count, were

if TYPE_CHECKING:
    from pneumo_core.server.answers import Part

token_app = typer.Typer(help="Bearer tokens of the API: make, list, revoke.", no_args_is_help=True)
audit_app = typer.Typer(
    help="The audit log: who did what to models, runs, data and readings.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="Name of the token: of the program that will use it.")]
LOCAL = ("localhost", "127.0.0.1", "::1")


def serve(
    *,
    address: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0: everywhere.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port; 0: any that is free.", min=0, max=65535)] = 8502,
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(help="A name of this server, *.example.org for all below; repeatable."),
    ] = None,
) -> None:
    """Answer the API alone, without pages and without Streamlit.

    `streamlit run app.py` has the same API beside its pages.
    """
    import uvicorn

    from pneumo_core.config import load_settings
    from pneumo_core.server.api import create_app

    hosts = [*LOCAL, *(allowed_host or [])]
    app = create_app(load_settings(), hosts)
    tell(f"The API answers at http://{address}:{port}/api/v1/openapi.json")
    try:
        uvicorn.run(
            app, host=address, port=port, access_log=False, log_level="warning", server_header=False
        )
    except OSError as error:
        raise ServerError(
            f"Expected to listen on {address}:{port}, got: {error.strerror or error}. Choose "
            "another --port or --address."
        ) from error


@token_app.command("new")
def new_token(
    name: Name,
    *,
    role: Annotated[Role, typer.Option(help="What the token may do.")] = Role.READER,
) -> None:
    """Make a token and print it, once: only its hash is kept."""
    from pneumo_core.config import load_settings
    from pneumo_core.server.tokens import Tokens

    secret = Tokens(load_settings()).new(name, role)
    tell(f"Token {name}, {role}. It is shown once; send it as 'Authorization: Bearer TOKEN'.")
    emit(secret)


@token_app.command("list")
def list_tokens(
    *, json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """A line a token: name, role, when it was made."""
    from pneumo_core.config import load_settings
    from pneumo_core.server.tokens import Tokens

    found = Tokens(load_settings()).listed()
    if json:
        emit_json([{"name": t.name, "role": str(t.role), "created": t.created} for t in found])
        return
    for one in found:
        emit(f"{one.name}\t{one.role}\t{one.created[:19]}")
    if not found:
        tell("There is no token yet. Make one with: python -m pneumo_core token new NAME")


@token_app.command("revoke")
def revoke_token(name: Name) -> None:
    """Refuse a token from its next request on."""
    from pneumo_core.config import load_settings
    from pneumo_core.server.tokens import Tokens

    Tokens(load_settings()).revoke(name)
    emit(f"{name} is revoked.")


@audit_app.command("list")
def list_entries(
    *, json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """A line an entry, the oldest first."""
    from pneumo_core.config import load_settings
    from pneumo_core.readings.audit_log import COLUMNS, AuditLog, as_row

    rows = [as_row(one) for one in AuditLog(load_settings()).entries()]
    if json:
        emit_json(rows)
        return
    for row in rows:
        emit("\t".join(row[name] for name in COLUMNS))
    if not rows:
        tell("The audit log is empty.")


@audit_app.command("export")
def export_entries(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV file to write.")],
) -> None:
    """Write all entries as CSV."""
    from pneumo_core.config import load_settings
    from pneumo_core.readings.audit_log import AuditLog, to_csv

    path: Path = writable_file(file)
    entries = AuditLog(load_settings()).entries()
    with words_for(path):
        path.write_bytes(to_csv(entries))
    emit(f"{count(len(entries), 'entries')} {were(len(entries))} written to {path}.")


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
