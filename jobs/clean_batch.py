"""spark-submit entry: cleans what has landed so far and the reference tables, source by source, and ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession

from headrace.errors import Held
from headrace.jobs.arguments import CleaningTask, check_interval, cleaning_parser, instant_us, tasks_of_interval
from headrace.jobs.cleaning import Counts
from headrace.jobs.run import CleaningRun, OnStep, no_step, raise_held, run_entry


def main(arguments: Sequence[str] | None = None, on_step: OnStep = no_step) -> int:
    """Runs the job and gives its exit code: 0 done, 1 failed, 2 wrong usage, 3 a source is held."""
    parser = cleaning_parser(
        "clean_batch.py",
        "Cleans what has landed, and reference tables: rows become clean rows, duplicates or quarantine.",
        with_tables=True,
    )
    parser.add_argument(
        "--from", dest="arrived_from", type=instant_us, metavar="TIME", help="only what arrived at or after TIME"
    )
    parser.add_argument(
        "--to", dest="arrived_to", type=instant_us, metavar="TIME", help="only what arrived before TIME"
    )
    return run_entry(parser, arguments, on_step, _clean)


def _clean(run: CleaningRun) -> dict[str, Counts]:
    check_interval(run.options)
    tasks = tasks_of_interval(run.tasks, run.options)
    spark = run.open_session()
    counts: dict[str, Counts] = {}
    held: list[Held] = []
    for task in tasks:
        with run.report.watching(spark, task.source.name, "cleaning"):
            try:
                counts[task.source.name] = _clean_source(run, spark, task)
            except Held as err:
                held.append(err)
    raise_held(held)
    return counts


def _clean_source(run: CleaningRun, spark: SparkSession, task: CleaningTask) -> Counts:
    if task.source.topic is None:
        return run.table_cleaner(spark, task).clean_newest()
    return run.cleaner(spark, task).clean_all(run.options.arrived_from, run.options.arrived_to)


if __name__ == "__main__":
    sys.exit(main())
