"""spark-submit entry: cleans the whole of raw anew, beside the present tables, switches to the new ones, and ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from headrace.errors import MachineError, UsageError
from headrace.jobs.arguments import CleaningTask, cleaning_parser
from headrace.jobs.run import CleaningRun, OnStep, no_step, run_entry

if TYPE_CHECKING:
    from headrace.jobs.source_rebuild import Rebuilt, SourceRebuild


def main(arguments: Sequence[str] | None = None, on_step: OnStep = no_step) -> int:
    """Runs the job and gives its exit code: 0 done, 1 failed, 2 wrong usage, 3 a source is held, or does not
    balance.
    """
    parser = cleaning_parser(
        "rebuild_source.py",
        "Cleans the whole of raw anew, by the present rules and plan, beside the present tables; then switches.",
        with_tables=True,
    )
    parser.add_argument("--anew", action="store_true", help="begin another rebuild, whatever was begun")
    parser.add_argument(
        "--max-offsets", type=int, default=250_000, metavar="N", help="offsets of raw in one unit of work (250,000)"
    )
    parser.add_argument(
        "--no-switch", action="store_true", help="only make it: the present tables stay the present ones"
    )
    return run_entry(parser, arguments, on_step, _rebuild, result="rebuilt", verb="rebuild")


def _rebuild(run: CleaningRun) -> dict[str, Rebuilt]:
    tasks = [_checked(task) for task in run.tasks if run.options.source]
    if run.options.max_offsets < 1:
        raise UsageError("--max-offsets must be at least 1")
    if not tasks:
        raise UsageError("which source? Name one or more: --source NAME")
    _require_audit()
    spark = run.open_session()
    return {
        task.source.name: _of_source(run, spark, task).run(anew=run.options.anew, switch=not run.options.no_switch)
        for task in tasks
    }


def _checked(task: CleaningTask) -> CleaningTask:
    if task.source.topic is None:
        raise UsageError(
            f"source '{task.source.name}' is the reference table '{task.source.table}': its rows come from versions of "
            "it that are gone, so there is nothing to make them from again. Write the table again, then: headrace clean"
        )
    return task


def _require_audit() -> None:
    """Refuses to begin work that could not be audited in the end.

    Raises:
        MachineError: what reads the lake without a JVM is not installed.
    """
    try:
        import headrace.audit  # noqa: F401
    except ModuleNotFoundError as err:
        raise MachineError(
            f"the package '{err.name}' is not installed, and a rebuild is audited before it is switched to. "
            "Install it with: pip install 'headrace[ingestion]'"
        ) from err


def _of_source(run: CleaningRun, spark: SparkSession, task: CleaningTask) -> SourceRebuild:
    from headrace.jobs.source_rebuild import SourceRebuild

    make = partial(
        SourceRebuild,
        progress=partial(run.report.progress, task.source.name),
        unit_offsets=run.options.max_offsets,
    )
    return run.worker(make, spark, task)


if __name__ == "__main__":
    sys.exit(main())
