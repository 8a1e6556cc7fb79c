"""The verb `checks show`: what came of expectations and of drift when they were last looked at."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from headrace.check_results import CheckResult, found_text
from headrace.errors import UsageError, near_names
from headrace.log_lines import printable
from headrace.pipeline.times import iso
from headrace.settings import Settings, load_settings
from headrace.tables import source_tables

from .options import Home, Lake, PipelineFile
from .output import Result, print_message, table

if TYPE_CHECKING:
    from headrace.checks import SourceChecks
    from headrace.pipeline import Pipeline

DID_NOT_HOLD = 3

Sources = Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]…", help="Only these sources; all when absent.")]


def show(pipeline: PipelineFile, sources: Sources = None, home: Home = None, lake: Lake = None) -> Result:
    """Show the newest outcome of each check; exit code 3 where one does not hold, or something is held."""
    from headrace.pipeline import load_pipeline

    settings = load_settings({"home": home, "lake": lake})
    found = _newest(load_pipeline(pipeline), sources, settings)
    failed = {name: checks.failed for name, checks in found.items()}
    held = [name for name, checks in found.items() if checks.held]
    for name in held:
        print_message(f"{name} is held: headrace release -p {pipeline} {name}, or headrace drop -p {pipeline} {name}")
    data = {
        name: {"held": checks.held, "checks": list(map(_as_data, checks.results))} for name, checks in found.items()
    }
    code = DID_NOT_HOLD if held or any(failed.values()) else 0
    return Result({"sources": data, "failed": failed}, checks_table(found), code)


def checks_table(found: dict[str, SourceChecks]) -> Table:
    """A line a check, those of a source together."""
    return table(
        ["source", "check", "of", "outcome", "found", "expected", "records", "at"],
        [
            (
                printable(name),
                printable(each.expectation),
                each.check,
                each.outcome,
                found_text(each.check, each.found),
                printable(each.expected),
                each.records,
                iso(each.created_at_us),
            )
            for name, checks in found.items()
            for each in checks.results
        ],
    )


def _as_data(result: CheckResult) -> dict[str, Any]:
    said = asdict(result)
    return {"at": iso(said.pop("created_at_us")), **said}


def _newest(pipeline: Pipeline, sources: list[str] | None, settings: Settings) -> dict[str, SourceChecks]:
    from headrace.checks import declared_checks, newest_checks

    found = {}
    for name in sources or pipeline.sources:
        if name not in pipeline.sources:
            raise UsageError(f"there is no source named '{name}'. Did you mean: {near_names(name, pipeline.sources)}?")
        source = pipeline.sources[name]
        tables = source_tables(settings.lake, pipeline.pipeline, name, pipeline.definition(name))
        if not declared_checks(source):
            if sources:
                raise UsageError(
                    f"source '{name}' has no expectation that warns or holds, and no drift. "
                    "Declare what is expected of it: expect, or drift"
                )
            continue
        if not sources and not tables.checks.exists():
            print_message(f"{name}: nothing has been checked yet")
            continue
        found[name] = newest_checks(tables, source)
    return found
