"""spark-submit entry: fits the cleaning plans of sources on their fit windows, and stores each as a version."""

from __future__ import annotations

import sys
import uuid
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from pyspark.sql import SparkSession

from headrace.errors import HeadraceError, UsageError
from headrace.jobs.arguments import CleaningTask, cleaning_parser, cleaning_tasks, read_settings
from headrace.jobs.fit_rows import fit_rows, newest_version
from headrace.jobs.fitting import fit_plan
from headrace.jobs.plan_table import Fitted, store_plan
from headrace.jobs.report import Report
from headrace.jobs.session import open_session
from headrace.pinned_versions import read_pins
from headrace.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the job and gives its exit code: 0 done, 1 failed, 2 wrong usage."""
    parser = cleaning_parser(
        "fit_plan.py", "Fits the cleaning plans of sources on their fit windows.", with_tables=True
    )
    options = parser.parse_args(arguments)
    report = Report(json_lines=options.json_lines)
    try:
        report.result({"plans": _fit(options, report)})
    except HeadraceError as err:
        report.error(str(err))
        return err.exit_code
    return 0


def _fit(options: Namespace, report: Report) -> dict[str, Any]:
    settings = read_settings(options)
    tasks = _tasks_to_fit(options, settings)
    report.progress("spark", "starting")
    spark = open_session("headrace fit")
    application = f"headrace/fit/{uuid.uuid4()}"
    found = {}
    for task in tasks:
        with report.watching(spark, task.source.name, "fitting"):
            found[task.source.name] = fit_source(spark, task, settings, application)
    return found


def _tasks_to_fit(options: Namespace, settings: Settings) -> list[CleaningTask]:
    tasks = cleaning_tasks(options, settings)
    without = [task.source.name for task in tasks if not task.source.needs_fit()]
    if options.source and without:
        raise UsageError(
            f"source '{without[0]}' has no rule that must be fitted, and watches no drift: its bounds and fills stand "
            "in the pipeline file. Leave it out"
        )
    if fitted := [task for task in tasks if task.source.needs_fit()]:
        return fitted
    raise UsageError(
        f"no source of {options.pipeline} has a rule that must be fitted, or watches drift, so there is nothing to fit"
    )


def fit_source(spark: SparkSession, task: CleaningTask, settings: Settings, application: str) -> dict[str, Any]:
    """Fits and stores the next plan of one source; gives what is said of it."""
    source, version = task.source, newest_version(spark, task.source, task.origin)
    plan = fit_plan(fit_rows(spark, source, task.origin, version, task.registry), source)
    window = source.fit
    fitted = Fitted(
        source=source.name,
        definition=task.definition,
        from_us=None if window is None else window.from_us,
        to_us=None if window is None else window.to_us,
        inputs={_name(task, settings): version},
        plan=plan,
    )
    stored = store_plan(spark, task.plans, fitted, application=application, lock_wait_s=settings.lock_wait_s)
    pinned = read_pins(task.plans.pinned).get(source.name)
    return {
        "plan": stored,
        "rows": plan.rows,
        "outliers": {name: found.outliers for name, found in plan.statistics.items() if found.outliers is not None}
        | plan.joint_outliers,
        "notes": plan.notes(),
        "pinned": pinned,
    }


def _name(task: CleaningTask, settings: Settings) -> str:
    lake = settings.lake.absolute()
    origin = task.origin.absolute()
    return str(origin.relative_to(lake)) if origin.is_relative_to(lake) else str(origin)


if __name__ == "__main__":
    sys.exit(main())
