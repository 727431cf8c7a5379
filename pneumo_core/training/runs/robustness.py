"""The robustness suite of a run: the last step, once its model is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.write import revise_card
from pneumo_core.training.export import held_out_words
from pneumo_core.training.held_out import SUITE_VIEWS, stress_sample, stress_table, view_logits
from pneumo_core.training.runs.status import NETWORK, STOP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle
    from pneumo_core.progress import Progress
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.deliver import Answers, Delivery
    from pneumo_core.training.runs.run import Run


_LATER = "Measure it with: python -m pneumo_core stress --into-card --model {name}"


def add_robustness(  # noqa: PLR0913 - what the suite is run on
    made: Delivery,
    *,
    run: Run,
    recipe: Recipe,
    answers: Answers,
    folds: Sequence[NDArray[np.int64]],
    report: Progress,
) -> Bundle:
    """The delivered bundle, with the suite's table in its card unless something ended the suite.

    `folds` are the rows that each fold held out, in the order of `answers`. The model is written
    by now: a stop, Ctrl-C or a fault ends the suite alone, and the run's note says so.
    """
    try:
        found = _suite(run, recipe, answers, folds, report)
        if found is not None:
            logits, rows = found
            labels, where = answers.corpus.labels[rows], held_out_words(recipe)
            name, fitted = made.bundle.name, made.fitted
            table = stress_table(name, where, logits + made.shift, labels, fitted)
            return revise_card(made.bundle, stress=table)
        why = "it was stopped by hand"
    except KeyboardInterrupt:
        why = "it was stopped by hand"
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not cost the model
        why = f"{type(error).__name__}: {error}"
    note = f"The robustness suite did not finish ({why}). {_LATER.format(name=made.bundle.name)}"
    run.update(note=" ".join(filter(None, [run.status().note, note])))
    report("robustness", 1, 1, note)
    return made.bundle


def _suite(
    run: Run,
    recipe: Recipe,
    answers: Answers,
    folds: Sequence[NDArray[np.int64]],
    report: Progress,
) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    """Logits (all views, N, C) of the films sampled from every fold, and their rows (N,).

    None where a person asked to stop before the end.
    """
    parts, sampled, first = [], [], 0
    for number, rows in enumerate(folds):
        chosen = stress_sample(answers.corpus.labels[rows], films=recipe.stress_films, seed=number)

        def progress(done: int, total: int, before: int = number) -> None:
            report("robustness", before * total + done, len(folds) * total, "")

        logits = _perturbed(run, number, answers, rows[chosen], progress)
        if logits is None:
            return None
        known = answers.logits[:, first : first + len(rows)][:, chosen]
        parts.append(np.concatenate([known, logits]))
        sampled.append(rows[chosen])
        first += len(rows)
    return np.concatenate(parts, axis=1), np.concatenate(sampled)


def _perturbed(
    run: Run,
    number: int,
    answers: Answers,
    rows: NDArray[np.int64],
    progress: Callable[[int, int], None],
) -> NDArray[np.float32] | None:
    """Logits (SUITE_VIEWS, len(rows), C) by the network of fold `number`; None after a stop."""
    import keras

    from pneumo_core.training.network import predict_logits

    trained = run.folder / f"fold-{number}" / NETWORK
    network: Any = keras.saving.load_model(trained, compile=False)
    logits = view_logits(
        lambda films: predict_logits(network, answers.corpus.framing.inputs(films)),
        answers.corpus.pixels,
        rows,
        SUITE_VIEWS,
        classes=answers.logits.shape[-1],
        progress=progress,
        stopped=lambda: run.requested(STOP),
    )
    return logits if len(logits) == len(SUITE_VIEWS) else None
