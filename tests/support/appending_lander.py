"""A process that lands one partition, commit by commit, with no broker: run as a script with one JSON argument."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from headrace.ingestion.landing import Landing, Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable

from .damaged_lake import TOPIC, value
from .kafka_records import record


def main(lake: str, partition: int, commits: int, rows: int) -> None:
    """Lands `commits` times `rows` records; a conflict with anyone ends it with an error."""
    landing = Landing(RawTable.of(Path(lake), TOPIC, "cluster"), "ID", lock_wait_s=60.0)
    (before,) = landing.positions([partition]).values()
    for number in range(commits):
        first = number * rows
        records = [record(o, value(partition, o), partition=partition) for o in range(first, first + rows)]
        move = Move(before, first + rows)
        landing.commit([record_columns(partition, records)], {partition: move}, lock_wait_s=60.0)
        before = first + rows


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
