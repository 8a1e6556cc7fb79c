"""The verb `profile`: what a table holds, as JSON and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.markup import escape
from rich.padding import Padding

from headrace.errors import UsageError
from headrace.pipeline.times import INSTANT_HINT, instant_us
from headrace.profile.target import find_target
from headrace.settings import load_settings

from .options import Home, Lake
from .output import Result, step
from .spark_job import SparkJob

SHOWN_FINDINGS = 12

Table = Annotated[
    str, typer.Argument(metavar="TABLE", help="A table of the lake by its name, or a Delta table's folder.")
]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only rows at or after TIME (UTC).")]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only rows before TIME (UTC).")]
Time = Annotated[
    str | None, typer.Option("--time", metavar="COLUMN", help="The column of time. (default: event_at, or the first)")
]
Keys = Annotated[
    list[str] | None, typer.Option("--key", metavar="COLUMN", help="A column of the entity's key; may be repeated.")
]
Label = Annotated[
    str | None,
    typer.Option("--label", metavar="COLUMN", help="What is to be predicted: what missing values say of it."),
]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where it is written. (default: HOME/profiles)")]


def profile(
    table: Table,
    since: From = None,
    until: To = None,
    label: Label = None,
    time: Time = None,
    keys: Keys = None,
    out: Out = None,
    home: Home = None,
    lake: Lake = None,
) -> Result:
    """Profile a table by a Spark job: statistics, missing values, outliers, correlations, findings in words; a page."""
    _check_interval(since, until)
    settings = load_settings({"home": home, "lake": lake})
    target = find_target(table, settings.lake)
    named = {"from": since, "to": until, "label": label, "time": time, "lake": settings.lake}
    named["out"] = (out or settings.home / "profiles").absolute()
    options = [f"--{name}={value}" for name, value in named.items() if value is not None]
    options += [f"--key={key}" for key in keys or ()]
    from headrace.infra.local.jars import ensure_jars
    from headrace.infra.local.java import find_java

    find_java()
    with step("profile") as report:
        jars = ensure_jars("spark", settings.cache, report)
        words = ["--json-lines", *options, "--", str(target.folder)]
        result = SparkJob("headrace.jobs.profile_table", words, settings, jars).run(report)
    ((name, found),) = result["profiles"].items()
    return Result({"table": name, **found}, _shown(name, found))


def _check_interval(since: str | None, until: str | None) -> None:
    ends_us = {}
    for option, text in (("--from", since), ("--to", until)):
        try:
            ends_us[option] = None if text is None else instant_us(text)
        except ValueError as err:
            raise UsageError(f"{option}: '{text}' is no time. {INSTANT_HINT}") from err
    if ends_us["--from"] is not None and ends_us["--to"] is not None and ends_us["--to"] <= ends_us["--from"]:
        raise UsageError(
            f"--to {until} is not after --from {since}: the interval is half open, so it would hold no row"
        )


def _shown(name: str, found: dict[str, Any]) -> Group:
    findings = found["findings"]
    more = [f"… and {len(findings) - SHOWN_FINDINGS} more on the page"] if len(findings) > SHOWN_FINDINGS else []
    lines = [Padding(escape(f"- {text}"), (0, 0, 0, 2)) for text in [*findings[:SHOWN_FINDINGS], *more]]
    head = f"{name}, version {found['version']}: {found['rows']:,} rows, {found['columns']} columns"
    return Group(escape(head), *lines, escape(f"page: {found['html']}"), escape(f"JSON: {found['json']}"))
