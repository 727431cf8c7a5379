"""`models`: the bundles of this installation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumo_core.cli.console import emit, emit_json, pasted, start_keras, tell
from pneumo_core.formatting import file_size

if TYPE_CHECKING:
    from pneumo_core.bundle import BundleStatus
    from pneumo_core.bundle.card import Card


def caution(name: str, card: Card, *, in_service: bool = False) -> None:
    """Print the model's reliability warnings on standard error, if there are any."""
    from pneumo_core.bundle.reliability import judge

    reasons = judge(card).reasons
    if not reasons:
        return
    tell(f"Do not rely on the model {name}{', which is in service' * in_service}:")
    for reason in reasons:
        tell(f"  - {reason.words}")


app = typer.Typer(help="The model bundles: list, verify, put in service, export, import, remove.")

Name = Annotated[str, typer.Argument(help="Name of the model.")]
NONE_YET = "There is no model yet. Make one with: python -m pneumo_core train DATA"


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the models where no other command is given."""
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models(
    *, json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """A line a model; * marks the one in service, ! a damaged one."""
    from pneumo_core.bundle import survey

    found = survey()
    if json:
        emit_json([_facts(one) for one in found])
        return
    for one in found:
        emit(_line(one))
    if not found:
        tell(NONE_YET)


def _line(one: BundleStatus) -> str:
    from pneumo_core.bundle.reliability import judge

    size = f"{file_size(one.n_bytes)} on disk"
    mark = "*" if one.in_service else " "
    if one.fault or one.bundle is None:
        return f"{'!' if mark == ' ' else mark} {one.name}\t{size}\tDAMAGED: {one.fault}"
    parts = [f"{mark} {one.name} {one.bundle.version}", f"{one.bundle.size} px", size]
    parts.append(f"whole, SHA-256 {one.bundle.digest[:12]}")
    parts += ["in service"] if one.in_service else []
    parts += _auc(one.bundle.card)
    against = judge(one.bundle.card).labels
    return "\t".join([*parts, *([f"DO NOT RELY ON IT: {against}"] if against else [])])


def _auc(card: Card) -> list[str]:
    """The AUC on validation, or of the population furthest from the training films."""
    from pneumo_core.formatting import figure

    if card.populations:
        return [f"AUC on films from elsewhere {figure('auc', card.populations[0]['auc'])}"]
    auc = card.figure("auc")
    return [] if auc is None else [f"validation AUC {figure('auc', auc)}"]


def _facts(one: BundleStatus) -> dict[str, Any]:
    from pneumo_core.bundle.reliability import judge

    bundle = one.bundle
    known = {} if bundle is None else {"version": bundle.version, "digest": bundle.digest}
    state = {"bytes": one.n_bytes, "in_service": one.in_service, "fault": one.fault or None}
    if bundle is None:
        return {"name": one.name, **known, **state}
    against = [reason.words for reason in judge(bundle.card).reasons]
    return {"name": one.name, **known, **state, "against": against, "card": bundle.card.document}


@app.command()
def verify() -> None:
    """Check every file of every model, and of the lung finder, against its recorded hash."""
    from pneumo_core.bundle import survey
    from pneumo_core.bundle.lung_finder import finder_faults

    faults = {one.name: one.fault for one in survey()} | finder_faults()
    for name, fault in faults.items():
        emit(f"{name}: {fault or 'whole and unaltered'}")
    if any(faults.values()):
        raise typer.Exit(1)


@app.command()
def activate(name: Name) -> None:
    """Put a model in service, once it is verified."""
    from pneumo_core.bundle import activate as put_in_service
    from pneumo_core.bundle import load_bundle

    put_in_service(name)
    emit(f"{name} is in service.")
    caution(name, load_bundle(name, verify=False).card, in_service=True)


@app.command()
def card(name: Name) -> None:
    """Print the model card: what a model is for, what it was made of and how well it does."""
    from pneumo_core.bundle import load_bundle

    text = (load_bundle(name).path / "README.md").read_text(encoding="utf-8", errors="replace")
    # Whoever made the model wrote this: nothing in it may steer the terminal.
    emit("".join(sign for sign in text if sign in "\n\t" or sign.isprintable()).rstrip())


@app.command("export")
def export_model(
    name: Name,
    *,
    out: Annotated[
        Path | None, typer.Option(help="File to write; NAME.zip, or as the format has it.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="zip, the whole bundle; onnx, tflite or savedmodel.")
    ] = "zip",
) -> None:
    """Write a verified model as a zip, or its network alone for other tools."""
    from pneumo_core.bundle.transfer import export_bundle

    if form != "zip":
        _export_network(name, form, out)
        return
    target = Path(f"{name}.zip") if out is None else out
    target = target / f"{name}.zip" if target.is_dir() else target
    if target.exists():
        raise typer.BadParameter(f"there is a file {target} already.")
    content = export_bundle(name)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise typer.BadParameter(f"{target} cannot be written: {error.strerror}.") from error
    emit(f"{name} is in {target}, {file_size(len(content))}.")


def _export_network(name: str, form: str, out: Path | None) -> None:
    from pneumo_core.bundle import load_bundle
    from pneumo_core.bundle.keras_network import FORMATS, export_network

    if form not in FORMATS:
        known = ", ".join(("zip", *FORMATS))
        raise typer.BadParameter(f"--format: expected one of {known}; got {form!r}.")
    target = Path(f"{name}{FORMATS[form] or '-savedmodel'}") if out is None else out
    if target.exists():
        raise typer.BadParameter(f"there is a file {target} already.")
    if not target.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {target.parent}.")
    bundle = load_bundle(name)
    start_keras()
    about = export_network(bundle, form, target)
    found = about["agreement"]
    emit(
        f"{name} is in {target}; on {found['images']} images it agrees with Keras within "
        f"{found['largest_difference']:.1g}. How to prepare and read a film: {target.name}.json"
    )


@app.command("import")
def import_model(
    file: Annotated[Path, typer.Argument(help="A zip that was made by `models export`.")],
    *,
    name: Annotated[str | None, typer.Option(help="Name to give it; its own if not said.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite a model of that name.")
    ] = False,
) -> None:
    """Take in a model from a zip, once all of it is checked. It is not put in service."""
    from pneumo_core.bundle.transfer import import_bundle

    if not file.is_file():
        raise typer.BadParameter(f"there is no file {file}.")
    made = import_bundle(file, name=name, replace=replace, report=lambda words: tell(f"{words}…"))
    emit(f"{made.name} {made.version} is imported and intact: SHA-256 {made.digest}.")
    use = pasted("models", "activate", made.name, carrying=("PNEUMO_MODELS",))
    emit(f"Put it in service with: {use}")
    caution(made.name, made.card)


@app.command()
def remove(
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a model for good, whole or damaged; never the one in service."""
    from pneumo_core.bundle import remove_bundle

    if not yes:
        typer.confirm(f"Delete the model {name}? This cannot be undone.", abort=True, err=True)
    remove_bundle(name)
    emit(f"{name} is deleted.")
