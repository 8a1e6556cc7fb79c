"""The verb `clean`: raw rows, and those of reference tables, become clean rows, duplicates or quarantine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from headrace.errors import UsageError
from headrace.settings import Settings, load_settings

from .options import Home, Lake, LockWait, PipelineFile, TopicPrefix
from .output import Report, Result, step, table
from .spark_job import SparkJob

Sources = Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]…", help="Only these sources; all when absent.")]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only what arrived at or after TIME (UTC).")]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only what arrived before TIME (UTC).")]
Stream = Annotated[bool, typer.Option("--stream", help="Structured Streaming: clean what lands, as it lands.")]
UntilEnd = Annotated[bool, typer.Option("--until-end", help="With --stream: end when all that has landed is clean.")]


def clean(
    pipeline: PipelineFile,
    sources: Sources = None,
    arrived_from: From = None,
    arrived_to: To = None,
    stream: Stream = False,
    until_end: UntilEnd = False,
    home: Home = None,
    lake: Lake = None,
    topic_prefix: TopicPrefix = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Clean what has landed, and reference tables, by a Spark job: decode, reject, set copies apart, treat."""
    if stream and (arrived_from or arrived_to):
        raise UsageError(
            "--from and --to select what a batch cleans; a --stream takes everything. Leave one of them out"
        )
    if until_end and not stream:
        raise UsageError("--until-end belongs to --stream; a batch always ends")
    settings = load_settings({"home": home, "lake": lake, "topic_prefix": topic_prefix, "lock_wait_s": lock_wait_s})
    options = [f"--source={name}" for name in sources or ()]
    options += [f"--from={arrived_from}"] if arrived_from else []
    options += [f"--to={arrived_to}"] if arrived_to else []
    options += ["--until-end"] if until_end else []
    with step("clean") as report:
        result = run_cleaning(settings, pipeline, "clean_stream" if stream else "clean_batch", options, report)
    return Result(result, cleaning_table(result))


def run_cleaning(settings: Settings, pipeline: Path, entry: str, options: list[str], report: Report) -> dict[str, Any]:
    """Runs a cleaning job (`entry`: its module in headrace.jobs); gives the rows that it placed, by source and kind."""
    from headrace.infra.local.jars import ensure_jars
    from headrace.infra.local.java import find_java

    find_java()
    places = [f"--pipeline={pipeline}", f"--lake={settings.lake}", f"--topic-prefix={settings.topic_prefix}"]
    job = SparkJob(
        f"headrace.jobs.{entry}",
        ["--json-lines", *places, f"--lock-wait-s={settings.lock_wait_s}", *options],
        settings,
        ensure_jars("spark", settings.cache, report),
    )
    return job.run(report)


def cleaning_table(result: dict[str, Any]) -> Table:
    """What a cleaning run placed, a line a source."""
    kinds = ("clean", "duplicates", "quarantine")
    return table(
        ["source", *kinds, "reasons"],
        [
            (name, *(counts[kind] for kind in kinds), ", ".join(f"{r} {n:,}" for r, n in counts["reasons"].items()))
            for name, counts in result["sources"].items()
        ],
    )
