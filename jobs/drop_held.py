"""spark-submit entry: what is held of sources becomes quarantine, by hand, and ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from headrace.errors import UsageError
from headrace.holds import require_hold
from headrace.jobs.arguments import cleaning_parser
from headrace.jobs.cleaning import Counts
from headrace.jobs.run import CleaningRun, OnStep, no_step, run_entry


def main(arguments: Sequence[str] | None = None, on_step: OnStep = no_step) -> int:
    """Runs the job and gives its exit code: 0 done, 1 failed, 2 wrong usage."""
    description = "Refuses what is held of the given sources: it becomes quarantine, as dropped_by_hand."
    return run_entry(cleaning_parser("drop_held.py", description, with_tables=False), arguments, on_step, _drop)


def _drop(run: CleaningRun) -> dict[str, Counts]:
    if not run.options.source:
        raise UsageError("which source? Name one that is held: --source NAME")
    for task in run.tasks:
        require_hold(task.tables.hold, task.source.name)
    spark = run.open_session()
    counts = {}
    for task in run.tasks:
        with run.report.watching(spark, task.source.name, "dropping"):
            counts[task.source.name] = run.cleaner(spark, task).drop_held()
    return counts


if __name__ == "__main__":
    sys.exit(main())
