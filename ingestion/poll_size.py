"""How many records the next poll asks for: large turns cost less, and what a turn holds in memory is to be bounded."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

FIRST_RECORDS = 20_000


class PollSize:
    """As many records as took `most_bytes` of memory in the poll before, and at most `most_records`.

    Records can be much larger than what was received of them, which the broker bounds: they may come compressed.
    """

    def __init__(self, most_records: int, most_bytes: int) -> None:
        self._most_records, self._most_bytes = most_records, most_bytes
        self.records = min(FIRST_RECORDS, most_records)

    def observe(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Looks at what a poll gave."""
        rows = size_bytes = 0
        for batch in batches:
            rows += batch.num_rows
            size_bytes += batch.nbytes
        if rows:
            self.records = max(1, min(self._most_records, self._most_bytes * rows // size_bytes))
