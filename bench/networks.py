"""Six networks from one parent: one without each fold of two sources' patients, one of all films.

The parent's last stage is trained on (`bench.trunk`), its weights are averaged with the parent's
(Wortsman et al. 2022, Robust fine-tuning of zero-shot models, arXiv 2109.01903), and the head is
refitted by ridge regression of the log odds, each source and class weighing the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.head_fit import fit_head
from bench.sources import SEED, Network, Source, View, in_frame, of_each_class, perturbed
from bench.trunk import Batches, Films, Schedule, train_on
from bench.variant import Form, in_form
from pneumo_core.bundle.framing import Framing
from pneumo_core.imaging.lung_frame import LungFrame

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.bundle import Bundle

HOME_FILMS = 600  # training films that the head is refitted on, a quarter of them normal
ONLY = 4  # times that films with black surroundings count


def head_views(near: Source, far: Source, framing: Framing, *, share: float) -> list[View]:
    """The views of both sources that the head is refitted on; `share` of the films at home."""
    rng = np.random.default_rng(SEED)
    positive, everything = near.positive, np.arange(len(far.table))
    films = round(HOME_FILMS * share)
    sample = of_each_class(positive, np.ones(len(positive), bool), films, rng)

    def framed(frame: LungFrame, paint: str = "") -> list[View]:
        seen = Framing(framing.size, frame, framing.finder)
        return [
            in_frame(far, seen, everything, paint=paint),
            in_frame(near, seen, sample, paint=paint),
        ]

    frames = (
        LungFrame(),
        LungFrame(towards=0, softness=0),
        LungFrame(towards=0),
        LungFrame(towards=1),
    )
    views = [view for frame in frames for view in framed(frame)]
    views += framed(LungFrame(), "lungs only") * ONLY
    repeats = np.repeat(everything, np.where(far.positive, 8, 3))
    half = [
        rng.choice(np.flatnonzero(positive == one), round(480 * share), replace=False)
        for one in (False, True)
    ]
    views.append(perturbed(far, framing, rng.permutation(repeats), blank=0.08))
    views.append(perturbed(near, framing, np.concatenate(half), blank=0.08))
    return views


@dataclass(frozen=True)
class Networks:
    """What six networks are made of, and the folder `work` where they are kept."""

    parent: Bundle
    form: Form
    framing: Framing
    films: tuple[Films, Films]
    work: Path
    schedule: Schedule
    average: float  # share of the trained weights in the average with the parent's
    share: float = 1.0  # of the films at home for the head

    @cached_property
    def views(self) -> list[View]:
        """What the head is refitted on."""
        near, far = (one.source for one in self.films)
        return head_views(near, far, self.framing, share=self.share)

    def one(self, without: int | None) -> Network:
        """The network without the fold, or of all films: made where it is not there yet."""
        name = "all" if without is None else f"without-{without}"
        graph = self.work / name / "network.xml"
        if not graph.exists():
            start = time.monotonic()
            graph.parent.mkdir(parents=True, exist_ok=True)
            model = self._averaged(graph.with_name("trunk.keras"), without)
            self._write(model, graph.with_name("averaged.keras"))
            trunk = Network(graph.with_name("averaged.xml"))
            # A view that is listed several times counts as often, and is seen once.
            views = {id(view): view for view in self.views}
            seen = {key: trunk.see(one.some(one.fold != without)) for key, one in views.items()}
            fit_head([seen[id(view)] for view in self.views]).into(model)
            self._write(model, graph.with_suffix(".keras"))
            print(f"{name}: made in {time.monotonic() - start:.0f} s", flush=True)
        return Network(graph)

    def _averaged(self, kept: Path, without: int | None) -> Any:
        """The parent, trained on without the fold and averaged with what it was."""
        from pneumo_core.bundle.keras_network import load_network

        model: Any = in_form(load_network(self.parent.path / "model.keras"), self.form)
        before = model.get_weights()
        if not kept.exists():
            train_on(model, Batches(self.films, self.schedule, self.form.size, without))
            model.save(kept)
        after = load_network(kept).get_weights()
        pairs = zip(before, after, strict=True)
        model.set_weights([one + self.average * (other - one) for one, other in pairs])
        return model

    @staticmethod
    def _write(model: Any, path: Path) -> None:
        from pneumo_core.bundle.openvino_graph import write_graph

        model.save(path)
        write_graph(path, path.with_suffix(".xml"), half=True)
