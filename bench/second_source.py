"""The shipped model: a network trained on with a lung frame and a second source.

    python -m bench.second_source CHEST_XRAY OUTSIDE --parent kermany-r50v2 --name NAME

CHEST_XRAY: the training films of Kermany et al. 2018; the parent bundle was trained on them.
OUTSIDE: a second source with `labels.csv` (image, label, read by), `Data_Entry_2017_subset.csv`
(Image Index, Patient ID) and `images/`; only films that radiologists read as normal, no opacity or
opacity are used. Networks are kept in --work, so that an interrupted run goes on.

Six networks are made (`bench.networks`), one without each of five folds of patients and one of all
films. Films of the second source are thus held out, and the parent never saw them. The parent has
seen the training films. Their figures are therefore *composed*: the out-of-fold answer that the
parent's card reports, moved by what changes from the parent's final network to the one without the
film's fold. That is an estimate.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.head_fit import choose_points, three_answers, unseen
from bench.networks import Networks
from bench.sources import FOLDS, SEED, Network, Source, View, held_out, home, in_frame, outside
from bench.trunk import Films, Schedule
from bench.variant import Form
from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.framing import Framing
from pneumo_core.bundle.lung_finder import load_finder
from pneumo_core.bundle.write import revise_card, write_bundle
from pneumo_core.imaging.lung_frame import LungFrame
from pneumo_core.metrics import probabilities
from pneumo_core.metrics.robustness import lungless_words, robustness_rows, worst_words
from pneumo_core.perturbations import ABOUT, PERTURBATIONS, perturb
from pneumo_core.training.calibrate import (
    Calibration,
    calibrate,
    headline,
    pneumonia_probability,
    prior_shift,
    rates,
)
from pneumo_core.training.export import roles_by_hash
from pneumo_core.training.feature_checks import (
    ORIENTATION,
    OUT_OF_DISTRIBUTION,
    Extent,
    fit_orientation,
    fit_out_of_distribution,
)
from pneumo_core.training.held_out import cohort_rows
from pneumo_core.training.sources import population

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle


SIZE, EDGE = 192, 1  # of the network's new form, see `bench.variant`
STEPS, AVERAGE = 300, 0.6
MEASURED_FOLDS = 3  # whose out-of-fold answers the parent's card holds


@dataclass(frozen=True)
class Answers:
    """Logits (N, C) by networks that had not seen a film, of both sources.

    home: of the films `home_rows`, of the folds that the parent's card measured; composed.
    """

    near: Source
    far: Source
    form: Form
    framing: Framing
    home_rows: NDArray[np.int64]
    unseen: NDArray[np.float64]  # what has been added to those at home, see `head_fit.unseen`
    home: NDArray[np.float64]
    outside: NDArray[np.float64]

    @property
    def shift(self) -> float:
        """What brings the pneumonia logits to the odds of the training films."""
        return prior_shift(self.home, _classes(self.near.table.iloc[self.home_rows]))

    @property
    def temperature(self) -> float:
        """The temperature fitted at home, after the shift."""
        labels = _classes(self.near.table.iloc[self.home_rows])
        return calibrate(_shifted(self.home, self.shift), labels).temperature


def _part(whole: Extent, share: float) -> Extent:
    return Extent(round(whole.films * share), round(whole.held_out * share))


def deliver(
    name: str, parent: Bundle, answers: Answers, network: Network, *, share: float
) -> Bundle:
    """Calibrate, measure and write the bundle; `share` of the films for the feature checks."""
    import keras

    from pneumo_core.bundle.keras_network import load_network

    near, far = answers.near, answers.far
    labels = _classes(near.table.iloc[answers.home_rows])
    shift = answers.shift
    home_logits, far_logits = (_shifted(one, shift) for one in (answers.home, answers.outside))
    strict = far.table["subtype"].isin(["normal", "opacity"]).to_numpy()
    measured = near.table.iloc[answers.home_rows].reset_index(drop=True)
    temperature = answers.temperature
    p_near, p_far = (pneumonia_probability(one, temperature) for one in (home_logits, far_logits))
    at = choose_points(
        [(p_near, near.positive[answers.home_rows]), (p_far[strict], far.positive[strict])]
    )
    points = asdict(at)
    fitted = Calibration(temperature, at.screening, at.balanced, at.ruling_in)
    populations = [
        population(AWAY, HELD_OUT, far.table[strict], p_far[strict], points),
        population(AT_HOME, COMPOSED, measured, p_near, points),
    ]
    for one in populations:
        print(json.dumps(one), flush=True)
    others = far.table["subtype"].eq("no opacity").to_numpy()
    print("abnormal without opacity:", three_answers(p_far[others], at), flush=True)
    model: Any = load_network(network.path.with_suffix(".keras"))
    layer = model.get_layer("logits")
    kernel, bias = layer.get_weights()
    bias[1:] += shift
    layer.set_weights([kernel, bias])
    features = network.features(answers.framing)
    known, familiarity = fit_out_of_distribution(
        features, pixels=near.copies, seed=SEED, extent=_part(OUT_OF_DISTRIBUTION, share)
    )
    upright, orientation = fit_orientation(
        features, pixels=near.copies, seed=SEED, extent=_part(ORIENTATION, share)
    )
    print("feature checks fitted", orientation, flush=True)
    fitted_on = (
        f"{len(measured):,} training films (composed) and {int(strict.sum())} films of "
        f"{SECOND_HOSPITAL} (held out by patient), each source weighing the same"
    )
    home_at = {key: rates(near.positive[answers.home_rows], p_near, points[key]) for key in points}
    card = {
        **{key: parent.card.document[key] for key in ("title", "classes", "training")},
        "version": "3.1",
        "summary": SUMMARY.format(
            films=int(parent.card.data.films or 0), second=len(far.table), measured=len(measured)
        ),
        "network": {**parent.card.document["network"], "map": answers.form.words},
        "input": answers.framing.facts(),
        "calibration": {
            "temperature": temperature,
            "head": "its bias is set to the odds of the training films",
            "fitted_on": f"{len(measured):,} training films (composed)",
        },
        "operating_points": {
            **{key: one.to_dict() for key, one in home_at.items()},
            "fitted_on": fitted_on,
        },
        "populations": populations,
        "figures": headline(home_logits, labels, measured["group"].to_numpy(), fitted),
        "cohorts": cohort_rows(measured, near.copies[answers.home_rows], p_near, fitted.balanced),
        "data": {**parent.card.document["data"], "second_source": SECOND.format(len(far.table))},
        "familiarity": familiarity,
        "orientation": orientation,
        "limitations": LIMITATIONS,
        "versions": {
            **parent.card.document["versions"],
            "second step": f"keras {keras.__version__}, numpy {np.__version__}",
        },
    }
    card["training"] = {
        **card["training"],
        "second_step": time.strftime("%Y-%m-%d", time.gmtime()),
        "parent": f"{parent.name} {parent.version}",
    }
    columns = far.table.assign(
        split="elsewhere", subtype=far.table["subtype"].where(~far.positive, "")
    )
    away = _predictions(columns, far_logits, temperature)[strict]
    own = _predictions(measured.assign(split="validation"), home_logits, temperature)
    return write_bundle(
        model,
        name=name,
        card=card,
        predictions=own.sort_values("film"),
        elsewhere=away.sort_values("film"),
        out_of_distribution=known.array,
        orientation=upright.array,
        films={
            **_roles(near, answers.home_rows, "sha256"),
            **dict.fromkeys(far.table["sha256"], "tv"),
        },
        film_hashes={
            **_roles(near, answers.home_rows, "phash"),
            **dict.fromkeys(far.table["phash"], "tv"),
        },
        replace=True,
    )


def stress(
    bundle: Bundle, answers: Answers, networks: Sequence[Network], names: Sequence[str]
) -> Bundle:
    """The bundle with the robustness of the second source's films, each held out, in its card.

    Where the lungs are painted over, a film is seen through its own window all the same.
    """
    far, framing = answers.far, answers.framing
    rows = np.flatnonzero(far.table["subtype"].isin(["normal", "opacity"]).to_numpy())
    copies, temperature = far.copies[rows], bundle.temperature
    windows, masks = framing.windows(copies), framing.masks(copies)
    shift = answers.shift

    def of(name: str) -> NDArray[np.float64]:
        changed = perturb(copies, name, lungs=masks)
        through = windows if PERTURBATIONS[name].paint is not None else None
        inputs = framing.inputs(changed, through)
        logits = held_out(networks, View(far, rows, inputs, np.zeros(len(rows), bool)))
        return pneumonia_probability(_shifted(logits, shift), temperature)

    changed = {name: of(name) for name in names}
    clean = pneumonia_probability(_shifted(answers.outside[rows], shift), temperature)
    positive, points = far.positive[rows], asdict(bundle.points)
    table = robustness_rows(positive, clean, changed, points, about=ABOUT)
    return revise_card(
        bundle,
        stress={
            "model": bundle.name,
            "films": len(rows),
            "normal": int((~positive).sum()),
            "pneumonia": int(positive.sum()),
            "held_out": True,
            "points": points,
            "words": f"{len(rows):,} films of adults, {SECOND_HOSPITAL}: {HELD_OUT}.",
            "worst": worst_words(table),
            "lungless": lungless_words(table),
            "rows": [row.to_dict() for row in table],
        },
    )


def _classes(table: pd.DataFrame) -> NDArray[np.int64]:
    names = ["normal", "bacterial", "viral"]
    return np.array([names.index(one) for one in table["subtype"]], np.int64)


def _shifted(logits: NDArray[np.float64], shift: float) -> NDArray[np.float64]:
    moved = logits.copy()
    moved[:, 1:] += shift
    return moved


def _roles(source: Source, measured: NDArray[np.int64], key: str) -> dict[str, str]:
    return roles_by_hash(source.table[key], measured, trained_on_all=True)


def _predictions(
    table: pd.DataFrame, logits: NDArray[np.float64], temperature: float
) -> pd.DataFrame:
    p = probabilities(logits, temperature)
    found = table[["film", "split", "label", "subtype", "group"]].copy()
    for column, values in zip(("p_normal", "p_bacterial", "p_viral"), p.T, strict=True):
        found[column] = values
    return found.assign(p_pneumonia=1 - p[:, 0])


SECOND_HOSPITAL = "the NIH Clinical Center"
SECOND = "{} adult films of the NIH Clinical Center (ChestX-ray14, Wang et al. 2017)"
AWAY = "adults, NIH Clinical Center: radiologists' normal against opacity"
AT_HOME = "children of 1–5 years, Guangzhou"
HELD_OUT = (
    "held out: each film was answered by a network trained without its patient, from a parent that "
    "saw no film of this hospital"
)
COMPOSED = (
    "estimate: answers of the first model's networks that had not seen the film, adjusted for what "
    "the lung frame and the training with a second hospital change"
)
SUMMARY = (
    "It was trained on all {films:,} films of children; its last stage and its thresholds also on "
    "{second} adult films of another hospital. Figures of that hospital are held out by patient. "
    "Figures of {measured:,} films of children are an estimate: out-of-fold answers of the first "
    "training, adjusted for what the lung frame and the second training change."
)
LIMITATIONS = [
    "The figures at home are composed: the answers were measured before the second training.",
    "Another hospital is represented by 150 films, 42 of them with an opacity: intervals are wide.",
]


@dataclass(frozen=True)
class Prepared:
    """The networks without each fold and of all films, and what they say of both sources."""

    parent: Bundle
    networks: Sequence[Network]  # by fold; the last is of all films
    answers: Answers


def arguments(words: str | None) -> argparse.ArgumentParser:
    """The options; `words` says what for."""
    ask = argparse.ArgumentParser(description=words, formatter_class=argparse.RawTextHelpFormatter)
    ask.add_argument("chest_xray", type=Path)
    ask.add_argument("outside", type=Path)
    ask.add_argument("--parent", default="kermany-r50v2")
    ask.add_argument("--name", default="kermany-nih-r50v2")
    ask.add_argument("--size", type=int, default=SIZE, help="side of the network's input")
    ask.add_argument("--edge", type=int, default=EDGE, help="cells of the map that are not judged")
    ask.add_argument("--steps", type=int, default=STEPS, help="of training on, 32 films each")
    ask.add_argument("--average", type=float, default=AVERAGE, help="share of what was trained on")
    ask.add_argument("--few", action="store_true", help="a twentieth of the films, as a trial")
    ask.add_argument("--work", type=Path, default=Path(".pneumo/second-source"))
    return ask


def prepare(options: argparse.Namespace) -> Prepared:
    """Make the networks, as far as they are not kept in `options.work`, and let them answer."""
    share = 0.1 if options.few else 1.0  # to try the command out
    parent, form = load_bundle(options.parent), Form(options.size, options.edge)
    framing = Framing(form.size, LungFrame(), load_finder(throughput=True))
    work = options.work / f"{framing.facts()['frame']['finder']}-{form.name}"
    near, far = home(options.chest_xray), outside(options.outside)
    schedule = Schedule(steps=round(options.steps * share))
    make = Networks(
        parent,
        form,
        framing,
        (Films.of(near, framing, work), Films.of(far, framing, work)),
        work,
        schedule,
        options.average,
        share,
    )
    networks = [make.one(fold) for fold in (*range(FOLDS), None)]
    known = np.flatnonzero(near.table["fold"].to_numpy() < MEASURED_FOLDS)
    measured = known[:: round(1 / share)]
    original = Network(parent.path / "openvino" / "model.xml")
    whole = original.run(np.asarray(near.copies[measured]))[1]
    fair = unseen(parent, near.table["film"].to_numpy()[measured], whole)
    logits = held_out(networks[:FOLDS], in_frame(near, framing, measured)) + fair
    away = held_out(networks[:FOLDS], in_frame(far, framing, np.arange(len(far.table))))
    answers = Answers(near, far, form, framing, measured, fair, logits, away)
    return Prepared(parent, networks, answers)


def main() -> None:
    """Write the bundle."""
    options, start = arguments(__doc__).parse_args(), time.monotonic()
    made = prepare(options)
    print(f"fitted after {time.monotonic() - start:.0f} s", flush=True)
    share, names = (0.05 if options.few else 1.0), list(PERTURBATIONS)
    bundle = deliver(options.name, made.parent, made.answers, made.networks[-1], share=share)
    names = names[:1] + names[-4:] if options.few else names
    bundle = stress(bundle, made.answers, made.networks[:FOLDS], names)
    print(f"{bundle.name} is written after {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
