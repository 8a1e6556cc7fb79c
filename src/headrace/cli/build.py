"""The verb `build`: clean rows become rows of feature groups, up to an instant, and rows of training sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table

from headrace.errors import UsageError
from headrace.pipeline import load_pipeline
from headrace.pipeline.times import INSTANT_HINT, instant_us
from headrace.settings import Settings, load_settings

from .options import Home, Lake, LockWait, PipelineFile
from .output import Report, Result, step, table
from .spark_job import SparkJob

Groups = Annotated[
    list[str] | None,
    typer.Argument(metavar="[GROUP]…", help="Only these feature groups; all, and all training sets, when absent."),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Build rows up to TIME (UTC). (default: now)")
]


def build(
    pipeline: PipelineFile,
    groups: Groups = None,
    until: Until = None,
    home: Home = None,
    lake: Lake = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Build feature groups, and the rows of training sets, from clean rows by Spark jobs."""
    _check_instant(until)
    settings = load_settings({"home": home, "lake": lake, "lock_wait_s": lock_wait_s})
    with step("build") as report:
        result = run_build(settings, pipeline, groups or [], until, report)
    shown = [feature_table(result)]
    shown += [rows_table(result)] if result.get("training_sets") else []
    return Result(result, Group(*shown))


def run_build(
    settings: Settings, pipeline: Path, groups: list[str], until: str | None, report: Report
) -> dict[str, Any]:
    """Builds the named groups; where none is named, all of them and then the rows of all training sets."""
    declared = load_pipeline(pipeline)
    if not declared.features:
        raise UsageError(f"{pipeline} declares no feature group, so there is nothing to build")
    options = [f"--group={name}" for name in groups]
    options += [] if until is None else [f"--until={until}"]
    result = _run(settings, pipeline, "build_features", options, report)
    if not groups and declared.training_sets:
        result |= _run(settings, pipeline, "build_rows", [], report)
    return result


def feature_table(result: dict[str, Any]) -> Table:
    """What was built, a line a feature group."""
    return table(
        ["feature group", "rows written", "rows in all", "until", "seconds"],
        [
            (name, built["rows"], built["total_rows"], built["until"], built["seconds"])
            for name, built in result["groups"].items()
        ],
    )


def rows_table(result: dict[str, Any]) -> Table:
    """What was built, a line a training set; nothing is counted where the rows were there already."""
    return table(
        ["training set", "rows", "with a label"],
        [
            (name, _counted(found["rows"]), _counted(found["labelled"]))
            for name, found in result["training_sets"].items()
        ],
    )


def _counted(number: int | None) -> str:
    return "unchanged" if number is None else f"{number:,}"


def _run(settings: Settings, pipeline: Path, entry: str, options: list[str], report: Report) -> dict[str, Any]:
    from headrace.infra.local.jars import ensure_jars
    from headrace.infra.local.java import find_java

    find_java()
    places = [f"--pipeline={pipeline}", f"--lake={settings.lake}", f"--lock-wait-s={settings.lock_wait_s}"]
    jars = ensure_jars("spark", settings.cache, report)
    return SparkJob(f"headrace.jobs.{entry}", ["--json-lines", *places, *options], settings, jars).run(report)


def _check_instant(until: str | None) -> None:
    try:
        instant_us("1970-01-01" if until is None else until)
    except ValueError as err:
        raise UsageError(f"--until: '{until}' is no time. {INSTANT_HINT}") from err
