"""The command line: `python -m pneumo_core`.

Exit 0: done. 1: some input could not be used, the rest was done and every failure is named.
2: wrong usage.
"""

from __future__ import annotations

import logging
import os
import sys

import typer
from typer.exceptions import TyperException

from pneumo_core import DISCLAIMER, access
from pneumo_core.cli import (
    calibrate,
    compare,
    data,
    evaluate,
    models,
    predict,
    readings,
    runs,
    score,
    server,
    train,
    train_lungs,
)
from pneumo_core.cli.console import prepare, tell
from pneumo_core.errors import PneumoError, disk_words
from pneumo_core.jobs import status

STOPPED = 130  # the exit code of a command stopped by hand

log = logging.getLogger("pneumo_core")

app = typer.Typer(
    help="Pneumonia detection in paediatric chest films. " + DISCLAIMER,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("predict")(predict.predict)
app.command("score")(score.score)
app.command("index")(data.index)
app.command("audit")(data.audit)
app.command("folds")(data.folds)
app.command("fetch-data")(data.fetch_data)
app.command("demo-data")(data.demo_data)
app.command("train")(train.train)
app.command("lesson")(runs.lesson)
app.command("train-lungs")(train_lungs.train_lungs)
app.command("evaluate")(evaluate.evaluate)
app.command("calibrate")(calibrate.calibrate)
app.command("compare")(compare.compare)
app.command("report")(evaluate.report)
app.command("stress")(evaluate.stress)
app.command("reader-study")(readings.reader_study)
app.command("bench")(score.bench)
app.command("serve")(server.serve)
app.command("watch")(server.watch)
app.add_typer(server.token_app, name="token")
app.add_typer(server.audit_app, name="audit-log")
app.add_typer(models.app, name="models")
app.add_typer(runs.app, name="runs")
app.add_typer(readings.app, name="readings")
app.add_typer(runs.machine_app, name="machine")


def main() -> None:
    """Run the command line; a person sees words, the log (PNEUMO_LOG=debug) sees the trace.

    Started as a job (see `pneumo_core.jobs.job`), it says in the job's status how it ended.
    """
    level = os.environ.get("PNEUMO_LOG", "warning").upper()
    logging.basicConfig(format="%(levelname)s: %(message)s")
    log.setLevel(level if level in logging.getLevelNamesMapping() else "WARNING")
    prepare()
    access.record_with(_keep)
    is_job = status.begin()
    try:
        code = app(standalone_mode=False) if is_job else app()
    except TyperException as error:  # wrong usage; outside a job Typer says so itself
        tell(f"Error: {error.format_message()}")  # first: who sees the end may read the log
        status.end("failed", error.format_message())
        sys.exit(error.exit_code)
    except PneumoError as error:
        log.debug("the command failed", exc_info=error)
        _fail(str(error))
    except BrokenPipeError:
        # The reader of our output (head, say) has gone: nothing is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        log.debug("the disk failed", exc_info=error)
        _fail(f"Expected to read and write files, got: {disk_words(error)}.")
    except KeyboardInterrupt:
        status.end("stopped", "Stopped.")
        sys.exit(STOPPED)
    except Exception as error:
        log.debug("an unforeseen fault", exc_info=error)
        _fail(f"An unforeseen fault ({type(error).__name__}). Set PNEUMO_LOG=debug to see it.")
    else:
        status.end("stopped" if code == STOPPED else "done")
        sys.exit(code)
    sys.exit(1)


def _keep(event: access.Event) -> None:
    """Add what was done to the audit log, opened only when there is something to add."""
    from pneumo_core.config import load_settings
    from pneumo_core.readings.audit_log import AuditLog

    audit_log = AuditLog(load_settings())
    try:
        audit_log.add(event)
    finally:
        audit_log.close()


def _fail(words: str) -> None:
    tell(f"Error: {words}")
    status.end("failed", words)
