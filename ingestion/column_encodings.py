"""Which payload columns of a data file get a dictionary: those whose values repeat, by a running estimate.

A dictionary of unique payloads costs twice the CPU of writing them plainly, and saves nothing; of a key that repeats it
makes the column small. What a topic holds shows only in its records, and may change.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

ESTIMATED = ("key", "value")
SAMPLE_ROWS = 1_000
SAMPLE_EVERY = 16  # commits: a look takes a tenth of the time of a commit of a thousand rows
WEIGHT = 0.25  # of the newest look
REPEATING = 0.2  # distinct values a row, up to which a dictionary pays


class ColumnEncodings:
    """The running estimate of one table, over the commits of one lander."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._commits = 0

    def observe(self, rows: pa.Table) -> None:
        """Looks at the rows of a commit, if it is its turn."""
        if self._commits % SAMPLE_EVERY == 0 and rows.num_rows:
            for name in ESTIMATED:
                share = _distinct_share(rows.column(name).slice(0, SAMPLE_ROWS))
                before = self._shares.get(name, share)
                self._shares[name] = before + WEIGHT * (share - before)
        self._commits += 1

    def dictionary(self) -> list[str]:
        """The columns to give a dictionary."""
        return [name for name in ESTIMATED if self._shares.get(name, 1.0) <= REPEATING]


def _distinct_share(column: pa.ChunkedArray) -> float:
    return float(pc.count_distinct(column, mode="all").as_py()) / len(column)
