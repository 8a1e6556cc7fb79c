"""Files of our own Parquet writer, read by Arrow's reader with every page's checksum verified."""

from __future__ import annotations

import io
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.drawn_rows import DrawnRows
from support.kafka_records import record

from headrace.ingestion import column_chunks, page_compression
from headrace.ingestion.arrow_parquet import arrow_parquet
from headrace.ingestion.data_file import write_data_file
from headrace.ingestion.encoded_rows import PayloadEncoding
from headrace.ingestion.page_compression import ZstdTable
from headrace.ingestion.raw_columns import HEADERS, RAW_SCHEMA, raw_rows, record_columns
from headrace.ingestion.raw_parquet import raw_parquet

ZSTD_MAGIC = (0xFD2FB528).to_bytes(4, "little")  # of a frame


WITH_DICTIONARY = PayloadEncoding(has_dictionary=True)


def content(rows, payload=None):
    return b"".join(raw_parquet(rows, payload or {}).parts)


def read(data):
    found = pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True).read()
    found.validate(full=True)
    return found.cast(RAW_SCHEMA)


@settings(deadline=None)  # the first call may compile
@given(
    st.integers(0, 2**32),
    st.one_of(st.integers(1, 20), st.integers(1, 600)),
    st.booleans(),
    st.sets(st.integers(0, 600), max_size=3),
    st.dictionaries(
        st.sampled_from(["key", "value"]),
        st.builds(PayloadEncoding, has_dictionary=st.booleans(), table=st.sampled_from(ZstdTable)),
    ),
    st.sampled_from([50, 1_000, 8 * 2**20]),
    st.sampled_from([1, 100, 2**20]),
)
def test_whatever_the_rows_are_arrow_reads_the_same_ones(seed, rows, nulls, cuts, payload, page_bytes, frame_bytes):
    whole = DrawnRows(seed, rows, nulls=nulls).table()
    places = sorted({0, rows} | {cut for cut in cuts if cut < rows})
    given_rows = pa.concat_tables(whole.slice(a, b - a) for a, b in pairwise(places))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_chunks, "PAGE_BYTES", page_bytes)
        patch.setattr(page_compression, "FRAME_BYTES", frame_bytes)
        assert read(content(given_rows, payload)).equals(given_rows)
    if rows > 1:
        assert read(content(given_rows.slice(1), payload)).equals(given_rows.slice(1))


def rows_of(*records):
    return raw_rows([record_columns(0, records)], topic_id="ID", generation=0, landed_at_ms=0)


def test_the_schema_is_the_one_that_arrow_writes_for_these_columns():
    rows = rows_of(record(0))
    sink = io.BytesIO()
    pq.write_table(rows, sink, store_schema=False)
    assert pq.ParquetFile(io.BytesIO(content(rows))).schema.equals(pq.ParquetFile(sink).schema)


def test_the_footer_says_who_wrote_it_and_what_each_column_takes():
    data = content(rows_of(*[record(offset, b"%d" % offset * 100) for offset in range(100)]))
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    assert metadata.created_by.startswith("headrace version ")
    assert (metadata.num_rows, metadata.num_row_groups, metadata.num_columns) == (100, 1, 12)
    group = metadata.row_group(0)
    chunks = [group.column(index) for index in range(group.num_columns)]
    assert sum(chunk.total_compressed_size for chunk in chunks) == len(data) - 4 - 8 - metadata.serialized_size
    assert group.total_byte_size == sum(chunk.total_uncompressed_size for chunk in chunks)
    starts = [chunk.dictionary_page_offset or chunk.data_page_offset for chunk in chunks]
    assert starts == [4 + sum(chunk.total_compressed_size for chunk in chunks[:index]) for index in range(len(chunks))]


def test_payloads_that_are_larger_than_a_page_come_in_several(monkeypatch):
    rows = rows_of(*[record(offset, bytes(600), key=None if offset % 3 else b"k") for offset in range(10)])
    few = len(content(rows))
    monkeypatch.setattr(column_chunks, "PAGE_BYTES", 1_200)
    many = content(rows)
    assert len(many) > few
    assert read(many).equals(rows)


def test_a_large_piece_of_a_page_is_a_frame_of_its_own_and_small_ones_are_one(monkeypatch):
    rows = rows_of(*[record(offset, b"%d" % offset * 9) for offset in range(40)])
    assert content(rows).count(ZSTD_MAGIC) == 1  # the values; the keys are too few to be compressed
    monkeypatch.setattr(page_compression, "FRAME_BYTES", 200)
    data = content(rows)
    assert data.count(ZSTD_MAGIC) == 2  # levels and lengths, and then all that is in the values
    assert read(data).equals(rows)


def test_a_dictionary_that_would_be_large_is_not_made(monkeypatch):
    rows = rows_of(*[record(offset, b"%d" % offset * 100) for offset in range(100)])
    monkeypatch.setattr(column_chunks, "DICTIONARY_BYTES", 1_000)
    data = content(rows, {"value": WITH_DICTIONARY})
    (found,) = [c for c in _chunks(data) if c.path_in_schema == "value"]
    assert "RLE_DICTIONARY" not in found.encodings
    assert read(data).equals(rows)


def test_columns_that_have_one_value_take_next_to_nothing():
    data = content(rows_of(*[record(offset) for offset in range(1_000)]))
    sizes = {chunk.path_in_schema: chunk.total_compressed_size for chunk in _chunks(data)}
    assert max(sizes[name] for name in ("_topic_id", "_partition", "timestamp_type", "leader_epoch", "landed_at")) < 100


def test_a_time_that_no_calendar_has_is_landed_and_left_out_of_the_statistics(tmp_path):
    file = write_data_file(tmp_path, rows_of(record(0, timestamp=1_700_000_000_000_000), record(1)))
    assert '"timestamp": "' not in file.statistics
    assert '"timestamp": 0' in file.statistics  # nulls
    assert pq.read_table(file.path).column("timestamp").cast(pa.int64()).to_pylist()[0] == 1_700_000_000_000_000_000


def test_headers_and_rows_without_any_stand_beside_each_other():
    many = [("a", b"1"), ("b", None), ("a", b"")]
    rows = rows_of(record(0), record(1, headers=many), record(2, headers=many[:1]), record(3))
    assert read(content(rows)).column("headers").to_pylist() == [
        [], [dict(zip(("key", "value"), pair, strict=True)) for pair in many], [{"key": "a", "value": b"1"}], [],
    ]  # fmt: skip


def test_a_pair_and_a_key_that_are_null_are_read_so():
    """Neither comes from Kafka; the columns allow them."""
    headers = pa.array([[None], [], [{"key": None, "value": b"v"}, None]], HEADERS)
    rows = rows_of(record(0), record(1), record(2)).set_column(10, RAW_SCHEMA.field("headers"), headers)
    assert read(content(rows)).column("headers").to_pylist() == headers.to_pylist()


def _chunks(data):
    group = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    return [group.column(index) for index in range(group.num_columns)]


def test_a_bit_that_makes_a_column_seem_never_null_is_noticed_by_the_counts_of_its_levels():
    data = bytearray(content(rows_of(record(0), record(1, None))))
    optional = data.index(b"\x18\x05value") - 1  # before the name in the schema
    assert data[optional] == 2
    data[optional] ^= 0x10
    with pytest.raises(OSError, match="histogram size mismatch"):
        read(bytes(data))


@given(st.integers(0, 2**32), st.integers(1, 50), st.booleans())
def test_where_numba_cannot_be_had_arrow_writes_the_same_rows_and_the_log_gets_the_same_bounds(seed, rows, nulls):
    given_rows = DrawnRows(seed, rows, nulls=nulls).table()
    by_arrow = arrow_parquet(given_rows, {"key": WITH_DICTIONARY})
    assert read(b"".join(by_arrow.parts)).equals(given_rows)
    assert by_arrow.bounds == raw_parquet(given_rows, {"key": WITH_DICTIONARY}).bounds
