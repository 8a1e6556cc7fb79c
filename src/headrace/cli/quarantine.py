"""The verb `quarantine show`: what stands as rejected, why, and what it looks like."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from headrace.errors import UsageError, near_names
from headrace.log_lines import printable
from headrace.settings import Settings, load_settings
from headrace.tables import REASONS, source_tables

from .options import Home, Lake, PipelineFile
from .output import Result, print_message, table

if TYPE_CHECKING:
    from headrace.pipeline import Pipeline
    from headrace.quarantine import QuarantineSummary

SHOWN_CHARACTERS = 60  # of an example in the table for people

Sources = Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]…", help="Only these sources; all when absent.")]
Reasons = Annotated[
    list[str] | None, typer.Option("--reason", metavar="REASON", help="Only what is rejected for it; may be repeated.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Show at most N groups of each source.")]


def show(
    pipeline: PipelineFile,
    sources: Sources = None,
    reasons: Reasons = None,
    limit: Limit = 20,
    home: Home = None,
    lake: Lake = None,
) -> Result:
    """Group what stands as rejected by reason and detail, with counts, times of arrival and examples."""
    from headrace.pipeline import load_pipeline

    check_reasons(reasons)
    settings = load_settings({"home": home, "lake": lake})
    found = _summaries(load_pipeline(pipeline), sources, reasons or [], limit, settings)
    for name, summary in found.items():
        if summary.more_groups:
            print_message(f"{name}: {summary.more_groups:,} smaller groups are not shown. --limit shows more of them")
    return Result({"sources": {name: asdict(summary) for name, summary in found.items()}}, quarantine_table(found))


def check_reasons(reasons: list[str] | None) -> None:
    """Refuses what is no reason.

    Raises:
        UsageError: names the reasons that are near.
    """
    for reason in reasons or ():
        if reason not in REASONS:
            raise UsageError(f"nothing is rejected for '{reason}'. Did you mean: {near_names(reason, REASONS)}?")


def quarantine_table(found: dict[str, QuarantineSummary]) -> Table:
    """A line a group, with the newest of its records."""
    return table(
        ["source", "reason", "detail", "records", "first arrived", "last arrived", "newest", "value"],
        [
            (
                printable(name),
                group.reason,
                printable(group.detail),
                group.records,
                *(f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (group.first_arrived_at, group.last_arrived_at)),
                *_newest(group.examples),
            )
            for name, summary in found.items()
            for group in summary.groups
        ],
    )


def _newest(examples: Any) -> tuple[str, str]:
    """Place and value of the first example."""
    if not examples:
        return "", ""
    newest = examples[0]
    value = "(null)" if newest.value is None else newest.value
    cut = value if len(value) <= SHOWN_CHARACTERS else value[: SHOWN_CHARACTERS - 1] + "…"
    return f"{newest.partition}/{newest.offset}", cut


def _summaries(
    pipeline: Pipeline, sources: list[str] | None, reasons: list[str], limit: int, settings: Settings
) -> dict[str, QuarantineSummary]:
    from headrace.quarantine import summarize_quarantine

    found = {}
    for name in sources or pipeline.sources:
        if name not in pipeline.sources:
            raise UsageError(f"there is no source named '{name}'. Did you mean: {near_names(name, pipeline.sources)}?")
        tables = source_tables(settings.lake, pipeline.pipeline, name, pipeline.definition(name))
        if not sources and not tables.quarantine.exists():
            print_message(f"{name}: nothing has been cleaned yet")
            continue
        found[name] = summarize_quarantine(tables, reasons, limit=limit)
    return found
