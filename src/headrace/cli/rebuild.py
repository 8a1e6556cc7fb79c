"""The verbs `rebuild` and `switch`: a source cleaned anew beside its present tables, and which tables are present."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Group
from rich.markup import escape

from headrace.errors import UsageError, near_names
from headrace.pipeline import Pipeline, load_pipeline
from headrace.settings import load_settings
from headrace.tables import source_tables

from .clean import run_cleaning
from .options import Home, Lake, LockWait, PipelineFile, TopicPrefix
from .output import Result, step, table

Sources = Annotated[list[str], typer.Argument(metavar="SOURCE…", help="The sources to clean anew.")]
SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="The source whose tables are meant.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The rebuild that is to be the present one.")]
Anew = Annotated[bool, typer.Option("--anew", help="Begin another rebuild, whatever was begun.")]
Switch = Annotated[
    bool, typer.Option("--switch/--no-switch", help="Make it the present one in the end, or leave that for later.")
]

KINDS = ("clean", "duplicates", "quarantine")


def rebuild(
    pipeline: PipelineFile,
    sources: Sources,
    anew: Anew = False,
    switch: Switch = True,
    home: Home = None,
    lake: Lake = None,
    topic_prefix: TopicPrefix = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Clean all of raw anew beside the present tables, by the present rules and plan, by a Spark job; then switch."""
    settings = load_settings({"home": home, "lake": lake, "topic_prefix": topic_prefix, "lock_wait_s": lock_wait_s})
    options = [f"--source={name}" for name in sources]
    options += [option for wanted, option in ((anew, "--anew"), (not switch, "--no-switch")) if wanted]
    with step("rebuild") as report:
        result = run_cleaning(settings, pipeline, "rebuild_source", options, report)
    advice = [line for name in sources if switch for line in what_follows(load_pipeline(pipeline), name)]
    return Result(result, Group(_rebuilt_table(result), *map(escape, advice)))


def switch(
    pipeline: PipelineFile,
    source: SourceName,
    number: Number,
    home: Home = None,
    lake: Lake = None,
    topic_prefix: TopicPrefix = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Make another rebuild of a source the present one, such as the one before: the way back."""
    from headrace.source_switch import switch_source

    settings = load_settings({"home": home, "lake": lake, "topic_prefix": topic_prefix, "lock_wait_s": lock_wait_s})
    declared = load_pipeline(pipeline)
    topic = settings.topic(_topic(declared, source))
    tables = source_tables(settings.lake, declared.pipeline, source, declared.definition(source))
    with step("switch"):
        done = switch_source(settings.lake, topic, tables, number, lock_wait_s=settings.lock_wait_s)
    lines = [f"Rebuild {done.present} of {source} is present; before it was {done.before}."]
    if done.waiting:
        lines.append(f"{done.waiting:,} records wait in raw: headrace clean -p FILE {source} places them.")
    lines += what_follows(declared, source)
    data = {"source": source, "before": done.before, "present": done.present, "waiting": done.waiting}
    return Result(data, Group(*map(escape, lines)))


def what_follows(declared: Pipeline, source: str) -> list[str]:
    """What a person has to do after a switch, in words."""
    groups = [name for name, group in declared.features.items() if group.source == source]
    lines = [f"A stream of {source} ends by itself; start it again, and it goes on with the present tables."]
    if groups:
        lines.append(
            f"The features of {', '.join(groups)} are as before; headrace build makes them anew from all rows."
        )
    return lines


def _topic(declared: Pipeline, source: str) -> str:
    if source not in declared.sources:
        raise UsageError(f"there is no source named '{source}'. Did you mean: {near_names(source, declared.sources)}?")
    topic = declared.sources[source].topic
    if topic is None:
        raise UsageError(f"source '{source}' is a reference table: there are no rebuilds of it to switch between")
    return topic


def _rebuilt_table(result: dict[str, Any]) -> Any:
    """What was made, a line a source; in parentheses the rows of the tables that were present before."""
    return table(
        ["source", "rebuild", "present", "plan", *(f"{kind} (before)" for kind in KINDS)],
        [
            (
                name,
                found["number"],
                found["present"],
                "" if found["plan"] is None else str(found["plan"]),
                *(f"{found['rows'][kind]:,} ({found['rows_before'][kind]:,})" for kind in KINDS),
            )
            for name, found in result["rebuilt"].items()
        ],
    )
