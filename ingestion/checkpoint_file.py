"""The transaction versions that a checkpoint of a Delta log holds, read from its file without anything else in it.

deltalake goes through the whole checkpoint again for each application id that it is asked for: a second each, where the
table has some hundred thousand files. Here one column is read, once.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

COLUMN = "txn"


def transactions_in(checkpoint: Path) -> dict[str, int]:
    """The version of each application id, of a checkpoint of one file.

    Raises:
        OSError, ValueError, KeyError: there is none, or it is not to be understood.
    """
    with pq.ParquetFile(checkpoint) as file:
        column = file.read(columns=[f"{COLUMN}.appId", f"{COLUMN}.version"]).column(COLUMN)
    found = pa.chunked_array([chunk.drop_null() for chunk in column.chunks], column.type)
    return {each["appId"]: int(each["version"]) for each in found.to_pylist() if each["appId"] is not None}
