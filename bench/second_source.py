"""The shipped model: a trained network with a lung frame and a head fitted to two sources.

    python -m bench.second_source CHEST_XRAY OUTSIDE --parent kermany-r50v2 --name NAME

CHEST_XRAY: the training films of Kermany et al. 2018; the parent bundle was trained on them.
OUTSIDE: a second source with `labels.csv` (image, label, read by), `Data_Entry_2017_subset.csv`
(Image Index, Patient ID) and `images/`; only films that radiologists read as normal, no opacity or
opacity are used. Features are kept in --work, so that an interrupted run goes on.

The trunk of the network stays. Its head is refitted by ridge regression of the log odds towards
the old head, on both sources, each source and class weighing the same, in five folds of patients.
Films of the second source are thus held out from head and points, and the trunk never saw them.
The trunk has seen the training films. Their figures are therefore *composed*: the out-of-fold
answer that the parent's card reports, moved by what frame and head change in the answer of the
parent's final network, the head fitted without the film's fold. That is an estimate.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.head_fit import (
    Head,
    choose_points,
    composed,
    fit_head,
    held_out,
    three_answers,
)
from bench.sources import (
    FOLDS,
    SEED,
    Parent,
    Seen,
    Source,
    home,
    of_each_class,
    outside,
)
from bench.variant import Form, write_form
from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.framing import Framing
from pneumo_core.bundle.lung_finder import load_finder
from pneumo_core.bundle.write import revise_card, write_bundle
from pneumo_core.imaging.lung_frame import LungFrame
from pneumo_core.imaging.lungs import COPY_SIDE
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


HOME_FILMS = 600  # training films that the head is refitted on, a quarter of them normal
COMPOSED_FILMS = 1200  # whose composed figures the card gives, a quarter of them normal
SIZE, EDGE = 192, 1  # of the network's new form, see `bench.variant`
ONLY = 4  # times that films with black surroundings count
MEASURED_FOLDS = 3  # whose out-of-fold answers the parent's card holds


@dataclass(frozen=True)
class Material:
    """Everything that was seen of both sources."""

    home: Source
    outside: Source
    form: Form
    framing: Framing
    parts: list[tuple[Source, Seen]]
    home_rows: NDArray[np.int64]  # of the folds that the parent's card measured
    home_seen: Seen  # these in the frame
    home_whole: Seen  # and as the parent sees them
    outside_seen: Seen


def gather(
    options: argparse.Namespace, parent: Parent, original: Parent, framing: Framing, form: Form
) -> Material:
    """Run the network in its new form over all that is needed, and as it was on whole films."""
    near, far = home(options.chest_xray), outside(options.outside)
    rng = np.random.default_rng(SEED)
    positive = near.positive
    sample = of_each_class(positive, np.ones(len(positive), bool), HOME_FILMS, rng)
    everything = np.arange(len(far.table))
    known = near.table["fold"].to_numpy() < MEASURED_FOLDS
    measured = of_each_class(positive, known, COMPOSED_FILMS, rng)
    if options.few:  # to try the command out
        sample, measured = sample[::10], measured[::20]
    frames = {
        "whole": Framing(framing.size, LungFrame(towards=0, softness=0), framing.finder),
        "soft": Framing(framing.size, LungFrame(towards=0), framing.finder),
        "lungs": Framing(framing.size, LungFrame(towards=1), framing.finder),
    }
    outside_seen = parent.in_frame("frame", far, framing, everything)
    home_seen = parent.in_frame("frame", near, framing, measured)
    whole = Framing(COPY_SIDE, None, framing.finder)
    home_whole = original.in_frame("whole-all", near, whole, measured)
    parts = [(far, outside_seen), (near, parent.in_frame("frame-few", near, framing, sample))]
    for name, other in frames.items():
        parts += [
            (far, parent.in_frame(name, far, other, everything)),
            (near, parent.in_frame(name, near, other, sample)),
        ]
    parts += [
        (far, parent.in_frame("only", far, framing, everything, paint="lungs only")),
        (near, parent.in_frame("only", near, framing, sample, paint="lungs only")),
    ] * ONLY
    repeats = np.repeat(everything, np.where(far.positive, 8, 3))
    half = [
        rng.choice(np.flatnonzero(positive == one), 480, replace=False) for one in (False, True)
    ]
    parts += [
        (far, parent.perturbed(far, framing, rng.permutation(repeats), blank=0.08)),
        (near, parent.perturbed(near, framing, np.concatenate(half), blank=0.08)),
    ]
    return Material(near, far, form, framing, parts, measured, home_seen, home_whole, outside_seen)


@dataclass(frozen=True)
class Answers:
    """The head of all films, and the logits by heads that had not seen a film, of both sources."""

    material: Material
    head: Head
    outside: NDArray[np.float64]
    home: NDArray[np.float64]

    @property
    def shift(self) -> float:
        """What brings the pneumonia logits to the odds of the training films."""
        near = self.material.home.table.iloc[self.material.home_rows]
        return prior_shift(self.home, _classes(near))

    @property
    def temperature(self) -> float:
        """The temperature fitted at home, after the shift."""
        near = self.material.home.table.iloc[self.material.home_rows]
        return calibrate(_shifted(self.home, self.shift), _classes(near)).temperature


def _part(whole: Extent, share: float) -> Extent:
    return Extent(round(whole.films * share), round(whole.held_out * share))


def deliver(
    name: str, parent: Bundle, answers: Answers, network: Parent, *, share: float
) -> Bundle:
    """Calibrate, measure and write the bundle; `share` of the films for the feature checks."""
    import keras

    from pneumo_core.bundle.keras_network import load_network

    material = answers.material
    near, far = material.home, material.outside
    labels = _classes(near.table.iloc[material.home_rows])
    shift = answers.shift
    home_logits, far_logits = (_shifted(one, shift) for one in (answers.home, answers.outside))
    strict = far.table["subtype"].isin(["normal", "opacity"]).to_numpy()
    measured = near.table.iloc[material.home_rows].reset_index(drop=True)
    temperature = answers.temperature
    p_near, p_far = (pneumonia_probability(one, temperature) for one in (home_logits, far_logits))
    at = choose_points(
        [(p_near, near.positive[material.home_rows]), (p_far[strict], far.positive[strict])]
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
    kernel[:, 0] -= answers.head.direction
    bias[0] -= answers.head.offset
    bias[1:] += shift
    layer.set_weights([kernel, bias])
    features = network.features(material.framing)
    films = {"pixels": near.copies, "seed": SEED}
    known, familiarity = fit_out_of_distribution(
        features, **films, extent=_part(OUT_OF_DISTRIBUTION, share)
    )
    upright, orientation = fit_orientation(features, **films, extent=_part(ORIENTATION, share))
    print("feature checks fitted", orientation, flush=True)
    fitted_on = (
        f"{len(measured):,} training films (composed) and {int(strict.sum())} films of "
        f"{SECOND_HOSPITAL} (held out by patient), each source weighing the same"
    )
    home_at = {key: rates(near.positive[material.home_rows], p_near, points[key]) for key in points}
    card = {
        **{key: parent.card.document[key] for key in ("title", "classes", "training")},
        "version": "2.1",
        "summary": SUMMARY.format(
            films=int(parent.card.data.films or 0), second=len(far.table), measured=len(measured)
        ),
        "network": {**parent.card.document["network"], "map": material.form.words},
        "input": material.framing.facts(),
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
        "cohorts": cohort_rows(measured, near.copies[material.home_rows], p_near, fitted.balanced),
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
            **_roles(near, material.home_rows, "sha256"),
            **dict.fromkeys(far.table["sha256"], "tv"),
        },
        film_hashes={
            **_roles(near, material.home_rows, "phash"),
            **dict.fromkeys(far.table["phash"], "tv"),
        },
        replace=True,
    )


def stress(
    bundle: Bundle,
    answers: Answers,
    heads: Sequence[Head],
    network: Parent,
    names: Sequence[str],
) -> Bundle:
    """The bundle with the robustness of the second source's films, each held out, in its card.

    Where the lungs are painted over, a film is seen through its own window all the same.
    """
    far, framing = answers.material.outside, answers.material.framing
    rows = np.flatnonzero(far.table["subtype"].isin(["normal", "opacity"]).to_numpy())
    copies, temperature = far.copies[rows], bundle.temperature
    windows, masks = framing.windows(copies), framing.masks(copies)
    shift = answers.shift

    def of(name: str) -> NDArray[np.float64]:
        def make() -> Seen:
            changed = perturb(copies, name, lungs=masks)
            through = windows if PERTURBATIONS[name].paint is not None else None
            features, logits = network.run(framing.inputs(changed, through))
            return Seen(rows, features, logits, np.zeros(len(rows), bool))

        seen = network.kept(f"stress-{name.replace(' ', '-').replace('%', '')}", make)
        return pneumonia_probability(_shifted(held_out(far, seen, heads), shift), temperature)

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
    "held out by patient from last layer and thresholds; the rest of the network saw no film of "
    "this hospital"
)
COMPOSED = (
    "estimate: answers of networks that had not seen the film, moved by what the lung frame and "
    "the new last layer change in the answer of a network that has"
)
SUMMARY = (
    "It was trained on all {films:,} films of children; its last layer and its thresholds also on "
    "{second} adult films of another hospital. Figures of that hospital are held out by patient. "
    "Figures of {measured:,} films of children are an estimate: out-of-fold answers of the first "
    "training, moved by what the lung frame and the new last layer change."
)
LIMITATIONS = [
    "The figures at home are composed: measured before the lung frame and the new last layer came.",
    "Another hospital is represented by 150 films, 42 of them with an opacity: intervals are wide.",
]


@dataclass(frozen=True)
class Prepared:
    """The head, fitted without each fold and on all films, and what it says of both sources."""

    parent: Bundle
    network: Parent
    heads: Sequence[Head]
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
    ask.add_argument("--few", action="store_true", help="a twentieth of the films, as a trial")
    ask.add_argument("--work", type=Path, default=Path(".pneumo/second-source"))
    return ask


def prepare(options: argparse.Namespace) -> Prepared:
    """See all films, as far as that is not kept in `options.work`, and fit the head."""
    parent = load_bundle(options.parent)
    form = Form(options.size, options.edge)
    framing = Framing(form.size, LungFrame(), load_finder(throughput=True))
    work = options.work / framing.facts()["frame"]["finder"]
    graph = work / form.name / "model.xml"
    if not graph.exists():
        write_form(parent.path, graph, form)
    network = Parent(graph, graph.parent)
    original = Parent(parent.path / "openvino" / "model.xml", work)
    material = gather(options, network, original, framing, form)
    heads = [fit_head(material.parts, without=fold) for fold in range(FOLDS)]
    final = fit_head(material.parts, without=None)
    away = held_out(material.outside, material.outside_seen, heads)
    near = composed(
        parent,
        material.home,
        material.home_seen,
        material.home_whole,
        held_out(material.home, material.home_seen, heads),
    )
    return Prepared(parent, network, heads, Answers(material, final, away, near))


def main() -> None:
    """Write the bundle."""
    options, start = arguments(__doc__).parse_args(), time.monotonic()
    made = prepare(options)
    print(f"fitted after {time.monotonic() - start:.0f} s", flush=True)
    share, names = (0.05 if options.few else 1.0), list(PERTURBATIONS)
    bundle = deliver(options.name, made.parent, made.answers, made.network, share=share)
    names = names[:1] + names[-4:] if options.few else names
    bundle = stress(bundle, made.answers, made.heads, made.network, names)
    print(f"{bundle.name} is written after {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
