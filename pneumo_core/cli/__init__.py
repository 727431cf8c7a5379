"""The command line: `python -m pneumo_core`.

Exit 0: done. 1: some input could not be used, the rest was done and every failure is named.
2: wrong usage.
"""

from __future__ import annotations

import logging
import os
import sys

import typer

from pneumo_core import DISCLAIMER
from pneumo_core.cli import bench, data, evaluate, models, predict, train
from pneumo_core.cli.console import tell
from pneumo_core.errors import PneumoError

log = logging.getLogger("pneumo_core")

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
app.command("bench")(bench.bench)
app.add_typer(models.app, name="models")


def main() -> None:
    """Run the command line; a person sees words, the log (PNEUMO_LOG=debug) sees the trace."""
    level = os.environ.get("PNEUMO_LOG", "warning").upper()
    logging.basicConfig(format="%(levelname)s: %(message)s")
    log.setLevel(level if level in logging.getLevelNamesMapping() else "WARNING")
    try:
        app()
    except PneumoError as error:
        log.debug("the command failed", exc_info=error)
        tell(f"Error: {error}")
    except BrokenPipeError:
        # The reader of our output (head, say) has gone: nothing is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        log.debug("an unforeseen fault", exc_info=error)
        tell(
            f"Error: an unforeseen fault ({type(error).__name__}). Set PNEUMO_LOG=debug to see it."
        )
    else:
        return
    sys.exit(1)
