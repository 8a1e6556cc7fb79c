"""spark-submit entry: Structured Streaming over the raw tables, cleaning each micro-batch as batch does."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from pyspark.sql import SparkSession

from headrace.errors import UsageError
from headrace.jobs.arguments import CleaningTask, cleaning_parser
from headrace.jobs.cleaning import Counts
from headrace.jobs.run import CleaningRun, OnStep, no_step, raise_held, run_entry
from headrace.jobs.stream import CleaningStream, wait_for_all
from headrace.locks import exclusive

TAKEOVER_WAIT_S = 5.0  # for the end of a stream that was just told to stop


def main(arguments: Sequence[str] | None = None, on_step: OnStep = no_step) -> int:
    """Runs the streams and gives the exit code: 0 ended or stopped, 1 failed, 2 wrong usage, 3 a source is held."""
    parser = cleaning_parser(
        "clean_stream.py",
        "Cleans what lands, as it lands: Structured Streaming over the raw tables.",
        with_tables=False,
    )
    parser.add_argument("--until-end", action="store_true", help="end when everything that has landed is cleaned")
    parser.add_argument(
        "--max-files", type=int, default=100, metavar="N", help="data files of raw in one micro-batch (100)"
    )
    parser.add_argument("--interval-s", type=float, default=1.0, metavar="S", help="time between micro-batches (1)")
    parser.add_argument(
        "--checkpoints", type=Path, metavar="DIR", help="root of the checkpoints (<lake>/<pipeline>/checkpoints)"
    )
    return run_entry(parser, arguments, on_step, _clean)


def _clean(run: CleaningRun) -> dict[str, Counts]:
    if run.options.max_files < 1 or run.options.interval_s < 0:
        raise UsageError("--max-files must be at least 1, and --interval-s not negative")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as checkpoints:
        for task in run.tasks:
            checkpoints.enter_context(_checkpoint_of_its_own(run, task))
        spark = run.open_session()
        streams = [_start(run, spark, task) for task in run.tasks]
        held = wait_for_all(streams, stop)
    raise_held(held)
    return {stream.name: stream.counts for stream in streams}


def _checkpoint(run: CleaningRun, task: CleaningTask) -> Path:
    """The folder of the stream of one definition of a source."""
    return (run.options.checkpoints or task.checkpoints) / task.source.name / task.tables.clean.name


def _checkpoint_of_its_own(run: CleaningRun, task: CleaningTask) -> AbstractContextManager[None]:
    """Keeps others from the checkpoint for as long as the stream runs: two streams on one break it for both."""
    checkpoint = _checkpoint(run, task)
    lock_file = checkpoint.with_name(f".{checkpoint.name}.lock")
    return exclusive(lock_file, wait_s=min(TAKEOVER_WAIT_S, run.lock_wait_s), purpose=f"stream {task.source.name}")


def _start(run: CleaningRun, spark: SparkSession, task: CleaningTask) -> CleaningStream:
    stream = CleaningStream(task.source.name, run.cleaner(spark, task), run.report)
    stream.start(
        spark,
        task.origin,
        _checkpoint(run, task),
        max_files=run.options.max_files,
        interval_s=None if run.options.until_end else run.options.interval_s,
    )
    return stream


if __name__ == "__main__":
    sys.exit(main())
