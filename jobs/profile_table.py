"""spark-submit entry: profiles a table, writes the profile as JSON and as a page, and ends."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from headrace.errors import HeadraceError, MachineError, UsageError
from headrace.jobs.arguments import instant_us
from headrace.jobs.check_history import checks_beside, newest_results
from headrace.jobs.profiled_columns import columns_of, named
from headrace.jobs.profiler import Profiler
from headrace.jobs.report import Report
from headrace.jobs.session import open_session
from headrace.jobs.time_volume import instant_text
from headrace.profile.check_history import history_of
from headrace.profile.page import page
from headrace.profile.report import Profile, Subject
from headrace.profile.target import Target, choose_columns, find_target
from headrace.settings import load_settings

CLEAN = "clean"  # the kind of table whose source has checks


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the job and gives its exit code: 0 done, 1 failed, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    report = Report(json_lines=options.json_lines)
    try:
        report.result({"profiles": _profile(options, report)})
    except HeadraceError as err:
        report.error(str(err))
        return err.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="profile_table.py", description="Profiles a Delta table: JSON and a page.")
    parser.add_argument(
        "table", metavar="TABLE", help="a table of the lake by its name, or the folder of a Delta table"
    )
    parser.add_argument("--from", dest="since", type=instant_us, metavar="TIME", help="only rows at or after TIME")
    parser.add_argument("--to", dest="until", type=instant_us, metavar="TIME", help="only rows before TIME")
    parser.add_argument("--time", metavar="COLUMN", help="the column of time (default: event_at, or the first one)")
    parser.add_argument(
        "--key", action="append", default=[], metavar="COLUMN", help="of the key of an entity; repeated"
    )
    parser.add_argument("--label", metavar="COLUMN", help="what is to be predicted")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the profile is written (default: HOME/profiles)")
    parser.add_argument("--lake", type=Path, metavar="DIR", help="root folder of the Delta tables")
    parser.add_argument("--json-lines", action="store_true", help="say progress and result as JSON lines on stdout")
    return parser


def _profile(options: argparse.Namespace, report: Report) -> dict[str, Any]:
    settings = load_settings({"lake": options.lake})
    if options.since is not None and options.until is not None and options.until <= options.since:
        raise UsageError("--to must be after --from: the interval is half open, so it would hold no row")
    if importlib.util.find_spec("vl_convert") is None:
        raise MachineError(
            "the package that draws charts is not installed. Install it with: pip install 'headrace[profile]'"
        )
    target = find_target(options.table, settings.lake)
    report.progress("spark", "starting")
    spark = open_session("headrace profile")
    (newest,) = DeltaTable.forPath(spark, str(target.folder)).history(1).select("version").collect()
    table = spark.read.format("delta").option("versionAsOf", newest["version"]).load(str(target.folder))
    profiler = profiler_of(table, target, newest["version"], options)
    profiler.on_pass = partial(report.progress, target.name)
    if target.kind == CLEAN:
        profiler.checks = history_of(newest_results(spark, checks_beside(target.folder)))
    with report.watching(spark, target.name, "profiling"):
        found = profiler.profile()
    report.progress(target.name, "drawing")
    return {target.name: _written(found, target, options.out or settings.home / "profiles")}


def profiler_of(table: DataFrame, target: Target, version: int, options: argparse.Namespace) -> Profiler:
    """The profiler of the rows that `options` ask for.

    Raises:
        UsageError: a column that was asked for is not there, or is of the wrong kind.
    """
    asked = {"time": options.time, "keys": options.key, "label": options.label}
    interval = options.since is not None or options.until is not None
    kinds = {column.name: column.kind for column in columns_of(table)}
    choice = choose_columns(target, kinds, **asked, interval=interval)
    bounds = {"since": options.since, "until": options.until}
    said = {end: None if at is None else instant_text(at) for end, at in bounds.items()}
    subject = Subject(table=target.name, version=version, label=choice.label, **said)
    if interval:
        at = F.unix_micros(named(str(choice.time)).cast("timestamp"))
        table = table.where(at >= options.since) if options.since is not None else table
        table = table.where(at < options.until) if options.until is not None else table
    return Profiler(table, subject, choice.time, choice.keys)


def _written(found: Profile, target: Target, folder: Path) -> dict[str, Any]:
    """Writes JSON and page; gives what a person wants to know of them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {ending: folder / f"{target.file_name}.{ending}" for ending in ("json", "html")}
    found.write(files["json"])
    files["html"].write_text(page(found), "utf-8")
    return {
        "version": found.subject.version,
        "rows": found.rows,
        "columns": len(found.columns),
        "passes": found.passes,
        "seconds": found.seconds,
        "findings": [finding.text for finding in found.findings],
        **{ending: str(path) for ending, path in files.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
