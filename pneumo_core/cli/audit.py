"""`audit`: what is wrong with a data set, and what gives its labels away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pneumo_core.cli.console import emit, emit_json, progress, tell
from pneumo_core.cli.writing import OutputFile, write_whole


def audit(
    folder: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of labelled films.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    html: Annotated[Path | None, OutputFile("One page that needs nothing else.")] = None,
) -> None:
    """Look for damage, duplicates and leaks, and for what gives the label away without a lung."""
    document = _carry_out(folder)
    if html is not None:
        from pneumo_core.audit import as_html

        write_whole(html, as_html(document))
    if json:
        emit_json(document)
    else:
        from pneumo_core.audit import as_text

        emit(as_text(document))
    unreadable = document["counts"]["unreadable"]
    for row in unreadable:
        tell(f"Not read: {row['film']}: {row['problem']}")
    if unreadable:
        raise typer.Exit(1)


def _carry_out(folder: Path) -> dict[str, Any]:
    from pneumo_core.audit import as_document, integrity
    from pneumo_core.config import load_settings
    from pneumo_core.dataset.catalogue import open_catalogue

    with progress() as report:
        catalogue = open_catalogue(
            folder,
            settings=load_settings(),
            progress=lambda done, n: report("films", done, n, ""),
        )
        report("checks", 0, 1, "looking for duplicates and leaks")
        integrity(catalogue)
        report("shortcuts", 0, 1, "trying what gives the label away")
        return as_document(catalogue, progress=lambda done, n: report("shortcuts", done, n, ""))
