"""The verb `fit`: cleaning plans, fitted by a Spark job on the fit window of each source, each a numbered version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from headrace.settings import Settings, load_settings

from .clean import run_cleaning
from .options import Home, Lake, LockWait, PipelineFile, TopicPrefix
from .output import Report, Result, step, table

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]…", help="Only these sources; all with fitted rules, or drift, when absent."),
]


def fit(
    pipeline: PipelineFile,
    sources: Sources = None,
    home: Home = None,
    lake: Lake = None,
    topic_prefix: TopicPrefix = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Fit cleaning plans on the window that each source states, from what has landed; each becomes a version."""
    settings = load_settings({"home": home, "lake": lake, "topic_prefix": topic_prefix, "lock_wait_s": lock_wait_s})
    with step("fit") as report:
        result = run_fit(settings, pipeline, sources or [], report)
    lines = [f"{name}: {note}" for name, found in result["plans"].items() for note in said_of(name, found)]
    return Result(result, Group(fit_table(result), *map(escape, lines)))


def run_fit(settings: Settings, pipeline: Path, sources: list[str], report: Report) -> dict[str, Any]:
    """Runs the job that fits plans; gives what it says of each, by source."""
    return run_cleaning(settings, pipeline, "fit_plan", [f"--source={name}" for name in sources], report)


def fit_table(result: dict[str, Any]) -> Table:
    """The plans that were stored, a line a source."""
    return table(
        ["source", "plan", "rows", "outliers"],
        [
            (name, found["plan"], found["rows"], ", ".join(f"{rule} {n:,}" for rule, n in found["outliers"].items()))
            for name, found in result["plans"].items()
        ],
    )


def said_of(source: str, found: dict[str, Any]) -> list[str]:
    """What a person should know of a plan that was fitted: rules that set nothing, and whether another one holds."""
    lines = list(found["notes"])
    if found["pinned"] is not None:
        lines.append(
            f"plan {found['pinned']} stays in use: it is pinned. To use this one: "
            f"headrace plan pin -p FILE {source} {found['plan']}"
        )
    return lines
