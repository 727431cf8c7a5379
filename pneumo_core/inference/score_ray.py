"""Blocks of an archive on Ray Data: decoding, network and writing as stages of their own.

Each stage has its own resources: decoding is done by tasks, the network by a pool of actors that
load the bundle once each and compute on one core. Ray Data bounds what lies between the stages and
does the work of a worker that died again; a block that is written twice is one file.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pneumo_core.config import load_settings
from pneumo_core.errors import PneumoError
from pneumo_core.inference.prepare import prepare_source
from pneumo_core.inference.score import Block, Destination, Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pneumo_core.bundle import Bundle
    from pneumo_core.inference.prepare import Form, Prepared, Refused
    from pneumo_core.inference.score import MakeRow

# Cores that a task of each stage is counted for: one core keeps a network busy and prepares its
# films beside it, which is a tenth of the work; all stages must fit on a machine of one core.
_NETWORK, _PREPARE, _WRITE = 0.7, 0.2, 0.1
_BLOCKS_AT_A_TIME = 4096  # of the list that Ray is given: two million films


def ray_module() -> Any:
    """Ray, without its telemetry. Raises PneumoError where it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise PneumoError(
            "Expected Ray, which is not installed. Install it with: pip install -r "
            "requirements-cluster.txt; or leave out --engine ray."
        ) from error
    return ray


def score_on_ray(  # noqa: PLR0913 - one argument a choice
    blocks: Iterable[Block],
    destination: str,
    bundle: Bundle,
    make_row: MakeRow,
    *,
    form: Form,
    address: str | None = None,
    workers: int | None = None,
) -> Iterator[Written]:
    """Score blocks on the cluster at `address`, on this machine where None; as `score_here`.

    workers: actors with the network, on one core each; as many as the cluster has cores where None.
    Bundle and films must be where every node can read them.
    """
    ray = ray_module()
    ray.init(
        address=address, log_to_driver=False, ignore_reinit_error=True, include_dashboard=False
    )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = 0
    pool = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    every = iter(blocks)
    try:
        while listed := _some(every):
            found = (
                ray.data.from_items(listed, override_num_blocks=len(listed))
                .map(_Prepare(form), num_cpus=_PREPARE)
                .map(
                    _Network,
                    fn_constructor_args=(bundle, make_row),
                    compute=ray.data.ActorPoolStrategy(size=pool),
                    num_cpus=_NETWORK,
                )
                .map(_Write(destination), num_cpus=_WRITE)
            )
            for row in found.iter_rows():
                yield Written(row["films"], row["failures"], row["rejected"])
    finally:
        if address is None:
            ray.shutdown()


def _some(blocks: Iterator[Block]) -> list[dict[str, Any]]:
    found = []
    for block in blocks:
        found.append({"work": _Carried(block)})
        if len(found) == _BLOCKS_AT_A_TIME:
            break
    return found


@dataclass(frozen=True)
class _Carried:
    """What a row of Ray Data holds between the stages: a block, its films, then its rows."""

    block: Block
    films: tuple[Prepared | Refused, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()


class _Prepare:
    """Stage 1: decode the films of a block."""

    def __init__(self, form: Form) -> None:
        self._form = form

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        work: _Carried = row["work"]
        limits = load_settings().limits
        films = (prepare_source(source, self._form, limits) for source in work.block.sources)
        return {"work": replace(work, films=tuple(films))}


class _Network:
    """Stage 2: the readings of a block, by an actor that has loaded the bundle."""

    def __init__(self, bundle: Bundle, make_row: MakeRow) -> None:
        os.environ["PNEUMO_THREADS"] = "1"  # other actors have the other cores
        from pneumo_core.inference.predict import Reader

        self._reader, self._make_row = Reader(bundle), make_row

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        work: _Carried = row["work"]
        rows = (
            self._make_row(source, self._reader.read_prepared(film), self._reader.bundle)
            for source, film in zip(work.block.sources, work.films, strict=True)
        )
        return {"work": _Carried(work.block, rows=tuple(rows))}


class _Write:
    """Stage 3: the rows of a block in their place."""

    def __init__(self, destination: str) -> None:
        self._destination = destination

    def __call__(self, row: dict[str, Any]) -> dict[str, int]:
        work: _Carried = row["work"]
        return asdict(Destination(self._destination).write(work.block, list(work.rows)))
