"""The sections on the model: what it is, subgroups, stress, who looked at the test films."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.provenance import is_published, population
from pneumo_core.evaluation.report.document import Section, Table, Words
from pneumo_core.formatting import NONE, estimate, finite
from pneumo_core.metrics import Estimate
from pneumo_core.metrics.robustness import CLEAN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.evaluation.report.document import Cell, Picture
    from pneumo_core.evaluation.test_log import Look

UNKNOWN = "not stated in the model's card"


def model(bundle: Bundle) -> Section:
    """What was measured, from the card."""
    card = bundle.card
    network, training, data = (card.get(key, {}) for key in ("network", "training", "data"))
    facts = (
        ("model", f"{bundle.name} {bundle.version}, files {bundle.digest[:12]}"),
        ("network", _said(network.get("backbone"))),
        ("input", f"one grey film at {bundle.size}×{bundle.size} pixels, aspect ratio ignored"),
        ("answers", ", ".join(bundle.classes)),
        ("start of training", _said(network.get("weights"))),
        ("trained on", population(bundle)),
        ("training films", _counts(data)),
        ("held out for thresholds", _said(card["operating_points"].get("fitted_on"))),
        ("finished", _said(training.get("finished"))),
        ("machine", _said(training.get("machine"))),
    )
    table = Table(
        "model",
        "The model",
        ("what", "which"),
        facts,
        tuple({"what": what, "which": which} for what, which in facts),
        wide=(1,),
    )
    usual = (
        "Age, sex and device are not in the data: how well the model does in such groups is "
        "unknown. A chest film cannot tell bacterial from viral infection reliably."
    )
    limits = [*([usual] if is_published(bundle) else []), *card.get("limitations", ())]
    return Section("The model", (table, *(Words(str(line), "small") for line in limits)))


def subgroup_section(rows: pd.DataFrame, picture: Picture) -> Section:
    """The forest plot and its table."""
    records: list[dict[str, Cell]] = [
        {str(key): _plain(value) for key, value in row.items()} for row in rows.to_dict("records")
    ]
    shown = tuple(
        (
            f"{row['by']}: {row['group']}" if row["by"] != "all" else row["group"],
            f"{row['n_normal']:,} + {row['n_pneumonia']:,}",
            estimate(Estimate.from_dict(row, "sensitivity"), as_percent=True),
            estimate(Estimate.from_dict(row, "specificity"), as_percent=True),
            estimate(Estimate.from_dict(row, "auc")),
        )
        for row in rows.to_dict("records")
    )
    table = Table(
        "subgroups",
        "Subgroups at the balanced point",
        ("group", "normal + pneumonia", "sensitivity", "specificity", "AUC"),
        shown,
        tuple(records),
        "The AUC of a group of one class is against all films of the other. Groups were not chosen "
        "beforehand: among many, one may stand out by chance. Age, sex and device are not in the "
        "published data.",
        wide=(0,),
    )
    return Section("Subgroups", (picture, table))


def stress_section(stress: dict[str, Any], picture: Picture) -> Section:
    """What disturbances cost, as the card has it."""
    rows = stress["rows"]
    shown = tuple(
        (
            str(row["name"]),
            estimate(Estimate.from_dict(row["sensitivity"]), as_percent=True),
            _cost(row, "sensitivity"),
            estimate(Estimate.from_dict(row["specificity"]), as_percent=True),
            _cost(row, "specificity"),
            f"{100 * row['change_median']:.1f}",
        )
        for row in rows
    )
    records = tuple(_flat(row) for row in rows)
    table = Table(
        "stress",
        "The same films, disturbed",
        ("disturbance", "sensitivity", "cost", "specificity", "cost", "median change"),
        shown,
        records,
        "At the balanced point, in brackets the 95 % interval, that of a cost of the same films "
        "twice; costs and changes of P(pneumonia) in points of 100.",
        wide=(0,),
    )
    told = [stress.get(key, "") for key in ("words", "worst", "lungless")]
    words = Words(" ".join(one for one in told if one))
    return Section("Disturbed films", (words, picture, table))


def ledger_section(looks: Sequence[Look]) -> Section:
    """Every recorded look at test films."""
    if not looks:
        words = Words("No look at a split called test is recorded for this model.")
        return Section("Looks at test films", (words,))
    rows = tuple(
        (
            look.at.replace("T", " ").removesuffix("+00:00"),
            look.version,
            look.data,
            f"{look.n:,}",
            estimate(Estimate.from_dict(look.figures, "sensitivity"), as_percent=True),
            estimate(Estimate.from_dict(look.figures, "specificity"), as_percent=True),
        )
        for look in looks
    )
    records: list[dict[str, Cell]] = [
        {
            "at": look.at,
            "version": look.version,
            "digest": look.digest,
            "data": look.data,
            "n": look.n,
            **look.figures,
        }
        for look in looks
    ]
    table = Table(
        "looks",
        "Each time this model was measured on a split called test",
        ("when (UTC)", "version", "films (hash)", "n", "sensitivity", "specificity"),
        rows,
        tuple(records),
        "As recorded on this computer. What was looked at elsewhere is not here.",
    )
    return Section("Looks at test films", (table,))


def _said(value: object) -> str:
    return UNKNOWN if value is None else str(value)


def _counts(data: dict[str, Any]) -> str:
    if "films" not in data:
        return UNKNOWN
    groups = f" of {data['groups']:,} patients" if "groups" in data else ""
    kinds = [f"{data[kind]:,} {kind}" for kind in ("normal", "bacterial", "viral") if kind in data]
    told = f": {', '.join(kinds)}" if kinds else ""
    return f"{data['films']:,} films{groups}{told}"


def _plain(value: Any) -> Cell:
    return finite(value) if isinstance(value, float) else value


def _cost(row: dict[str, Any], rate: str) -> str:
    """Points lost, with their interval; the films as they are cost nothing."""
    if row["name"] == CLEAN:
        return NONE
    return estimate(Estimate.from_dict(row, f"cost_{rate}"), digits=1, signed=True)


def _flat(row: dict[str, Any]) -> dict[str, Cell]:
    """A row of a stress table without what lies in it deeper than one step."""
    found: dict[str, Cell] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            found |= {
                f"{key}_{part}": one for part, one in value.items() if not isinstance(one, dict)
            }
        elif not isinstance(value, list | tuple):
            found[key] = value
    return found
