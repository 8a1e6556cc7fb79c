from __future__ import annotations

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.kafka_records import record

from headrace.ingestion import data_file
from headrace.ingestion.data_file import write_data_file
from headrace.ingestion.raw_columns import RAW_SCHEMA, raw_rows, record_columns


def rows(*records):
    return raw_rows([record_columns(0, records)], topic_id="ID", generation=0, landed_at_ms=1_700_000_000_123)


def test_the_log_gets_exact_bounds_of_the_first_eight_columns_and_of_no_other(tmp_path):
    file = write_data_file(tmp_path, rows(record(4), record(9, timestamp=1_357_035_300_001, leader_epoch=-1)))
    assert json.loads(file.statistics) == {
        "numRecords": 2,
        "minValues": {
            "_topic_id": "ID",
            "_generation": 0,
            "_partition": 0,
            "_offset": 4,
            "timestamp": "2013-01-01T10:15:00.000Z",
            "timestamp_type": "create",
            "leader_epoch": 0,
            "landed_at": "2023-11-14T22:13:20.123Z",
        },
        "maxValues": {
            "_topic_id": "ID",
            "_generation": 0,
            "_partition": 0,
            "_offset": 9,
            "timestamp": "2013-01-01T10:15:00.001Z",
            "timestamp_type": "create",
            "leader_epoch": 0,
            "landed_at": "2023-11-14T22:13:20.123Z",
        },
        "nullCount": {
            "_topic_id": 0,
            "_generation": 0,
            "_partition": 0,
            "_offset": 0,
            "timestamp": 0,
            "timestamp_type": 0,
            "leader_epoch": 1,
            "landed_at": 0,
        },
    }


def test_a_column_that_is_all_null_has_a_count_and_no_bounds(tmp_path):
    statistics = json.loads(write_data_file(tmp_path, rows(record(0, timestamp=-1))).statistics)
    assert "timestamp" not in statistics["minValues"]
    assert statistics["nullCount"]["timestamp"] == 1


def test_the_file_holds_what_it_was_given(tmp_path):
    given = rows(record(0, b"\x00\xff"), record(1, None))
    file = write_data_file(tmp_path, given)
    assert file.size_bytes == file.path.stat().st_size
    assert pq.read_table(file.path).cast(RAW_SCHEMA).to_pylist() == given.to_pylist()


def test_a_file_that_could_not_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(data_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_data_file(tmp_path, rows(record(0)))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_some_bytes_at_a_time_gets_all_of_them_in_order(tmp_path, monkeypatch):
    parts = [b"", b"one", memoryview(b"another"), pa.py_buffer(b"and the last"), b""]
    monkeypatch.setattr(data_file, "MOST_PARTS", 2)
    for at_once in (1, 3, 5, 100):
        monkeypatch.setattr(os, "writev", lambda file, given, n=at_once: os.write(file, b"".join(given)[:n]))
        with (tmp_path / f"{at_once}").open("xb") as file:
            data_file.write_all(file.fileno(), parts)
        assert (tmp_path / f"{at_once}").read_bytes() == b"oneanotherand the last"
