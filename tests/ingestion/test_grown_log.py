"""Checkpoints of our own against those that deltalake makes of the same log."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from support.kafka_oracle import query
from support.kafka_records import record

from headrace import tables
from headrace.fsck.check import check_table
from headrace.ingestion.checkpoints import Checkpoints
from headrace.ingestion.grown_log import grown_log
from headrace.ingestion.landing import Landing
from headrace.ingestion.log_folder import LogFolder
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable
from headrace.lake_tables import choose_tables


@pytest.fixture
def lake(tmp_path):
    land(tmp_path, 0, 4)
    return tmp_path


def land(lake, first, last):
    """A commit of each offset, in two partitions in turns."""
    landing = Landing(RawTable.of(lake, "t", "cluster"), "ID", durable=False)
    positions = landing.positions([0, 1])
    for offset in range(first, last):
        partition = offset % 2
        batch = record_columns(partition, [record(offset, b"%d" % offset, partition=partition)])
        move = Move(positions[partition], offset + 1)
        landing.commit([batch], {partition: move}, lock_wait_s=1.0)
        positions[partition] = offset + 1


def folder(lake):
    return tables.raw_table(lake, "t")


def log(lake):
    return LogFolder(folder(lake), durable=True)


def put(lake):
    """Puts our checkpoint, and gives its version."""
    grown = grown_log(log(lake))
    file = grown.parquet()
    log(lake).put_checkpoint(grown.version, file, grown.hint(len(file)))
    return grown.version


def put_by_deltalake(lake):
    table = DeltaTable(str(folder(lake)))
    table.create_checkpoint()
    return table.version()


def actions(lake, version):
    """The actions of a checkpoint, without what is null, in an order of their own."""
    rows = pq.read_table(folder(lake) / f"_delta_log/{version:020d}.checkpoint.parquet").to_pylist(
        maps_as_pydicts="strict"
    )
    return sorted(json.dumps(_known(row), sort_keys=True) for row in rows)


def _known(row):
    return {
        name: _known(value) if isinstance(value, dict) else value for name, value in row.items() if value is not None
    }


def remove_entries(lake, below):
    for version in range(below):
        (folder(lake) / f"_delta_log/{version:020d}.json").unlink(missing_ok=True)


@pytest.mark.parametrize("before", [[], [put], [put_by_deltalake], [put_by_deltalake, put], [put, put_by_deltalake]])
def test_our_checkpoint_says_what_deltalake_s_says_whoever_made_the_one_before(lake, before):
    next_offset = 4
    for make in before:
        make(lake)
        land(lake, next_offset, next_offset + 3)
        next_offset += 3
    version = put(lake)
    ours, our_hint = actions(lake, version), json.loads((folder(lake) / "_delta_log/_last_checkpoint").read_text())
    assert put_by_deltalake(lake) == version
    assert ours == actions(lake, version)
    theirs = json.loads((folder(lake) / "_delta_log/_last_checkpoint").read_text())
    assert {**our_hint, "sizeInBytes": 0} == {**theirs, "sizeInBytes": 0}


def test_a_table_is_read_landed_into_and_found_sound_by_our_checkpoint_alone(lake):
    remove_entries(lake, below=put(lake))
    assert DeltaTable(str(folder(lake))).transaction_version("headrace/land/ID/1") == 4
    land(lake, 4, 6)
    assert [row["_offset"] for row in query(folder(lake), "select _offset from t order by 1")] == list(range(6))
    remove_entries(lake, below=put(lake))
    assert [row["value"] for row in query(folder(lake), "select value from t order by 1")] == [
        b"%d" % n for n in range(6)
    ]
    (table,) = choose_tables(lake, [], ["t"])
    assert check_table(table, deep=True).is_sound


def test_fsck_compares_our_checkpoint_with_the_entries(lake):
    put(lake)
    (table,) = choose_tables(lake, [], ["t"])
    assert check_table(table, deep=False).is_sound


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.optimize.compact(),
        lambda table: table.alter.set_table_properties({"headrace.note": "x"}, raise_if_not_exists=False),
    ],
    ids=["files were removed", "the table was altered"],
)
def test_a_log_that_has_more_than_grown_is_left_to_deltalake_until_its_next_checkpoint(lake, change):
    change(DeltaTable(str(folder(lake))))
    assert grown_log(log(lake)) is None
    put_by_deltalake(lake)
    land(lake, 4, 6)
    version = put(lake)
    ours = actions(lake, version)
    put_by_deltalake(lake)
    assert ours == actions(lake, version)


def rewrite(lake, version, change):
    path = folder(lake) / f"_delta_log/{version:020d}.json"
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"dataChange":true', '"dataChange":true,"tags":{"a":"b"}'),
        lambda text: text + '{"domainMetadata":{"domain":"d","configuration":"{}","removed":false}}\n',
        lambda text: text + text.splitlines()[-1] + "\n",
        lambda text: text[:-30],
        lambda text: text + "[]\n",
        lambda text: text.replace('"version":3', '"version":"three"'),
    ],
    ids=["unknown field", "unknown action", "a file twice", "cut", "not an action", "not a number"],
)
def test_an_entry_that_is_not_understood_is_left_to_deltalake(lake, change):
    rewrite(lake, 3, change)
    assert grown_log(log(lake)) is None


def test_a_checkpoint_that_is_gone_or_cut_is_left_to_deltalake(lake):
    path = folder(lake) / f"_delta_log/{put(lake):020d}.checkpoint.parquet"
    land(lake, 4, 5)
    path.write_bytes(path.read_bytes()[:-40])
    assert grown_log(log(lake)) is None
    path.unlink()
    assert grown_log(log(lake)) is None


def test_an_older_checkpoint_does_not_take_the_hint_from_a_newer_one(lake):
    old = grown_log(log(lake))
    land(lake, 4, 6)
    newest = put(lake)
    file = old.parquet()
    log(lake).put_checkpoint(old.version, file, old.hint(len(file)))
    assert log(lake).checkpoint_version() == newest


def test_a_lander_makes_its_checkpoints_so(tmp_path, monkeypatch):
    monkeypatch.setattr(Checkpoints, "_make_by_deltalake", None)
    landing = Landing(RawTable.of(tmp_path, "t", "cluster"), "ID", durable=False)
    for offset in range(101):
        landing.commit([record_columns(0, [record(offset)])], {0: Move(offset or None, offset + 1)}, lock_wait_s=1.0)
    landing.wait_for_checkpoint()
    assert log(tmp_path).checkpoint_version() >= 99


def test_spark_reads_a_table_by_our_checkpoint_and_goes_on_from_it(spark, lake):
    remove_entries(lake, below=put(lake))
    path = str(folder(lake))
    assert [row["_offset"] for row in spark.read.format("delta").load(path).orderBy("_offset").collect()] == [
        0,
        1,
        2,
        3,
    ]
    spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('headrace.note' = 'x')")
    assert DeltaTable(path).metadata().configuration["headrace.note"] == "x"
