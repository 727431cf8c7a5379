"""`stress`: what a model owes to framing, exposure, storage and marks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pneumo_core.cli.console import emit, emit_json, progress, tell
from pneumo_core.cli.writing import OutputFile, words_for


def stress(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of labelled films.")],
    *,
    model: Annotated[str | None, typer.Option(help="Bundle to stress.")] = None,
    films: Annotated[
        int | None, typer.Option(min=1, help="Films per class; all without it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    csv: Annotated[Path | None, OutputFile("CSV file for a line a disturbance.")] = None,
) -> None:
    """Measure a model on the same films cropped, stretched, recompressed, blurred, marked …"""
    from pneumo_core.bundle import load_bundle
    from pneumo_core.config import load_settings
    from pneumo_core.review.stress import stress as measure

    bundle = load_bundle(model)
    with progress() as report:
        found = measure(bundle, data, settings=load_settings(), limit=films, progress=report)
    emit_json(found) if json else emit(_words(found))
    if csv is not None:
        import pandas as pd

        with words_for(csv):
            pd.DataFrame([_flat(row) for row in found["rows"]]).to_csv(csv, index=False)
    for film in found["unread"]:
        tell(f"Not read: {film['film']}: {film['problem']}")
    if found["unread"]:
        raise typer.Exit(1)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row for a table: rates and counts in columns of their own."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{key}_{part}": one for part, one in _flat(value).items()}
        else:
            flat[key] = value
    return flat


def _words(found: dict[str, Any]) -> str:
    at = f"P(pneumonia) >= {found['points']['balanced']:.3f}, the balanced point"
    lines = [
        f"{found['model']}: {found['words']}",
        f"{found['normal']:,} normal, {found['pneumonia']:,} pneumonia. Rates in per cent at {at},",
        "[their 95 % interval] and (the difference to the same films as they are, in points).",
        "",
        f"{'':93}refer   change of P",
        f"{'':31}AUC{'':18}sensitivity{'':11}specificity{'':13}%{'':7}median  95 %",
    ]
    family = "none"
    for row in found["rows"]:
        if row["family"] != family:
            family = row["family"]
            lines.append(family)
        lines.append(_line(row))
    lines += ["", found["worst"], *([found["lungless"]] if found["lungless"] else [])]
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    clean = row["family"] == "none"
    rates = ("sensitivity", "specificity")
    costs = ["" if clean else _points(row[f"cost_{rate}"]) for rate in rates]
    cells = [f"{row['name'] if clean else '  ' + row['name']:31}{_auc(row['auc']):21}"]
    cells += [f"{_rate(row[r])} {cost:7} " for r, cost in zip(rates, costs, strict=True)]
    cells.append(f"{100 * row['referred']['value']:6.1f}")
    cells.append(f"{row['change_median']:9.3f}{row['change_p95']:6.3f}")
    return "".join(cells)


def _auc(auc: dict[str, Any]) -> str:
    if auc["value"] is None:
        return "–"
    return f"{auc['value']:.3f} [{auc['low']:.3f}–{auc['high']:.3f}]"


def _rate(rate: dict[str, Any]) -> str:
    if rate["value"] is None:
        return f"{'–':14}"
    return f"{100 * rate['value']:5.1f} [{100 * rate['low']:.0f}–{100 * rate['high']:.0f}]".ljust(
        14
    )


def _points(cost: float | None) -> str:
    """A cost as the difference that it makes: 4 points lost are (−4.0)."""
    if cost is None:
        return ""
    return f"({-cost:+.1f})".replace("-", "−") if abs(cost) >= 0.05 else "(0.0)"
