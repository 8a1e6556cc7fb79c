"""How the payload columns of a data file are written: by a running estimate of what a topic holds.

A dictionary of unique payloads costs twice the CPU of writing them plainly, and saves nothing; of a key that repeats it
makes the column small. A small table of zstd is faster where it finds as much as a large one, and worse in all respects
where it does not. What a topic holds shows only in its records, and may change.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from .byte_strings import ByteStrings
from .encoded_rows import PLAINLY, PayloadEncoding
from .page_compression import ZstdTable, compressed_bytes

ESTIMATED = ("key", "value")
SAMPLE_ROWS = 1_000  # whose distinct values are counted
SAMPLE_EVERY = 16  # commits: a look takes a tenth of the time of a commit of a thousand rows
COMPARED_BYTES = 2**20  # that are compressed with both tables; of fewer both take the same
COMPARED_EVERY = 64  # commits: it takes a third of the time of a commit of 20,000 rows
WEIGHT = 0.25  # of the newest look at distinct values
REPEATING = 0.2  # distinct values a row, up to which a dictionary pays
WORTH = 1.2  # times the bytes, up to which the small table pays


class ColumnEncodings:
    """The estimate for one table, over the commits of one lander."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._payload = dict.fromkeys(ESTIMATED, PLAINLY)
        self._compare_from = dict.fromkeys(ESTIMATED, 0)  # which commit on
        self._commits = 0

    def observe(self, rows: pa.Table) -> None:
        """Looks at the rows of a commit, if it is its turn."""
        if rows.num_rows:
            for name in ESTIMATED:
                if self._commits % SAMPLE_EVERY == 0:
                    self._estimate(name, rows.column(name))
                if self._commits >= self._compare_from[name] and not self._payload[name].has_dictionary:
                    self._compare(name, rows.column(name))
        self._commits += 1

    def payload(self) -> dict[str, PayloadEncoding]:
        """By the names of the columns."""
        return dict(self._payload)

    def _estimate(self, name: str, column: pa.ChunkedArray) -> None:
        share = _distinct_share(column.slice(0, SAMPLE_ROWS))
        before = self._shares.get(name, share)
        self._shares[name] = before + WEIGHT * (share - before)
        self._payload[name] = replace(self._payload[name], has_dictionary=self._shares[name] <= REPEATING)

    def _compare(self, name: str, column: pa.ChunkedArray) -> None:
        if column.nbytes < COMPARED_BYTES:
            return
        sample = b"".join(ByteStrings(column).cut(0, COMPARED_BYTES))
        small, large = (compressed_bytes(sample, table) for table in (ZstdTable.SMALL, ZstdTable.LARGE))
        chosen = ZstdTable.SMALL if small <= large * WORTH else ZstdTable.LARGE
        self._payload[name] = replace(self._payload[name], table=chosen)
        self._compare_from[name] = self._commits + COMPARED_EVERY


def _distinct_share(column: pa.ChunkedArray) -> float:
    return float(pc.count_distinct(column, mode="all").as_py()) / len(column)
