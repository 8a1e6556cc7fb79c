"""What the cleaning jobs are asked: the options that batch and stream share, and what they resolve to."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headrace.errors import UsageError, near_names
from headrace.pipeline import Pipeline, Source, load_pipeline
from headrace.plans.treatment import no_plan
from headrace.schema_registry import SchemaRegistry
from headrace.settings import Settings, load_settings
from headrace.tables import PlansTable, SourceTables, plans_table, raw_table, source_tables

from .writer_schemas import no_registry


@dataclass(frozen=True)
class CleaningTask:
    """One source to clean: where its rows come from (the raw table of its topic, or the reference table), and where
    they go; and whom to ask for the schemas of its writers, where its format has any.
    """

    source: Source
    origin: Path
    tables: SourceTables
    plans: PlansTable
    definition: str
    checkpoints: Path
    registry: SchemaRegistry | None = None


def cleaning_parser(program: str, description: str, *, with_tables: bool) -> argparse.ArgumentParser:
    """The options that every cleaning job takes. Places default to the settings (HEADRACE_*, headrace.toml).

    `with_tables` says whether the job cleans reference tables, too.
    """
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.set_defaults(with_tables=with_tables)
    parser.add_argument("--pipeline", type=Path, required=True, metavar="FILE", help="the pipeline file")
    parser.add_argument(
        "--source", action="append", default=[], metavar="NAME", help="only this source; may be repeated"
    )
    parser.add_argument("--lake", type=Path, metavar="DIR", help="root folder of the Delta tables")
    parser.add_argument("--topic-prefix", metavar="TEXT", help="what stands before every topic name on the cluster")
    parser.add_argument("--lock-wait-s", type=float, metavar="S", help="how long to wait for another writer")
    parser.add_argument("--json-lines", action="store_true", help="say progress and result as JSON lines on stdout")
    return parser


def read_settings(options: argparse.Namespace) -> Settings:
    """The settings under the options of `cleaning_parser`."""
    flags = {name: getattr(options, name) for name in ("lake", "topic_prefix", "lock_wait_s")}
    return load_settings(flags)


def cleaning_tasks(options: argparse.Namespace, settings: Settings) -> list[CleaningTask]:
    """The sources that were asked for, or all; reference tables only in a job that cleans them.

    A reference table that is not there is left out, unless it was asked for by name: other sources need not wait for
    it, and a feature group that reads it says what is missing.

    Raises:
        PipelineError: the file cannot be used.
        UsageError: an unknown source, a table in a job that cleans topics only, or a source whose format needs a
            schema registry, and no setting names one.
    """
    pipeline = load_pipeline(options.pipeline)
    names = options.source or [name for name, source in pipeline.sources.items() if source.topic or options.with_tables]
    tasks = [_task(pipeline, _checked(name, pipeline.sources, options), settings) for name in dict.fromkeys(names)]
    return [task for task in tasks if task.source.topic or task.source.name in options.source or task.origin.exists()]


def _task(pipeline: Pipeline, source: Source, settings: Settings) -> CleaningTask:
    definition = pipeline.definition(source.name)
    return CleaningTask(
        source=source,
        origin=(
            raw_table(settings.lake, settings.topic(source.topic))
            if source.topic
            else settings.reference_table(str(source.table))
        ),
        tables=source_tables(settings.lake, pipeline.pipeline, source.name, definition),
        plans=plans_table(settings.lake, pipeline.pipeline),
        definition=definition,
        checkpoints=settings.lake / pipeline.pipeline / "checkpoints",
        registry=_registry(source, settings),
    )


def _registry(source: Source, settings: Settings) -> SchemaRegistry | None:
    if source.format == "json":
        return None
    if (registry := SchemaRegistry.of(settings)) is None:
        raise no_registry(source)
    return registry


def _checked(name: str, sources: Mapping[str, Source], options: argparse.Namespace) -> Source:
    if name not in sources:
        raise UsageError(f"there is no source named '{name}'. Did you mean: {near_names(name, sources)}?")
    source = sources[name]
    if source.topic is None and not options.with_tables:
        raise UsageError(
            f"source '{name}' is the reference table '{source.table}': it has no topic, so there is no stream of it. "
            f"Clean it by a batch: headrace clean {name}"
        )
    return source


def refuse_without_plans(tasks: Sequence[CleaningTask]) -> None:
    """Refuses sources with rules that must be fitted where nothing was fitted yet, before Spark is started.

    Raises:
        UsageError: there is one; the message names column, rule and command.
    """
    for task in tasks:
        if task.source.fitted_rules() and not task.plans.path.exists():
            raise UsageError(no_plan(task.source))


def instant_us(text: str) -> int:
    """Microseconds since 1970 of an ISO 8601 date or time, in UTC unless it says otherwise."""
    try:
        found = datetime.fromisoformat(re.sub(r"Z$", "+00:00", text))
    except ValueError as err:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not an ISO 8601 date or time, such as 2013-02-01 or 2013-02-01T06:00Z"
        ) from err
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    seconds = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (seconds.days * 86_400 + seconds.seconds) * 1_000_000 + seconds.microseconds


def check_interval(options: Any) -> None:
    """Refuses an interval that holds nothing.

    Raises:
        UsageError: `--to` is not after `--from`.
    """
    if (
        options.arrived_from is not None
        and options.arrived_to is not None
        and options.arrived_to <= options.arrived_from
    ):
        raise UsageError("--to must be after --from: the interval is half open, so it would hold no row")


def tasks_of_interval(tasks: Sequence[CleaningTask], options: argparse.Namespace) -> list[CleaningTask]:
    """The tasks that an interval of arrival means something to: where one is given, only those with a topic.

    Raises:
        UsageError: an interval, and a reference table asked for by name.
    """
    if options.arrived_from is None and options.arrived_to is None:
        return list(tasks)
    if named := [
        task.source.name for task in tasks if task.source.topic is None and task.source.name in options.source
    ]:
        raise UsageError(
            f"--from and --to select by arrival, and '{named[0]}' is a reference table: it is cleaned whole. "
            "Leave the interval out, or the table"
        )
    return [task for task in tasks if task.source.topic]
