"""The command line: `python -m pneumo_core`.

Exit 0: done. 1: some input could not be used, the rest was done and every failure is named.
2: wrong usage.
"""

from __future__ import annotations

import logging
import sys

import typer

from pneumo_core import DISCLAIMER
from pneumo_core.cli import data, evaluate, models, predict, train
from pneumo_core.cli.console import fail
from pneumo_core.errors import PneumoError

app = typer.Typer(
    help="Pneumonia detection in paediatric chest films. " + DISCLAIMER,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("predict")(predict.predict)
app.command("index")(data.index)
app.command("demo-data")(data.demo_data)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(models.app, name="models")


def main() -> None:
    """Run the command line; a person sees words, never a trace."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        app()
    except PneumoError as error:
        logging.getLogger(__name__).debug("the command failed", exc_info=error)
        sys.exit(fail(error))
    except BrokenPipeError:
        # The reader of our output (head, say) has gone: nothing is left to tell.
        sys.stderr.close()
        sys.exit(1)
