"""The verb `audit`: proves that nothing was lost or doubled."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from headrace.errors import CheckFailed, ContractError, UsageError, near_names
from headrace.settings import Settings, load_settings
from headrace.tables import source_tables

from .options import Home, Lake, TopicPrefix
from .output import Report, Result, print_message, step, table

if TYPE_CHECKING:
    from headrace.audit import SourceBooks
    from headrace.journal import Journal
    from headrace.pipeline import Pipeline

Sources = Annotated[
    list[str] | None, typer.Argument(metavar="[SOURCE]…", help="Only these; all with a topic when absent.")
]
JournalPlace = Annotated[
    Path | None,
    typer.Option("--journal", help="The producer's journal, a replay's folder or lines of JSON: audits landing, too."),
]
PipelineOption = Annotated[
    Path | None, typer.Option("--pipeline", "-p", help="The pipeline file; without it raw alone is audited.")
]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", help="Without a pipeline file: only this topic of the journal.")
]
RawOnly = Annotated[bool, typer.Option("--raw-only", help="Only journal against raw; nothing has been cleaned yet.")]


def audit(
    sources: Sources = None,
    pipeline: PipelineOption = None,
    journal: JournalPlace = None,
    topics: Topics = None,
    raw_only: RawOnly = False,
    home: Home = None,
    lake: Lake = None,
    topic_prefix: TopicPrefix = None,
) -> Result:
    """Compare journal with raw, and raw with what cleaning made of it, by position; exit 3 on any difference."""
    from headrace.pipeline import load_pipeline

    if raw_only and journal is None:
        raise UsageError("--raw-only compares a journal with raw: name it with --journal")
    settings = load_settings({"home": home, "lake": lake, "topic_prefix": topic_prefix})
    with step("audit") as report:
        if pipeline is None:
            return audit_result(_audit_raw(sources, journal, topics, settings, report))
        if topics:
            raise UsageError("--topic is for an audit without a pipeline file. With one, name its sources")
        books = audit_sources(load_pipeline(pipeline), sources, journal, settings, report, raw_only=raw_only)
    return audit_result(books)


def _audit_raw(
    sources: list[str] | None, journal: Path | None, topics: list[str] | None, settings: Settings, report: Report
) -> list[SourceBooks]:
    """Audits the landing of topics by their full names: of those named, or of all in the journal."""
    from headrace.audit import SourceBooks
    from headrace.journal import open_journal
    from headrace.landing_audit import audit_landing

    if journal is None or sources:
        raise UsageError("name a pipeline file with --pipeline, or audit raw alone with --journal (and --topic)")
    with open_journal(journal) as opened:
        sent = opened.topics()
        if unknown := sorted(set(topics or ()) - set(sent)):
            near = near_names(unknown[0], sent)
            raise UsageError(f"the journal {journal} has no topic '{unknown[0]}'. Did you mean: {near}?")
        found = []
        for topic in topics or sorted(sent):
            report(topic)
            found.append(SourceBooks(topic, topic, audit_landing(opened, settings.lake, topic), None))
    return found


def audit_sources(
    pipeline: Pipeline,
    sources: list[str] | None,
    journal: Path | None,
    settings: Settings,
    report: Report,
    *,
    raw_only: bool = False,
) -> list[SourceBooks]:
    """Audits the named sources, or all that have a topic: landing where there is a journal, cleaning unless `raw_only`.

    Raises:
        UsageError: an unknown source, or one without a topic.
        ContractError: a table is missing, or the journal has records of a topic that is not audited.
    """
    from headrace.audit import SourceBooks, audit_cleaning
    from headrace.journal import open_journal
    from headrace.landing_audit import audit_landing

    topics = _topics(pipeline, sources, settings)
    found = []
    with nullcontext(None) if journal is None else open_journal(journal) as opened:
        if opened is not None and not sources:
            _refuse_unread_topics(opened, topics)
        for name, topic in topics.items():
            report(name)
            tables = source_tables(settings.lake, pipeline.pipeline, name, pipeline.definition(name))
            landing = audit_landing(opened, settings.lake, topic) if opened else None
            cleaning = None if raw_only else audit_cleaning(settings.lake, topic, name, tables)
            found.append(SourceBooks(name, topic, landing, cleaning))
    return found


def audit_result(books: Sequence[SourceBooks]) -> Result:
    """What an audit found: a line a source, and exit code 3 with some positions on stderr when anything is at fault."""
    for source in books:
        for gap in source.landing.gaps if source.landing else ():
            print_message(f"{source.topic}: not landed, as accepted: {gap}")
        if source.cleaning and source.cleaning.unfinished:
            print_message(
                f"{source.topic}: {source.cleaning.unfinished:,} records are placed and still called rejected: a "
                f"replay was interrupted, or runs. To finish it: headrace replay {source.source}"
            )
        for example in source.examples:
            print_message(f"{source.topic}: {example}")
    balances = not any(source.faults for source in books)
    data = {"balances": balances, "sources": {source.source: asdict(source) for source in books}}
    return Result(data, audit_table(books), exit_code=0 if balances else CheckFailed.exit_code)


def audit_table(books: Sequence[SourceBooks]) -> Table:
    """One line a topic."""
    return table(
        ["topic", "journal", "raw", "clean", "duplicates", "quarantine", "faults"],
        [(source.topic, *_counts(source), _in_words(source.faults)) for source in books],
    )


def _counts(source: SourceBooks) -> tuple[int | str, ...]:
    landing, cleaning = source.landing, source.cleaning
    raw = landing.raw if landing else cleaning.raw if cleaning else 0
    placed = (cleaning.clean, cleaning.duplicates, cleaning.quarantine) if cleaning else ("", "", "")
    return (landing.journal if landing else "", raw, *placed)


def _in_words(faults: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in faults.items()) or "none"


def _topics(pipeline: Pipeline, sources: list[str] | None, settings: Settings) -> dict[str, str]:
    known = {name: settings.topic(source.topic) for name, source in pipeline.sources.items() if source.topic}
    for name in sources or ():
        if name not in known:
            raise UsageError(
                f"there is no source with a topic named '{name}'. Did you mean: {near_names(name, known)}?"
            )
    return {name: known[name] for name in sources or known}


def _refuse_unread_topics(journal: Journal, topics: dict[str, str]) -> None:
    if unread := sorted(set(journal.topics()) - set(topics.values())):
        raise ContractError(
            f"the journal {journal.path} has records of topic '{unread[0]}', which no source of the pipeline file "
            "reads. Give the pipeline file and the --topic-prefix with which they were sent"
        )
