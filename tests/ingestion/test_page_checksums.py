"""Pages of data files carry checksums: a flipped bit is found by who asks, and read in silence by who does not."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from support.damaged_lake import flip
from support.kafka_records import record

from headrace.ingestion.data_file import write_data_file
from headrace.ingestion.raw_columns import raw_rows, record_columns


def test_a_flipped_bit_in_a_payload_is_told_by_the_checksum_of_its_page(tmp_path):
    value = bytes(range(256)) * 40
    rows = raw_rows([record_columns(0, [record(0, value)])], topic_id="ID", generation=0, landed_at_ms=0)
    file = write_data_file(tmp_path, rows)
    chunk = pq.ParquetFile(file.path).metadata.row_group(0).column(9)
    assert chunk.path_in_schema == "value"
    flip(file.path, (chunk.data_page_offset + chunk.total_compressed_size // 2) / file.size_bytes)
    assert pq.ParquetFile(file.path).read().num_rows == 1
    with pytest.raises(OSError, match="CRC checksum verification failed"):
        pq.ParquetFile(file.path, page_checksum_verification=True).read()
