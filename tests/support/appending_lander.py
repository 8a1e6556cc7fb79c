"""A process that lands one partition, commit by commit, with no broker: run as a script with one JSON argument."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from headrace.ingestion.landing import Landing, Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable

from .damaged_lake import TOPIC, value
from .kafka_records import record

WAIT_S = 120.0


def main(lake: str, partition: int, commits: int, rows: int, half_way: str) -> None:
    """Lands `commits` times `rows` records; a conflict with anyone ends it with an error.

    Half-way it waits until the file `half_way` exists, so that whoever works beside it has had a turn before the rest.
    """
    landing = Landing(RawTable.of(Path(lake), TOPIC, "cluster"), "ID", lock_wait_s=60.0)
    (before,) = landing.positions([partition]).values()
    for number in range(commits):
        if number == commits // 2:
            wait_for(Path(half_way))
        first = number * rows
        records = [record(o, value(partition, o), partition=partition) for o in range(first, first + rows)]
        move = Move(before, first + rows)
        landing.commit([record_columns(partition, records)], {partition: move}, lock_wait_s=60.0)
        before = first + rows


def wait_for(file: Path) -> None:
    """Returns once the file exists."""
    until = time.monotonic() + WAIT_S
    while not file.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"{file} was not there within {WAIT_S:g} s")
        time.sleep(0.01)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
