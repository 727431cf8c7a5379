"""Report sections on the model: what it is, subgroups, robustness, test-set evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.model_card import input_words
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
    from pneumo_core.evaluation.test_log import LoggedEvaluation

UNKNOWN = "not stated in the model's card"


def model(bundle: Bundle) -> Section:
    """The model that was evaluated, from its card."""
    card = bundle.card
    facts = (
        ("model", f"{bundle.name} {bundle.version}, files {bundle.digest[:12]}"),
        ("network", _stated(card.network.backbone)),
        ("input", input_words(card)),
        ("classes", ", ".join(bundle.classes)),
        ("initial weights", _stated(card.network.weights)),
        ("trained on", population(bundle)),
        ("training films", _counts(card.document.get("data", {}))),
        ("held out for thresholds", _stated(card.points_fitted_on)),
        ("finished", _stated(card.training.finished)),
        ("machine", _stated(card.training.machine)),
    )
    table = Table(
        "model",
        "The model",
        ("item", "value"),
        facts,
        tuple({"what": what, "which": which} for what, which in facts),
        wide=(1,),
    )
    usual = (
        "Age, sex and device are not in the data: how well the model does in such groups is "
        "unknown. A chest film cannot reliably distinguish bacterial from viral infection."
    )
    limits = [*([usual] if is_published(bundle) else []), *card.limitations]
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
        "The AUC of a one-class group uses all films of the other class. Groups were not "
        "prespecified: among many, one may differ by chance.",
        wide=(0,),
    )
    return Section("Subgroups", (picture, table))


def robustness_section(stress: dict[str, Any], picture: Picture) -> Section:
    """The cost of each perturbation, from the card."""
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
        "Performance on perturbed images",
        ("perturbation", "sensitivity", "cost", "specificity", "cost", "median change"),
        shown,
        records,
        "At the balanced point, with 95\xa0% intervals, for costs paired on the same films. Costs "
        "and changes of P(pneumonia) in percentage points.",
        wide=(0,),
    )
    sentences = (stress.get(key, "") for key in ("words", "worst", "lungless"))
    words = Words(" ".join(filter(None, sentences)))
    return Section("Robustness", (words, picture, table))


def test_log_section(evaluations: Sequence[LoggedEvaluation]) -> Section:
    """Every logged evaluation on a test split."""
    if not evaluations:
        words = Words("No evaluation on a split called test is logged for this model.")
        return Section("Test-set evaluations", (words,))
    rows = tuple(
        (
            one.at.replace("T", " ").removesuffix("+00:00"),
            one.version,
            one.data,
            f"{one.n:,}",
            estimate(Estimate.from_dict(one.figures, "sensitivity"), as_percent=True),
            estimate(Estimate.from_dict(one.figures, "specificity"), as_percent=True),
        )
        for one in evaluations
    )
    records: list[dict[str, Cell]] = [
        {
            "at": one.at,
            "version": one.version,
            "digest": one.digest,
            "data": one.data,
            "n": one.n,
            **one.figures,
        }
        for one in evaluations
    ]
    table = Table(
        "looks",
        "Evaluations of this model on a split called test",
        ("when (UTC)", "version", "films (hash)", "n", "sensitivity", "specificity"),
        rows,
        tuple(records),
        "As logged on this computer; evaluations elsewhere are not included.",
    )
    return Section("Test-set evaluations", (table,))


def _stated(value: object) -> str:
    return str(value) if value else UNKNOWN


def _counts(data: dict[str, Any]) -> str:
    if "films" not in data:
        return UNKNOWN
    groups = f" of {data['groups']:,} patients" if "groups" in data else ""
    kinds = [f"{data[kind]:,} {kind}" for kind in ("normal", "bacterial", "viral") if kind in data]
    subtypes = f": {', '.join(kinds)}" if kinds else ""
    return f"{data['films']:,} films{groups}{subtypes}"


def _plain(value: Any) -> Cell:
    return finite(value) if isinstance(value, float) else value


def _cost(row: dict[str, Any], rate: str) -> str:
    """Points lost, with their interval; NONE for the clean films."""
    if row["name"] == CLEAN:
        return NONE
    return estimate(Estimate.from_dict(row, f"cost_{rate}"), digits=1, signed=True)


def _flat(row: dict[str, Any]) -> dict[str, Cell]:
    """A row of the card's robustness table, flattened by one level; what is deeper is left out."""
    found: dict[str, Cell] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            found |= {
                f"{key}_{part}": one for part, one in value.items() if not isinstance(one, dict)
            }
        elif not isinstance(value, list | tuple):
            found[key] = value
    return found
