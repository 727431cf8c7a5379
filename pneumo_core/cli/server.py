"""`serve`, `token` and `audit-log`: the API alone, its tokens, and who did what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pneumo_core.access import Role
from pneumo_core.cli.console import emit, emit_json, tell, words_for, writable_file
from pneumo_core.errors import ServerError
from pneumo_core.formatting import count, were

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
