"""The verb `land`: from Kafka into the raw tables."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from headrace.errors import PositionLost, UsageError
from headrace.settings import Settings, load_settings

from .machine import brokers_of
from .options import Brokers, Home, Lake, LockWait, TopicPrefix
from .output import Report, Result, step, table

if TYPE_CHECKING:
    from headrace.ingestion import LandingResult

PipelineTopics = Annotated[Path | None, typer.Option("--pipeline", "-p", help="Land the topics of this pipeline file.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="Land this topic; may be repeated.")]
UntilEnd = Annotated[bool, typer.Option("--until-end", help="End when all that is in the topics now has landed.")]
Group = Annotated[str | None, typer.Option(help="Consumer group. (default: one of this lake)")]


def land(
    pipeline: PipelineTopics = None,
    topics: Topics = None,
    until_end: UntilEnd = False,
    home: Home = None,
    brokers: Brokers = None,
    lake: Lake = None,
    topic_prefix: TopicPrefix = None,
    group: Group = None,
    lock_wait_s: LockWait = None,
) -> Result:
    """Land Kafka records in the raw tables, exactly once, until the end of the topics or SIGTERM."""
    flags = {"home": home, "brokers": brokers, "lake": lake, "topic_prefix": topic_prefix, "lock_wait_s": lock_wait_s}
    settings = load_settings(flags)
    _log_warnings()
    with step("land") as report:
        landed = land_topics(_full_names(pipeline, topics, settings), settings, group, report, until_end=until_end)
    data: dict[str, Any] = {"rows": landed.rows, "commits": landed.commits, "seconds": round(landed.seconds, 3)}
    data["lost"] = [str(lost) for lost in landed.lost]
    return Result(data, landed_table(landed), exit_code=PositionLost.exit_code if landed.lost else 0)


def land_topics(
    topics: list[str], settings: Settings, group: str | None, report: Report, *, until_end: bool
) -> LandingResult:
    """Lands the topics of these full names.

    Raises:
        BrokerError: no broker, or no such topic.
        PositionLost: the broker no longer holds what a table asks for next; the other partitions were landed.
    """
    from headrace.ingestion import LandingSettings, stop_on_signals
    from headrace.ingestion import land as land_records

    landing = LandingSettings(
        brokers=brokers_of(settings),
        lake=settings.lake,
        group=group or "",
        lock_wait_s=settings.lock_wait_s,
        durable=settings.durable,
        max_batch_bytes=settings.max_batch_bytes,
    )
    with stop_on_signals() as stop:
        return land_records(
            topics, settings=landing, until_end=until_end, stop=stop, report=lambda progress: report(str(progress))
        )


def landed_table(landed: LandingResult) -> Table:
    """The rows that were landed, a line a topic."""
    return table(["topic", "rows landed"], sorted(landed.rows.items()))


def _full_names(pipeline: Path | None, topics: list[str] | None, settings: Settings) -> list[str]:
    if pipeline is None and not topics:
        raise UsageError("which topics? Name a pipeline file with --pipeline, or topics with --topic")
    names = list(topics or ())
    if pipeline is not None:
        from headrace.pipeline import load_pipeline

        names += [source.topic for source in load_pipeline(pipeline).sources.values() if source.topic]
    return [settings.topic(name) for name in dict.fromkeys(names)]


def _log_warnings() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(message)s")
