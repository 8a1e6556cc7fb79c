"""The verbs `release` and `drop`: what becomes of rows that are held because an expectation did not hold."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.errors import UsageError, near_names
from headrace.pipeline import load_pipeline
from headrace.settings import load_settings
from headrace.tables import source_tables

from .clean import cleaning_table, run_cleaning
from .options import Home, Lake, LockWait, PipelineFile, TopicPrefix
from .output import Result, step

SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="The source that is held.")]


def release(
    pipeline: PipelineFile, source: SourceName, home: Home = None, lake: Lake = None, lock_wait_s: LockWait = None
) -> Result:
    """Let through what is held of a source: the next clean places it as it is."""
    from headrace.holds import release_hold
    from headrace.source_lock import source_lock

    settings = load_settings({"home": home, "lake": lake, "lock_wait_s": lock_wait_s})
    declared = load_pipeline(pipeline)
    if source not in declared.sources:
        raise UsageError(f"there is no source named '{source}'. Did you mean: {near_names(source, declared.sources)}?")
    tables = source_tables(settings.lake, declared.pipeline, source, declared.definition(source))
    with source_lock(tables, wait_s=settings.lock_wait_s, purpose=f"release {source}"):
        hold = release_hold(tables.hold, source)
    failures = [str(failure) for failure in hold.failures]
    said = f"{hold.rows:,} records of {source} are released ({'; '.join(failures)}): the next clean places them."
    return Result({"source": source, "records": hold.rows, "failures": failures}, said)


def drop(
    pipeline: PipelineFile,
    source: SourceName,
    home: Home = None,
    lake: Lake = None,
    topic_prefix: TopicPrefix = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Refuse what is held of a source, by a Spark job: it goes to quarantine, events as dropped_by_hand."""
    settings = load_settings({"home": home, "lake": lake, "topic_prefix": topic_prefix, "lock_wait_s": lock_wait_s})
    with step("drop") as report:
        result = run_cleaning(settings, pipeline, "drop_held", [f"--source={source}"], report)
    return Result(result, cleaning_table(result))
