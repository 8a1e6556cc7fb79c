from __future__ import annotations

import pyarrow.parquet as pq
from support.kafka_records import record

from headrace.ingestion.column_encodings import SAMPLE_EVERY, ColumnEncodings
from headrace.ingestion.data_file import write_data_file
from headrace.ingestion.raw_columns import raw_rows, record_columns


def rows(*records):
    return raw_rows([record_columns(0, records)], topic_id="ID", generation=0, landed_at_ms=0)


def unique(count=100):
    return rows(*[record(offset, b"%d" % offset, key=b"k%d" % offset) for offset in range(count)])


def repeating(count=100):
    return rows(*[record(offset, b"%d" % (offset % 3), key=b"k") for offset in range(count)])


def estimated(encodings):
    return {"key", "value"} & set(encodings.dictionary())


def test_before_anything_was_seen_no_payload_gets_a_dictionary():
    assert estimated(ColumnEncodings()) == set()


def test_unique_payloads_never_get_a_dictionary_and_repeating_ones_do():
    encodings = ColumnEncodings()
    encodings.observe(unique())
    assert estimated(encodings) == set()
    encodings = ColumnEncodings()
    encodings.observe(repeating())
    assert estimated(encodings) == {"key", "value"}


def test_each_column_is_judged_by_itself():
    encodings = ColumnEncodings()
    encodings.observe(rows(*[record(offset, b"%d" % offset, key=b"JFK") for offset in range(100)]))
    assert estimated(encodings) == {"key"}


def test_a_topic_whose_payloads_change_is_noticed_after_some_looks_and_not_by_one():
    encodings = ColumnEncodings()
    for _ in range(SAMPLE_EVERY * 4):
        encodings.observe(unique())
    encodings.observe(repeating())
    assert estimated(encodings) == set()
    for _ in range(SAMPLE_EVERY * 12):
        encodings.observe(repeating())
    assert estimated(encodings) == {"key", "value"}
    for _ in range(SAMPLE_EVERY):
        encodings.observe(unique())
    assert estimated(encodings) == set()


def test_payloads_that_are_all_null_repeat():
    encodings = ColumnEncodings()
    encodings.observe(rows(*[record(offset, None, key=None) for offset in range(10)]))
    assert estimated(encodings) == {"key", "value"}


def test_a_commit_without_rows_says_nothing():
    encodings = ColumnEncodings()
    encodings.observe(unique().slice(0, 0))
    assert estimated(encodings) == set()


def encodings_in(file):
    group = pq.ParquetFile(file.path).metadata.row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    return {column.path_in_schema: (set(column.encodings), column.compression) for column in columns}


def test_the_file_has_a_dictionary_for_the_columns_that_are_named_and_for_no_other(tmp_path):
    plain = encodings_in(write_data_file(tmp_path, unique()))
    assert "RLE_DICTIONARY" not in plain["value"][0] | plain["key"][0] | plain["_offset"][0]
    assert all(
        "RLE_DICTIONARY" in plain[name][0] for name in ("_topic_id", "_partition", "timestamp_type", "landed_at")
    )
    keyed = encodings_in(write_data_file(tmp_path, unique(), dictionary=["key"]))
    assert "RLE_DICTIONARY" in keyed["key"][0]


def test_the_payload_is_compressed_and_offsets_are_differences(tmp_path):
    found = encodings_in(write_data_file(tmp_path, unique()))
    assert (found["value"][1], found["key"][1], found["_offset"][1]) == ("ZSTD", "ZSTD", "UNCOMPRESSED")
    assert "DELTA_BINARY_PACKED" in found["_offset"][0]
