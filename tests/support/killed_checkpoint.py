"""A lander that commits until it makes a checkpoint, and dies a moment later: `LAKE AFTER_S`."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from headrace.ingestion import steps
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable

from .kafka_records import record

COMMITS = 1_000  # more than come before a checkpoint


def main(lake: Path, after_s: float) -> None:
    def on_step(step: str) -> None:
        if step == steps.DURING_CHECKPOINT:
            time.sleep(after_s)
            os.kill(os.getpid(), signal.SIGKILL)

    landing = Landing(RawTable.of(lake, "t", "cluster"), "ID", on_step=on_step)
    (landed,) = landing.positions([0]).values()
    for offset in range(landed or 0, (landed or 0) + COMMITS):
        landing.commit([record_columns(0, [record(offset)])], {0: Move(offset or None, offset + 1)}, lock_wait_s=5.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
