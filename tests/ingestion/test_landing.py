from __future__ import annotations

import hashlib
import json
import os
import struct
from datetime import UTC, datetime

import pytest
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType
from support.kafka_oracle import query
from support.kafka_records import record

from headrace import locks, tables
from headrace.errors import ContractError, ForeignCluster, LandingConflict, LockTimeout, MachineError
from headrace.ingestion import steps
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable
from headrace.ingestion.table_log import StaleLog


@pytest.fixture
def lake(tmp_path):
    return tmp_path


def landing(lake, *, topic_id="ID", cluster="cluster-1", on_step=steps.ignore):
    return Landing(RawTable.of(lake, "flights", cluster), topic_id, lock_wait_s=0.2, on_step=on_step)


def batch(partition, *offsets):
    return record_columns(partition, [record(offset, partition=partition) for offset in offsets])


def commit(to, batches, **moves):
    """Commits with moves given as p0=(expected, position)."""
    return to.commit(batches, {int(name[1:]): Move(*move) for name, move in moves.items()}, lock_wait_s=0.2)


def landed(lake):
    rows = query(tables.raw_table(lake, "flights"), "select _generation, _partition, _offset from t order by 1, 2, 3")
    return [tuple(row.values()) for row in rows]


def data_files(lake):
    return list(tables.raw_table(lake, "flights").glob("*.parquet"))


def test_rows_and_positions_are_one_commit_with_one_data_file(lake):
    table = landing(lake)
    assert commit(table, [batch(0, 4, 5), batch(1, 9)], p0=(None, 6), p1=(None, 12)) == 3
    assert landed(lake) == [(0, 0, 4), (0, 0, 5), (0, 1, 9)]
    assert table.positions([0, 1, 2]) == {0: 6, 1: 12, 2: None}
    assert len(data_files(lake)) == 1
    assert DeltaTable(str(tables.raw_table(lake, "flights"))).version() == 1


def test_positions_move_without_rows_and_without_a_data_file(lake):
    table = landing(lake)
    assert commit(table, [], p0=(None, 50)) == 0
    assert landing(lake).positions([0]) == {0: 50}
    assert data_files(lake) == []


def test_the_log_says_what_was_landed_so_that_it_can_be_audited_without_a_scan(lake):
    commit(landing(lake), [batch(0, 4)], p0=(None, 5))
    entry = DeltaTable(str(tables.raw_table(lake, "flights"))).history(1)[0]
    assert entry["headrace"] == {
        "topic_id": "ID",
        "positions": {"0": [None, 5]},
        "rows": 1,
        "offsets": {"0": [4, 4, 1]},
        "checksum": hashlib.sha256(struct.pack("<iq", 0, 4)).hexdigest(),
    }


def test_landed_at_is_the_time_of_the_commit_to_the_millisecond(lake):
    landing(lake).commit([batch(0, 0)], {0: Move(None, 1)}, lock_wait_s=0.2, now_ms=1_700_000_000_123)
    (row,) = query(tables.raw_table(lake, "flights"), "select landed_at from t")
    assert row["landed_at"] == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)


def test_two_landers_of_different_partitions_do_not_disturb_each_other(lake):
    first, second = landing(lake), landing(lake)
    commit(first, [batch(0, 0)], p0=(None, 1))
    commit(second, [batch(1, 0)], p1=(None, 1))
    commit(first, [batch(0, 1)], p0=(1, 2))
    assert landed(lake) == [(0, 0, 0), (0, 0, 1), (0, 1, 0)]


def test_a_lander_that_was_overtaken_is_refused_before_it_writes_anything(lake):
    zombie = landing(lake)
    commit(landing(lake), [batch(0, 0)], p0=(None, 1))
    zombie.positions([0])
    with pytest.raises(LandingConflict) as refused:
        commit(zombie, [batch(0, 0)], p0=(None, 1))
    assert (refused.value.partition, refused.value.found) == (0, 1)
    assert len(data_files(lake)) == 1


def test_a_lander_that_is_overtaken_after_it_compared_is_refused_by_the_log(lake):
    def overtake(step):
        if step == steps.AFTER_DATA_FILE:
            commit(landing(lake), [batch(0, 0, 1)], p0=(None, 2))

    with pytest.raises(LandingConflict):
        commit(landing(lake, on_step=overtake), [batch(0, 0)], p0=(None, 1))
    assert landed(lake) == [(0, 0, 0), (0, 0, 1)]
    assert len(data_files(lake)) == 1


def test_one_overtaken_partition_refuses_the_whole_commit(lake):
    zombie = landing(lake)
    commit(landing(lake), [], p1=(None, 7))
    with pytest.raises(LandingConflict, match=r"flights\[1\]"):
        commit(zombie, [batch(0, 0), batch(1, 0)], p0=(None, 1), p1=(None, 1))
    assert landed(lake) == []


def fail_once(monkeypatch, table, error, *, after_commit):
    """Makes the next log entry of `table` raise `error`, after or instead of the commit."""
    append, left = table._log.append, [error]

    def faulty(*arguments):
        if not left:
            return append(*arguments)
        if after_commit:
            append(*arguments)
        raise left.pop()

    monkeypatch.setattr(table._log, "append", faulty)


def test_an_error_after_a_commit_that_succeeded_does_not_double_it(lake, monkeypatch):
    table = landing(lake)
    fail_once(monkeypatch, table, OSError(5, "Input/output error"), after_commit=True)
    assert commit(table, [batch(0, 0)], p0=(None, 1)) == 1
    commit(table, [batch(0, 1)], p0=(1, 2))
    assert landed(lake) == [(0, 0, 0), (0, 0, 1)]


def test_a_commit_that_succeeded_keeps_its_file_although_another_lander_has_moved_on(lake, monkeypatch):
    table = landing(lake)
    append = table._log.append

    def overtaken(made):
        append(made)
        commit(landing(lake), [batch(0, 1)], p0=(1, 2))
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(table._log, "append", overtaken)
    assert commit(table, [batch(0, 0)], p0=(None, 1)) == 1
    assert landed(lake) == [(0, 0, 0), (0, 0, 1)]


def test_a_refused_commit_is_tried_again_when_no_position_moved(lake, monkeypatch):
    table = landing(lake)
    fail_once(monkeypatch, table, StaleLog("metadata changed"), after_commit=False)
    assert commit(table, [batch(0, 0)], p0=(None, 1)) == 1
    assert landed(lake) == [(0, 0, 0)]


def test_a_property_that_someone_altered_meanwhile_does_not_stop_a_landing(lake):
    table = landing(lake)
    other = DeltaTable(str(tables.raw_table(lake, "flights")))
    other.alter.set_table_properties({"headrace.note": "x"}, raise_if_not_exists=False)
    assert commit(table, [batch(0, 0)], p0=(None, 1)) == 1


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), OSError("Generic LocalFileSystem error ... (os error 28)")],
    ids=["of the system", "of deltalake"],
)
def test_a_full_disk_is_told_and_leaves_the_table_as_it_was(lake, monkeypatch, error):
    table = landing(lake)
    commit(table, [batch(0, 0)], p0=(None, 1))
    fail_once(monkeypatch, table, error, after_commit=False)
    with pytest.raises(MachineError, match="is full: nothing of this commit was landed, and nothing is lost"):
        commit(table, [batch(0, 1)], p0=(1, 2))
    assert len(data_files(lake)) == 1
    commit(table, [batch(0, 1)], p0=(1, 2))
    assert landed(lake) == [(0, 0, 0), (0, 0, 1)]


def test_any_other_fault_of_the_disk_is_told_too(lake, monkeypatch):
    table = landing(lake)
    fail_once(monkeypatch, table, OSError(30, "Read-only file system"), after_commit=False)
    with pytest.raises(MachineError, match=r"cannot be written: .*Read-only file system"):
        commit(table, [batch(0, 0)], p0=(None, 1))


def test_who_holds_the_table_alone_is_waited_for_and_then_named(lake):
    table = landing(lake)
    lock = tables.raw_lock(lake, "flights")
    with locks.exclusive(lock, wait_s=1, purpose="compaction"), pytest.raises(LockTimeout, match="compaction"):
        commit(table, [batch(0, 0)], p0=(None, 1))
    assert data_files(lake) == []
    assert commit(table, [batch(0, 0)], p0=(None, 1)) == 1


def test_a_topic_of_another_cluster_is_refused_and_both_clusters_are_named(lake):
    landing(lake, cluster="cluster-1")
    with pytest.raises(ForeignCluster, match=r"cluster cluster-1, but the brokers given are of cluster cluster-2"):
        landing(lake, cluster="cluster-2")


def test_a_table_with_other_columns_is_refused(lake):
    landing(lake)
    table = DeltaTable(str(tables.raw_table(lake, "flights")))
    table.alter.add_columns([Field("added", PrimitiveType("string"))])
    with pytest.raises(ContractError, match=r"is not a raw table: .* found .*added"):
        landing(lake)


def test_a_table_whose_positions_would_expire_is_refused(lake):
    landing(lake)
    table = DeltaTable(str(tables.raw_table(lake, "flights")))
    expiring = {"delta.setTransactionRetentionDuration": "interval 1 day"}
    table.alter.set_table_properties(expiring, raise_if_not_exists=False)
    with pytest.raises(ContractError, match="by which landed positions expire"):
        landing(lake)


def test_a_damaged_log_is_told_as_such(lake):
    commit(landing(lake), [batch(0, 0)], p0=(None, 1))
    (tables.raw_table(lake, "flights") / "_delta_log/00000000000000000001.json").write_text('{"add": {"pa')
    with pytest.raises(ContractError, match=r"cannot be read as a Delta table.*: headrace fsck --topic flights"):
        landing(lake)


def second_entry(lake):
    """The log entry of the second of two commits."""
    table = landing(lake)
    commit(table, [batch(0, 0)], p0=(None, 1))
    commit(table, [batch(0, 1)], p0=(1, 2))
    return tables.raw_table(lake, "flights") / "_delta_log/00000000000000000002.json"


def test_an_emptied_last_commit_which_a_power_cut_leaves_is_refused_although_deltalake_reads_it(lake):
    entry = second_entry(lake)
    os.truncate(entry, 0)
    assert landed(lake) == [(0, 0, 0)]
    with pytest.raises(ContractError, match=r"2\.json is damaged: 0 bytes, .*: headrace fsck --topic flights"):
        landing(lake)


def test_a_last_commit_that_was_cut_before_its_rows_is_refused_since_they_would_never_land(lake):
    entry = second_entry(lake)
    entry.write_text("\n".join(entry.read_text().splitlines()[:-1]))
    assert landed(lake) == [(0, 0, 0)]
    with pytest.raises(ContractError, match=r"announces 1 rows, and has 0"):
        landing(lake)


def test_columns_that_someone_adds_under_a_lander_stop_it_and_leave_no_rows_of_half_their_columns(lake):
    table = landing(lake)
    commit(table, [batch(0, 0)], p0=(None, 1))
    other = DeltaTable(str(tables.raw_table(lake, "flights")))
    other.alter.add_columns([Field("added", PrimitiveType("string"))])
    with pytest.raises(ContractError, match=r"is not a raw table: .* found .*added"):
        commit(table, [batch(0, 1)], p0=(1, 2))
    assert landed(lake) == [(0, 0, 0)]


def test_a_topic_that_was_created_again_lands_beside_as_the_next_generation_after_one_warning(lake, caplog):
    commit(landing(lake, topic_id="OLD"), [batch(0, 0)], p0=(None, 1))
    renewed = landing(lake, topic_id="NEW")
    assert renewed.positions([0]) == {0: None}
    commit(renewed, [batch(0, 0)], p0=(None, 1))
    landing(lake, topic_id="NEW")
    assert landed(lake) == [(0, 0, 0), (1, 0, 0)]
    warnings = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "its id was OLD and is now NEW" in warnings[0]


def test_a_lander_of_the_old_id_can_still_land_what_it_had_read(lake):
    old = landing(lake, topic_id="OLD")
    landing(lake, topic_id="NEW")
    commit(old, [batch(0, 0)], p0=(None, 1))
    assert landed(lake) == [(0, 0, 0)]


def test_the_table_is_made_with_the_properties_that_a_raw_table_needs(lake):
    landing(lake)
    assert DeltaTable(str(tables.raw_table(lake, "flights"))).metadata().configuration == {
        "headrace.cluster_id": "cluster-1",
        "headrace.topic_ids": "ID",
        "delta.appendOnly": "true",
        "delta.logRetentionDuration": "interval 4 hours",
        "delta.enableExpiredLogCleanup": "true",
        "delta.checkpointInterval": "100",
        "delta.dataSkippingNumIndexedCols": "8",
    }


def test_the_steps_of_a_commit_come_in_their_order(lake):
    passed = []
    table = landing(lake, on_step=passed.append)
    commit(table, [batch(0, 0)], p0=(None, 1))
    assert passed == ["after_data_file", "before_log_entry", "after_log_entry"]


def test_statistics_are_in_the_log_and_prune(lake):
    table = landing(lake)
    commit(table, [batch(0, 0, 1)], p0=(None, 2))
    log = tables.raw_table(lake, "flights") / "_delta_log/00000000000000000001.json"
    add = next(entry["add"] for line in log.read_text().splitlines() if "add" in (entry := json.loads(line)))
    assert json.loads(add["stats"])["maxValues"]["_offset"] == 1
    assert query(tables.raw_table(lake, "flights"), "select _offset from t where _offset > 0") == [{"_offset": 1}]
