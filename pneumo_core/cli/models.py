"""`models`: the bundles of this installation."""

from __future__ import annotations

from typing import Annotated

import typer

from pneumo_core.cli.console import emit, tell

app = typer.Typer(help="The model bundles: list, verify, put in service.")


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the models where no other command is given."""
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models() -> None:
    """A line a model; the one in service is marked."""
    from pneumo_core.bundle import active_name, list_bundles
    from pneumo_core.errors import BundleError

    try:
        active = active_name()
    except BundleError:
        active = ""
    bundles = list_bundles()
    for bundle in bundles:
        mark = "*" if bundle.name == active else " "
        auc = bundle.card.get("figures", {}).get("auc")
        shown = ""
        if auc:
            shown = f"\tvalidation AUC {auc['value']:.4f} [{auc['low']:.4f}–{auc['high']:.4f}]"
        emit(f"{mark} {bundle.name} {bundle.version}\t{bundle.size} px{shown}")
    if not bundles:
        tell("There is no model yet. Make one with: python -m pneumo_core train DATA")


@app.command()
def verify() -> None:
    """Check every file of every model against its recorded hash."""
    from pneumo_core.bundle import bundle_names, load_bundle
    from pneumo_core.errors import BundleError

    broken = 0
    for name in bundle_names():
        try:
            load_bundle(name)
            emit(f"{name}: whole and unaltered")
        except BundleError as error:
            broken += 1
            emit(f"{name}: {error}")
    if broken:
        raise typer.Exit(1)


@app.command()
def activate(name: Annotated[str, typer.Argument(help="Name of the model.")]) -> None:
    """Put a model in service, once it is verified."""
    from pneumo_core.bundle import activate as put_in_service

    put_in_service(name)
    emit(f"{name} is in service.")
