"""spark-submit entry: judges again, by the present rules, what stands as rejected, source by source, and ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from headrace.errors import UsageError
from headrace.jobs.arguments import CleaningTask, cleaning_parser
from headrace.jobs.run import CleaningRun, OnStep, no_step, run_entry
from headrace.jobs.source_replay import Replayed, SourceReplay
from headrace.tables import REASONS


def main(arguments: Sequence[str] | None = None, on_step: OnStep = no_step) -> int:
    """Runs the job and gives its exit code: 0 done, 1 failed, 2 wrong usage."""
    parser = cleaning_parser(
        "replay_quarantine.py",
        "Judges rejected records again by the present rules: they become clean rows or duplicates, or stay rejected.",
        with_tables=True,
    )
    parser.add_argument(
        "--reason",
        action="append",
        default=[],
        choices=REASONS,
        metavar="REASON",
        help="only what is rejected for it; may be repeated",
    )
    return run_entry(parser, arguments, on_step, _replay, result="replayed", verb="replay")


def _replay(run: CleaningRun) -> dict[str, Replayed]:
    tasks = _tasks_with_a_topic(run)
    spark = run.open_session()
    replayed: dict[str, Replayed] = {}
    for task in tasks:
        with run.report.watching(spark, task.source.name, "replaying"):
            replayed[task.source.name] = run.worker(SourceReplay, spark, task).replay(run.options.reason)
    return replayed


def _tasks_with_a_topic(run: CleaningRun) -> list[CleaningTask]:
    """Reference tables have no raw, and each version of one is judged as a whole.

    Raises:
        UsageError: one was asked for by name.
    """
    for task in run.tasks:
        if task.source.topic is None and task.source.name in run.options.source:
            raise UsageError(
                f"source '{task.source.name}' is the reference table '{task.source.table}': each version is judged as "
                "a whole, by the rules of its day. Write the table again, then: headrace clean"
            )
    return [task for task in run.tasks if task.source.topic is not None]


if __name__ == "__main__":
    sys.exit(main())
