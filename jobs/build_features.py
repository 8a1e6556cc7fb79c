"""spark-submit entry: builds feature groups up to an instant, one after another in one Spark session, and ends."""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from headrace.errors import HeadraceError
from headrace.features.spec import GroupSpec, group_spec
from headrace.jobs.arguments import instant_us
from headrace.jobs.feature_table import FeatureBuilder
from headrace.jobs.report import Report
from headrace.jobs.session import open_session
from headrace.pipeline import Pipeline, load_pipeline
from headrace.settings import Settings, load_settings
from headrace.tables import group_tables, source_tables

OnStep = Callable[[str], None]


def main(arguments: Sequence[str] | None = None, on_step: OnStep = lambda step: None) -> int:
    """Runs the job and gives its exit code: 0 done, 1 failed, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    report = Report(json_lines=options.json_lines)
    try:
        report.result({"groups": _build(options, report, on_step)})
    except HeadraceError as err:
        report.error(str(err))
        return err.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="build_features.py", description="Builds feature groups from clean rows, up to an instant."
    )
    parser.add_argument("--pipeline", type=Path, required=True, metavar="FILE", help="the pipeline file")
    parser.add_argument(
        "--group", action="append", default=[], metavar="NAME", help="only this feature group; may be repeated"
    )
    parser.add_argument(
        "--until", type=instant_us, metavar="TIME", help="the instant up to which rows are built (default: now)"
    )
    parser.add_argument("--lake", type=Path, metavar="DIR", help="root folder of the Delta tables")
    parser.add_argument("--lock-wait-s", type=float, metavar="S", help="how long to wait for another writer")
    parser.add_argument("--json-lines", action="store_true", help="say progress and result as JSON lines on stdout")
    return parser


def _build(options: argparse.Namespace, report: Report, on_step: OnStep) -> dict[str, Any]:
    settings = load_settings({"lake": options.lake, "lock_wait_s": options.lock_wait_s})
    pipeline = load_pipeline(options.pipeline)
    specs = [_checked(pipeline, name) for name in dict.fromkeys(options.group or pipeline.features)]
    until_us = settings.now_us() if options.until is None else options.until
    report.progress("spark", "starting")
    spark = open_session("headrace build")
    application = f"headrace/build/{uuid.uuid4()}"
    builder = FeatureBuilder(spark, application=application, lock_wait_s=settings.lock_wait_s, on_step=on_step)
    built = {}
    for spec in specs:
        with report.watching(spark, spec.name, "building"):
            built[spec.name] = asdict(_build_group(builder, pipeline, spec, settings, until_us))
    return built


def _build_group(
    builder: FeatureBuilder, pipeline: Pipeline, spec: GroupSpec, settings: Settings, until_us: int
) -> Any:
    tables = group_tables(settings.lake, pipeline.pipeline, spec.name, spec.definition)
    definition = pipeline.definition(spec.source.name)
    source = source_tables(settings.lake, pipeline.pipeline, spec.source.name, definition)
    return builder.build(spec, tables, source, until_us)


def _checked(pipeline: Pipeline, name: str) -> GroupSpec:
    return group_spec(pipeline, name)


if __name__ == "__main__":
    sys.exit(main())
