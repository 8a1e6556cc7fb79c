from __future__ import annotations

import random

import pyarrow.parquet as pq
import pytest
from support.kafka_records import record

from headrace.ingestion.column_encodings import COMPARED_EVERY, SAMPLE_EVERY, ColumnEncodings
from headrace.ingestion.data_file import write_data_file
from headrace.ingestion.encoded_rows import PayloadEncoding
from headrace.ingestion.page_compression import ZstdTable
from headrace.ingestion.raw_columns import raw_rows, record_columns

SMALL, LARGE = ZstdTable.SMALL, ZstdTable.LARGE


def rows(*records):
    return raw_rows([record_columns(0, records)], topic_id="ID", generation=0, landed_at_ms=0)


def unique(count=100):
    return rows(*[record(offset, b"%d" % offset, key=b"k%d" % offset) for offset in range(count)])


def repeating(count=100):
    return rows(*[record(offset, b"%d" % (offset % 3), key=b"k") for offset in range(count)])


def estimated(encodings):
    return {name for name, encoding in encodings.payload().items() if encoding.has_dictionary}


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


def payloads(values):
    return rows(*[record(offset, value) for offset, value in enumerate(values)])


def random_hex(count):
    chance = random.Random(7)
    return [b"%032x" % chance.getrandbits(128) for _ in range(count)]


def far_apart(count):
    """Values that come again, with more between than a small table remembers."""
    return random.Random(8).choices(random_hex(4_000), k=count)


def table(encodings):
    return encodings.payload()["value"].table


@pytest.mark.parametrize(("values", "expected"), [(random_hex(40_000), SMALL), (far_apart(40_000), LARGE)])
def test_the_small_table_is_taken_where_it_finds_nearly_as_much_as_the_large_one(values, expected):
    encodings = ColumnEncodings()
    assert table(encodings) is LARGE
    encodings.observe(payloads(values))
    assert table(encodings) is expected


def test_the_table_follows_the_payloads_at_the_next_look_and_not_between():
    encodings = ColumnEncodings()
    alike, unlike = payloads(far_apart(40_000)), payloads(random_hex(40_000))
    encodings.observe(unlike)
    for _ in range(COMPARED_EVERY - 1):
        encodings.observe(alike)
    assert table(encodings) is SMALL
    encodings.observe(alike)
    assert table(encodings) is LARGE


def test_a_file_is_compressed_with_the_table_that_is_named(tmp_path):
    commit = payloads(far_apart(40_000))
    sizes = {table: write_data_file(tmp_path, commit, payload=of_values(table)).size_bytes for table in ZstdTable}
    assert sizes[SMALL] > 1.2 * sizes[LARGE]
    for file in tmp_path.iterdir():
        assert pq.read_table(file).column("value").equals(commit.column("value"))


def test_commits_that_are_too_small_to_tell_wait_for_one_that_is_not():
    encodings = ColumnEncodings()
    encodings.observe(payloads(random_hex(1_000)))
    assert table(encodings) is LARGE
    encodings.observe(payloads(random_hex(40_000)))
    assert table(encodings) is SMALL


def of_values(table):
    return {"value": PayloadEncoding(table=table)}


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
    keyed = encodings_in(write_data_file(tmp_path, unique(), payload={"key": PayloadEncoding(has_dictionary=True)}))
    assert "RLE_DICTIONARY" in keyed["key"][0]


def test_the_payload_is_compressed_and_offsets_are_differences(tmp_path):
    found = encodings_in(write_data_file(tmp_path, unique()))
    assert (found["value"][1], found["key"][1], found["_offset"][1]) == ("ZSTD", "ZSTD", "UNCOMPRESSED")
    assert "DELTA_BINARY_PACKED" in found["_offset"][0]
