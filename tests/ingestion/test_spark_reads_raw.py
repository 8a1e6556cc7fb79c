"""One engine writes, another reads."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
from deltalake import DeltaTable
from support.drawn_rows import DrawnRows
from support.kafka_oracle import query
from support.kafka_records import record

from headrace import tables
from headrace.ingestion import page_compression
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import RAW_SCHEMA, RECORD_SCHEMA, record_columns
from headrace.ingestion.raw_table import RawTable


def test_spark_reads_every_column_as_it_was_landed(spark, tmp_path):
    landing = Landing(RawTable.of(tmp_path, "t", "cluster"), "ID")
    records = [record(0, b"\x00\xff", headers=[("h", None)]), record(1, None, timestamp=-1, leader_epoch=-1)]
    landing.commit([record_columns(0, records)], {0: Move(None, 2)}, lock_wait_s=1.0)
    landing.commit([record_columns(0, [record(2)])], {0: Move(2, 3)}, lock_wait_s=1.0)

    frame = spark.read.format("delta").load(str(tables.raw_table(tmp_path, "t")))
    first, second, third = frame.orderBy("_offset").collect()

    assert frame.columns == RAW_SCHEMA.names
    assert dict(frame.dtypes)["timestamp"] == "timestamp"
    assert (bytes(first["value"]), first["headers"][0]["key"], first["headers"][0]["value"]) == (b"\x00\xff", "h", None)
    assert (second["value"], second["timestamp"], second["leader_epoch"]) == (None, None, None)
    assert frame.where("_offset > 1").count() == 1
    assert frame.where(f"timestamp = timestamp'{first['timestamp'].isoformat()}'").count() == 2
    assert third["_generation"] == 0


def test_spark_reads_what_is_committed_directly_beside_its_own_and_deltalake_s_commits(spark, tmp_path):
    """Our entries, and a property set, a checkpoint and a compaction by Spark and by deltalake in between."""
    landing = Landing(RawTable.of(tmp_path, "t", "cluster"), "ID")
    path = str(tables.raw_table(tmp_path, "t"))
    others = [
        lambda: spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('headrace.note' = 'x')"),
        lambda: DeltaTable(path).create_checkpoint(),
        lambda: spark.sql(f"OPTIMIZE delta.`{path}`"),
        lambda: DeltaTable(path).optimize.compact(),
    ]
    for number, other in enumerate(others):
        first = number * 3
        records = [record(offset, b"%d" % offset, key=b"k%d" % (offset % 2)) for offset in range(first, first + 3)]
        landing.commit([record_columns(0, records)], {0: Move(first or None, first + 3)}, lock_wait_s=1.0)
        other()
    landing.commit([record_columns(0, [record(12, b"12")])], {0: Move(12, 13)}, lock_wait_s=1.0)

    rows = spark.read.format("delta").load(path).orderBy("_offset").collect()
    theirs = query(tables.raw_table(tmp_path, "t"), "select * from t order by _offset")
    assert [(row["_offset"], bytes(row["value"])) for row in rows] == [(o, b"%d" % o) for o in range(13)]
    assert [_plain(row.asDict(recursive=True)) for row in rows] == [_plain(row) for row in theirs]
    history = spark.sql(f"DESCRIBE HISTORY delta.`{path}`").orderBy("version").collect()
    ours = [row for row in history if row["engineInfo"].startswith("headrace/")]
    assert [(row["operation"], row["isBlindAppend"]) for row in ours] == [("WRITE", True)] * 5


def test_spark_and_deltalake_read_alike_what_was_landed_in_every_encoding(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(page_compression, "FRAME_BYTES", 200)  # so that small pages are of several frames, too
    landing = Landing(RawTable.of(tmp_path, "t", "cluster"), "ID")
    path = tables.raw_table(tmp_path, "t")
    given, first = [], 0
    for seed, rows in enumerate((1, 3, 40, 400, 400)):
        batches = DrawnRows(seed, rows, nulls=seed > 0).batches(first)
        landing.commit(batches, {0: Move(first or None, first + rows)}, lock_wait_s=1.0)
        given += pa.Table.from_batches(batches).to_pylist()
        first += rows

    found = spark.read.format("delta").load(str(path)).select(*RECORD_SCHEMA.names).orderBy("_offset").collect()
    theirs = query(path, f"select {', '.join(RECORD_SCHEMA.names)} from t order by _offset")
    expected = [_plain(row) for row in given]
    assert [_plain(row.asDict(recursive=True)) for row in found] == expected
    assert [_plain(row) for row in theirs] == expected


def _plain(value):
    """A value without what the two readers add to it: a byte array, a time zone."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return bytes(value) if isinstance(value, bytearray) else value
