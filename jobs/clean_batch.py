"""spark-submit entry: cleans what has landed so far, source by source, and ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from headrace.jobs.arguments import check_interval, cleaning_parser, instant_us
from headrace.jobs.cleaning import Counts
from headrace.jobs.run import CleaningRun, OnStep, no_step, run_entry


def main(arguments: Sequence[str] | None = None, on_step: OnStep = no_step) -> int:
    """Runs the job and gives its exit code: 0 done, 1 failed, 2 wrong usage."""
    parser = cleaning_parser(
        "clean_batch.py", "Cleans what has landed: raw rows become clean rows, duplicates or quarantine."
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
    spark = run.open_session()
    counts: dict[str, Counts] = {}
    for task in run.tasks:
        with run.report.watching(spark, task.source.name, "cleaning"):
            cleaner = run.cleaner(spark, task)
            counts[task.source.name] = cleaner.clean_all(run.options.arrived_from, run.options.arrived_to)
    return counts


if __name__ == "__main__":
    sys.exit(main())
