"""The verb `land`: from Kafka into the raw tables."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from headrace.errors import PositionLost, UsageError
from headrace.log_lines import LogFormat, log_to_stderr
from headrace.settings import Settings, load_settings

from .machine import brokers_of
from .options import (
    Brokers,
    Home,
    Lake,
    LockWait,
    LogLines,
    MaxBuffered,
    MetricsAddress,
    MetricsPort,
    TopicPrefix,
)
from .output import Report, Result, step, table

if TYPE_CHECKING:
    from headrace.ingestion import LandingResult, LandingSettings, Progress

log = logging.getLogger("headrace.land")

PipelineTopics = Annotated[Path | None, typer.Option("--pipeline", "-p", help="Land the topics of this pipeline file.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="Land this topic; may be repeated.")]
UntilEnd = Annotated[bool, typer.Option("--until-end", help="End when all that is in the topics now has landed.")]
Group = Annotated[str | None, typer.Option(help="Consumer group. (default: one of this lake)")]
Instance = Annotated[
    str | None, typer.Option(help="A name that this lander keeps over restarts: short ones then move no partitions.")
]
AcceptGap = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TOPIC:PARTITION",
        help="Go on behind records that the broker no longer has, and record that in the table; may be repeated.",
    ),
]


def land(
    pipeline: PipelineTopics = None,
    topics: Topics = None,
    until_end: UntilEnd = False,
    home: Home = None,
    brokers: Brokers = None,
    lake: Lake = None,
    topic_prefix: TopicPrefix = None,
    group: Group = None,
    instance: Instance = None,
    accept_gap: AcceptGap = None,
    lock_wait_s: LockWait = None,
    max_buffered_mib: MaxBuffered = None,
    metrics_port: MetricsPort = None,
    metrics_address: MetricsAddress = None,
    log_format: LogLines = None,
) -> Result:
    """Land Kafka records in the raw tables, exactly once, until the end of the topics or SIGTERM."""
    from headrace.lean_start import start_lean

    start_lean()
    flags = {
        "home": home,
        "brokers": brokers,
        "lake": lake,
        "topic_prefix": topic_prefix,
        "lock_wait_s": lock_wait_s,
        "max_buffered_mib": max_buffered_mib,
        "metrics_port": metrics_port,
        "metrics_address": metrics_address,
        "log_format": log_format,
    }
    settings = load_settings(flags)
    _start_logging(settings.log_format)
    names = _full_names(pipeline, topics, settings)
    with step("land") as report:
        landed = land_topics(
            names, settings, group, report, until_end=until_end, instance=instance, accept_gaps=accept_gap or ()
        )
    data: dict[str, Any] = {"rows": landed.rows, "commits": landed.commits, "seconds": round(landed.seconds, 3)}
    data["lost"] = [str(lost) for lost in landed.lost]
    data["accepted_gaps"] = [asdict(gap) for gap in landed.gaps]
    return Result(data, landed_table(landed), exit_code=PositionLost.exit_code if landed.lost else 0)


def land_topics(
    topics: list[str],
    settings: Settings,
    group: str | None,
    report: Report,
    *,
    until_end: bool,
    instance: str | None = None,
    accept_gaps: Collection[str] = (),
) -> LandingResult:
    """Lands the topics of these full names.

    Raises:
        UsageError: a gap to accept that is none.
        BrokerError: no broker, or no such topic.
        PositionLost: the broker no longer holds what a table asks for next; the other partitions were landed.
    """
    from headrace.ingestion import land as land_records
    from headrace.ingestion import stop_on_signals

    landing = _landing_settings(topics, settings, group, instance, accept_gaps)

    def tell(progress: Progress) -> None:
        if settings.log_format is LogFormat.JSON:
            log.info("%s", progress, extra={"fields": asdict(progress)})
        else:
            report(str(progress))

    with stop_on_signals() as stop:
        return land_records(topics, settings=landing, until_end=until_end, stop=stop, report=tell)


def _landing_settings(
    topics: list[str], settings: Settings, group: str | None, instance: str | None, accept_gaps: Collection[str]
) -> LandingSettings:
    from headrace.ingestion import LandingSettings, place_of

    named = [place_of(text) for text in accept_gaps]
    return LandingSettings(
        brokers=brokers_of(settings),
        lake=settings.lake,
        group=group or "",
        instance=instance,
        # A topic may be named as in the pipeline file, or in full, as the messages do.
        accept_gaps=frozenset((name if name in topics else settings.topic(name), number) for name, number in named),
        lock_wait_s=settings.lock_wait_s,
        durable=settings.durable,
        max_batch_bytes=settings.max_batch_bytes,
        max_buffered_bytes=settings.max_buffered_mib * 2**20,
        metrics_port=settings.metrics_port,
        metrics_address=settings.metrics_address,
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


def _start_logging(form: LogFormat) -> None:
    """Text is for a person, who sees the progress as well: warnings only. JSON is the whole story."""
    log_to_stderr(form, logging.INFO if form is LogFormat.JSON else logging.WARNING)
