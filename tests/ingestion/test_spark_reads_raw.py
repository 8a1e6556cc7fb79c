"""One engine writes, another reads."""

from __future__ import annotations

from support.kafka_records import record

from headrace import tables
from headrace.ingestion.landing import Landing, Move
from headrace.ingestion.raw_columns import RAW_SCHEMA, record_columns
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
