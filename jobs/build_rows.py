"""spark-submit entry: builds the rows of training sets, with their labels, from clean tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from headrace.errors import HeadraceError, UsageError, near_names
from headrace.jobs.report import Report
from headrace.jobs.session import open_session
from headrace.jobs.training_rows import RowsBuilder
from headrace.pipeline import Pipeline, load_pipeline
from headrace.pipeline.definition import training_set_definition
from headrace.settings import Settings, load_settings
from headrace.tables import rows_table, source_tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the job and gives its exit code: 0 done, 1 failed, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    report = Report(json_lines=options.json_lines)
    try:
        report.result({"training_sets": _build(options, report)})
    except HeadraceError as err:
        report.error(str(err))
        return err.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="build_rows.py", description="Builds the rows of training sets: keys, instant, label and extra columns."
    )
    parser.add_argument("--pipeline", type=Path, required=True, metavar="FILE", help="the pipeline file")
    parser.add_argument(
        "--training-set", action="append", default=[], metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument("--lake", type=Path, metavar="DIR", help="root folder of the Delta tables")
    parser.add_argument("--lock-wait-s", type=float, metavar="S", help="how long to wait for another writer")
    parser.add_argument("--json-lines", action="store_true", help="say progress and result as JSON lines on stdout")
    return parser


def _build(options: argparse.Namespace, report: Report) -> dict[str, Any]:
    settings = load_settings({"lake": options.lake, "lock_wait_s": options.lock_wait_s})
    pipeline = load_pipeline(options.pipeline)
    names = [_checked(name, pipeline) for name in dict.fromkeys(options.training_set or pipeline.training_sets)]
    report.progress("spark", "starting")
    spark = open_session("headrace build rows")
    counts = {}
    for name in names:
        with report.watching(spark, name, "building rows"):
            builder = _builder(spark, pipeline, name, settings)
            counts[name] = asdict(builder.build(lock_wait_s=settings.lock_wait_s))
    return counts


def _builder(spark: SparkSession, pipeline: Pipeline, name: str, settings: Settings) -> RowsBuilder:
    sources = {pipeline.training_sets[name].rows.source, pipeline.training_sets[name].label.source}
    clean = {
        source: source_tables(settings.lake, pipeline.pipeline, source, pipeline.definition(source)).clean
        for source in sources
    }
    table = rows_table(settings.lake, pipeline.pipeline, name, training_set_definition(pipeline, name))
    return RowsBuilder(spark, pipeline, name, clean=clean, table=table)


def _checked(name: str, pipeline: Pipeline) -> str:
    if name not in pipeline.training_sets:
        raise UsageError(
            f"there is no training set named '{name}'. Did you mean: {near_names(name, pipeline.training_sets)}?"
        )
    return name


if __name__ == "__main__":
    sys.exit(main())
