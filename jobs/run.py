"""A cleaning run: what every entry does before and after its own work, from options to exit code."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, TypeVar

from pyspark.sql import SparkSession

from headrace.errors import HeadraceError, Held

from .arguments import CleaningTask, cleaning_tasks, read_settings, refuse_without_plans
from .cleaning import SourceCleaner
from .plan_table import plan_in_use
from .report import Report
from .session import open_session
from .table_source import TableCleaner

OnStep = Callable[[str], None]
Worker = TypeVar("Worker")


def no_step(step: str) -> None:
    """Ignores the steps of a run; tests end the process at one."""


@dataclass(frozen=True)
class CleaningRun:
    """The sources to work on, what is done with them, and how to say so."""

    options: Namespace
    tasks: Sequence[CleaningTask]
    lock_wait_s: float
    report: Report
    on_step: OnStep
    verb: str = "clean"

    @cached_property
    def application(self) -> str:
        """The id of the run in the transactions of its tables."""
        return f"headrace/{self.verb}/{uuid.uuid4()}"

    def open_session(self) -> SparkSession:
        """Starts Spark, and says so: it takes some seconds."""
        self.report.progress("spark", "starting")
        return open_session(f"headrace {self.verb}")

    def cleaner(self, spark: SparkSession, task: CleaningTask) -> SourceCleaner:
        """The cleaner of one source with a topic."""
        return self.worker(SourceCleaner, spark, task)

    def worker(self, make: Callable[..., Worker], spark: SparkSession, task: CleaningTask) -> Worker:
        """Whatever works on one source with a topic, and is made as a cleaner is."""
        return make(
            spark,
            task.source,
            raw=task.origin,
            tables=task.tables,
            application=self.application,
            lock_wait_s=self.lock_wait_s,
            plan=plan_in_use(spark, task.plans, task.source),
            registry=task.registry,
            on_step=self.on_step,
            warn=lambda text: self.report.progress(task.source.name, text),
        )

    def table_cleaner(self, spark: SparkSession, task: CleaningTask) -> TableCleaner:
        """The cleaner of one reference table."""
        return TableCleaner(
            spark,
            task.source,
            table=task.origin,
            tables=task.tables,
            application=self.application,
            lock_wait_s=self.lock_wait_s,
            plan=plan_in_use(spark, task.plans, task.source),
            on_step=self.on_step,
            warn=lambda text: self.report.progress(task.source.name, text),
        )


def raise_held(held: Sequence[Held]) -> None:
    """Ends a run in which sources were held, after the others were cleaned.

    Raises:
        Held: there is one; the message has them all.
    """
    if held:
        raise Held(". ".join(map(str, held)))


def run_entry(
    parser: ArgumentParser,
    arguments: Sequence[str] | None,
    on_step: OnStep,
    clean: Callable[[CleaningRun], Mapping[str, Any]],
    result: str = "sources",
    verb: str = "clean",
) -> int:
    """Reads the options, cleans, and reports error or result (a dataclass a source) under the name `result`; gives the
    exit code: 0 done, 1 failed, 2 wrong usage, 3 a source is held, or a check did not hold.
    """
    options = parser.parse_args(arguments)
    report = Report(json_lines=options.json_lines)
    try:
        settings = read_settings(options)
        tasks = cleaning_tasks(options, settings)
        refuse_without_plans(tasks)
        counts = clean(CleaningRun(options, tasks, settings.lock_wait_s, report, on_step, verb))
    except HeadraceError as err:
        report.error(str(err))
        return err.exit_code
    report.result({result: {name: asdict(found) for name, found in counts.items()}})
    return 0
