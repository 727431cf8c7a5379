"""`index` and `demo-data`: what a folder of films holds, and a synthetic one to try with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pneumo_core.cli.console import emit, emit_json, progress


def index(
    folder: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of labelled films.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Count the films of a data set by split, class, subtype and patient."""
    from pneumo_core.audit import counts
    from pneumo_core.dataset.index import index_folder

    with progress() as report:
        found = index_folder(folder, progress=lambda done, n: report("index", done, n, ""))
    facts = counts(found)
    emit_json(facts) if json else emit(_table(facts))
    if facts["unreadable"]:
        raise typer.Exit(1)


def _table(facts: dict[str, Any]) -> str:
    lines = [
        (
            f"{facts['films']:,} films of {facts['groups']:,} patients, "
            f"{facts['exact_duplicates']} films present more than once, "
            f"{len(facts['unreadable'])} unreadable"
        )
    ]
    for split, part in facts["splits"].items():
        counts = ", ".join(f"{n:,} {name}" for name, n in sorted(part["subtypes"].items()))
        lines.append(f"  {split}: {part['films']:,} films of {part['groups']:,} patients: {counts}")
    lines += [f"  unreadable: {row['film']}: {row['problem']}" for row in facts["unreadable"]]
    return "\n".join(lines)


def demo_data(
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="New or empty folder.")],
    *,
    films: Annotated[int, typer.Option(min=20, help="How many films.")] = 400,
    seed: Annotated[int, typer.Option(help="Same seed, same films.")] = 0,
) -> None:
    """Write a synthetic data set in the layout of the Kaggle one, to try everything with."""
    from pneumo_core.synthetic.demo_data import write_demo_data

    with progress() as report:
        write_demo_data(
            folder, films=films, seed=seed, progress=lambda done, n: report("films", done, n, "")
        )
    emit(f"{films} synthetic films are in {folder}. They show no patient.")
