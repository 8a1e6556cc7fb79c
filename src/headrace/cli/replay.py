"""The verb `replay`: what stands as rejected is judged again by the present rules."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from headrace.errors import UsageError
from headrace.settings import load_settings

from .clean import run_cleaning
from .options import Home, Lake, LockWait, PipelineFile, TopicPrefix
from .output import Result, step, table
from .quarantine import Reasons, check_reasons

Sources = Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]…", help="The sources to replay, or --all.")]
All = Annotated[bool, typer.Option("--all", help="All sources that have a topic.")]


def replay(
    pipeline: PipelineFile,
    sources: Sources = None,
    every_source: All = False,
    reasons: Reasons = None,
    home: Home = None,
    lake: Lake = None,
    topic_prefix: TopicPrefix = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Judge rejected records again, by a Spark job: they become clean rows or duplicates, or stay rejected."""
    if bool(sources) == every_source:
        raise UsageError("say which sources to replay, or --all: headrace replay SOURCE --reason REASON")
    check_reasons(reasons)
    settings = load_settings({"home": home, "lake": lake, "topic_prefix": topic_prefix, "lock_wait_s": lock_wait_s})
    options = [f"--source={name}" for name in sources or ()] + [f"--reason={reason}" for reason in reasons or ()]
    with step("replay") as report:
        result = run_cleaning(settings, pipeline, "replay_quarantine", options, report)
    return Result(result, replay_table(result))


def replay_table(result: dict[str, Any]) -> Table:
    """What became of the rejected records, a line a source."""
    return table(
        ["source", "cleaned", "duplicates", "still rejected", "reasons"],
        [
            (
                name,
                *(found[kind] for kind in ("cleaned", "duplicates", "rejected")),
                ", ".join(f"{reason} {records:,}" for reason, records in found["reasons"].items()),
            )
            for name, found in result["replayed"].items()
        ],
    )
