"""Compiles what landing compiles, so that no lander waits for it: `python -m headrace.ingestion.compilation`.

Set-up does it once; after a change of the source the first lander does it again, in some ten seconds.
"""

from __future__ import annotations

from .columnar import ColumnarPartitionRecords
from .columnar_trial import try_columns, try_frames
from .encoded_rows import PayloadEncoding
from .raw_columns import raw_rows, record_columns
from .raw_parquet import raw_parquet

MOST_BYTES = 2**20
VALUES = (b"one", None, b"another", b"one")


def main() -> None:
    """Reads a made answer of a broker, and writes a made commit in memory."""
    try_columns(type("Reader", (ColumnarPartitionRecords,), {"max_batch_bytes": MOST_BYTES}))
    try_frames()
    records = [
        ("topic", 0, 0, offset, offset, 0, b"key", value, [("name", b"")]) for offset, value in enumerate(VALUES)
    ]
    rows = raw_rows([record_columns(0, records)], topic_id="compilation", generation=0, landed_at_ms=0)
    raw_parquet(rows, {"value": PayloadEncoding(has_dictionary=True)})


if __name__ == "__main__":
    main()
