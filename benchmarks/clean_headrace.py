"""Cleaning by headrace's own job, in a session that is open: python benchmarks/clean_headrace.py RAW LAKE [MEMORY]."""

from __future__ import annotations

import sys
from pathlib import Path

from clean_turn import open_spark, take_turn

from headrace.jobs.cleaning import SourceCleaner
from headrace.pipeline import load_pipeline
from headrace.tables import source_tables

PIPELINE_FILE = Path(__file__).with_name("clean_pipeline.yaml")


def main() -> None:
    raw, lake, *memory = sys.argv[1:]
    pipeline = load_pipeline(PIPELINE_FILE)
    (source,) = pipeline.sources.values()
    tables = source_tables(Path(lake), pipeline.pipeline, source.name, pipeline.definition(source.name))
    spark, jvm = open_spark(raw, *memory)

    def clean() -> None:
        cleaner = SourceCleaner(
            spark, source, raw=Path(raw), tables=tables, application="headrace/clean/benchmark", lock_wait_s=10.0
        )
        cleaner.clean_all()

    take_turn(clean, [jvm])
    spark.stop()


if __name__ == "__main__":
    main()
