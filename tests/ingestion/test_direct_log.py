"""Our own entries beside those of deltalake: whoever comes in between, positions and rows stay what was committed."""

from __future__ import annotations

import logging
import os
import random
from dataclasses import dataclass, field

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.kafka_oracle import query
from support.kafka_records import record

from headrace import tables
from headrace.errors import ContractError, LandingConflict, MachineError
from headrace.ingestion import direct_log, landing
from headrace.ingestion.deltalake_log import DeltalakeLog
from headrace.ingestion.direct_log import DirectLog
from headrace.ingestion.landing import Landing
from headrace.ingestion.log_folder import LogFolder
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable
from headrace.ingestion.table_features import TableShape


def lander(lake, **more):
    return Landing(RawTable.of(lake, "t", "cluster"), "ID", lock_wait_s=1.0, **more)


def land(to, partition, first, last, expected=None):
    """Commits the offsets [first, last) of a partition."""
    records = [record(offset, partition=partition) for offset in range(first, last)]
    move = Move(expected if expected is not None else first or None, last)
    return to.commit([record_columns(partition, records)] if records else [], {partition: move}, lock_wait_s=1.0)


def landed(lake):
    rows = query(tables.raw_table(lake, "t"), "select _partition, _offset from t order by 1, 2")
    return [(row["_partition"], row["_offset"]) for row in rows]


def handle(lake):
    return DeltaTable(str(tables.raw_table(lake, "t")))


def alter(lake, **properties):
    named = {name.replace("__", "."): value for name, value in properties.items()}
    handle(lake).alter.set_table_properties(named, raise_if_not_exists=False)


def deltalake_commit(lake, partition, position):
    """A commit of one position by deltalake, as an older lander makes it."""
    transaction = Transaction(tables.landing_application("ID", partition), position)
    table = handle(lake)
    table.create_write_transaction(
        [], mode="append", schema=table.schema(), commit_properties=CommitProperties(app_transactions=[transaction])
    )


def test_a_raw_table_is_written_directly(tmp_path):
    assert isinstance(lander(tmp_path)._log, DirectLog)


@pytest.mark.parametrize("properties", [{"delta__enableChangeDataFeed": "true"}, {"delta__enableRowTracking": "true"}])
def test_a_table_with_a_feature_that_we_do_not_know_is_left_to_deltalake_and_that_is_told_once(
    tmp_path, caplog, properties
):
    lander(tmp_path)
    alter(tmp_path, **properties)
    table = lander(tmp_path)
    land(table, 0, 0, 2)
    land(table, 0, 2, 3)
    assert isinstance(table._log, DeltalakeLog)
    assert (landed(tmp_path), table.positions([0])) == ([(0, 0), (0, 1), (0, 2)], {0: 3})
    told = [entry.getMessage() for entry in caplog.records if "go through deltalake, because" in entry.getMessage()]
    assert len(told) == 1
    assert next(iter(properties)).replace("__", ".") in told[0]


def test_a_feature_that_comes_while_a_lander_runs_is_noticed_before_its_next_commit(tmp_path):
    table = lander(tmp_path)
    land(table, 0, 0, 1)
    alter(tmp_path, delta__enableChangeDataFeed="true")
    land(table, 0, 1, 2)
    assert isinstance(table._log, DeltalakeLog)
    assert landed(tmp_path) == [(0, 0), (0, 1)]


def test_commits_go_on_directly_beside_appends_alterations_and_compactions_by_deltalake(tmp_path):
    table = lander(tmp_path)
    land(table, 0, 0, 2)
    deltalake_commit(tmp_path, 1, 7)
    land(table, 0, 2, 4)
    alter(tmp_path, headrace__note="x")
    land(table, 0, 4, 6)
    handle(tmp_path).optimize.compact()
    land(table, 0, 6, 8)
    handle(tmp_path).create_checkpoint()
    land(table, 0, 8, 9)
    assert isinstance(table._log, DirectLog)
    assert landed(tmp_path) == [(0, offset) for offset in range(9)]
    assert table.positions([0, 1, 2]) == {0: 9, 1: 7, 2: None}
    assert lander(tmp_path).positions([0, 1, 2]) == {0: 9, 1: 7, 2: None}


def test_a_position_that_deltalake_moved_refuses_the_commit(tmp_path):
    table = lander(tmp_path)
    land(table, 0, 0, 2)
    deltalake_commit(tmp_path, 0, 5)
    with pytest.raises(LandingConflict) as refused:
        land(table, 0, 2, 4)
    assert refused.value.found == 5
    assert landed(tmp_path) == [(0, 0), (0, 1)]


def test_deltalake_refuses_its_commit_when_ours_came_first(tmp_path):
    table, theirs = lander(tmp_path), lander(tmp_path)
    theirs._log = DeltalakeLog(handle(tmp_path), LogFolder(tables.raw_table(tmp_path, "t"), durable=True))
    land(table, 0, 0, 2)
    with pytest.raises(LandingConflict):
        land(theirs, 0, 0, 3)
    assert landed(tmp_path) == [(0, 0), (0, 1)]


def test_positions_are_read_with_what_others_added_and_without_opening_the_table_anew(tmp_path, monkeypatch):
    table, other = lander(tmp_path), lander(tmp_path)
    assert table.positions([0]) == {0: None}
    land(other, 0, 0, 3)
    land(other, 0, 3, 5)
    monkeypatch.setattr(RawTable, "open", lambda self: pytest.fail("the table was opened"))
    assert table.positions([0]) == {0: 5}
    land(table, 0, 5, 6)
    assert landed(tmp_path) == [(0, offset) for offset in range(6)]


def test_positions_in_a_checkpoint_and_behind_it_are_known_without_deltalake(tmp_path, monkeypatch):
    land(lander(tmp_path), 0, 0, 2)
    handle(tmp_path).create_checkpoint()
    land(lander(tmp_path), 1, 0, 3)
    deltalake_commit(tmp_path, 2, 7)
    table = lander(tmp_path)
    asked = []
    real = DeltaTable.transaction_version
    monkeypatch.setattr(DeltaTable, "transaction_version", lambda self, name: asked.append(name) or real(self, name))
    assert table.positions([0, 1, 2, 3]) == {0: 2, 1: 3, 2: 7, 3: None}
    assert asked == []


@pytest.mark.parametrize("left", ['{"add": {"pa', ""])
def test_an_entry_of_another_that_is_damaged_is_named(tmp_path, left):
    table = lander(tmp_path)
    land(table, 0, 0, 1)
    entry = tables.raw_table(tmp_path, "t") / "_delta_log/00000000000000000002.json"
    entry.write_text(left)
    with pytest.raises(ContractError, match=r"0{19}2\.json is damaged"):
        table.positions([0])


@pytest.fixture
def short_log(tmp_path):
    """A lake whose raw table keeps nothing that a checkpoint replaces."""
    lander(tmp_path)
    alter(tmp_path, delta__logRetentionDuration="interval 0 seconds", delta__checkpointInterval="5")
    return tmp_path


def log_names(lake):
    return sorted(path.name for path in (tables.raw_table(lake, "t") / "_delta_log").iterdir())


def test_a_lander_that_slept_while_the_log_was_cleaned_up_does_not_commit_under_a_number_that_was_used(short_log):
    sleeper, other = lander(short_log), lander(short_log)
    land(sleeper, 0, 0, 1)
    version = sleeper._log.version
    other.positions([1])
    for offset in range(12):
        land(other, 1, offset, offset + 1)
        other.wait_for_checkpoint()
    assert not LogFolder(tables.raw_table(short_log, "t"), durable=True).has(version + 1)
    land(sleeper, 0, 1, 2)
    sleeper.wait_for_checkpoint()
    assert landed(short_log) == [(0, 0), (0, 1), *((1, offset) for offset in range(12))]
    assert lander(short_log).positions([0, 1]) == {0: 2, 1: 12}


@pytest.mark.parametrize("damage", ["", "{", None])
def test_it_notices_so_too_when_the_hint_of_the_last_checkpoint_is_damaged(short_log, damage):
    sleeper, other = lander(short_log), lander(short_log)
    land(sleeper, 0, 0, 1)
    for offset in range(12):
        land(other, 1, offset, offset + 1)
        other.wait_for_checkpoint()
    hint = tables.raw_table(short_log, "t") / "_delta_log/_last_checkpoint"
    hint.unlink() if damage is None else hint.write_text(damage)
    land(sleeper, 0, 1, 2)
    sleeper.wait_for_checkpoint()
    assert landed(short_log)[:2] == [(0, 0), (0, 1)]
    assert len(landed(short_log)) == 14


def test_positions_of_partitions_never_asked_for_are_found_after_a_clean_up_too(short_log):
    first, other = lander(short_log), lander(short_log)
    land(other, 7, 0, 3)
    for offset in range(12):
        land(other, 1, offset, offset + 1)
        other.wait_for_checkpoint()
    assert first.positions([7]) == {7: 3}


def test_an_error_of_the_disk_after_the_entry_has_its_name_is_told_and_commits(tmp_path, monkeypatch, caplog):
    table = lander(tmp_path)
    put = LogFolder.put

    def faulty(self, version, text):
        put(self, version, text)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(LogFolder, "put", faulty)
    assert land(table, 0, 0, 1) == 1
    monkeypatch.undo()
    assert "reported an error, and the entry" in caplog.text
    land(table, 0, 1, 2)
    assert landed(tmp_path) == [(0, 0), (0, 1)]


def test_an_error_of_the_disk_before_that_leaves_the_table_as_it_was(tmp_path, monkeypatch):
    table = lander(tmp_path)
    land(table, 0, 0, 1)

    def full(self, version, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LogFolder, "put", full)
    with pytest.raises(MachineError, match="is full: nothing of this commit was landed"):
        land(table, 0, 1, 2)
    monkeypatch.undo()
    assert len(list(tables.raw_table(tmp_path, "t").glob("*.parquet"))) == 1
    land(table, 0, 1, 2)
    assert landed(tmp_path) == [(0, 0), (0, 1)]


def test_a_lander_that_is_always_too_late_gives_up_with_a_message(tmp_path, monkeypatch):
    table = lander(tmp_path)
    monkeypatch.setattr(direct_log, "PUT_ATTEMPTS", 2)
    monkeypatch.setattr(landing, "COMMIT_ATTEMPTS", 2)
    monkeypatch.setattr(LogFolder, "put", lambda self, version, text: False)
    with pytest.raises(MachineError, match="a commit was refused 2 times"):
        land(table, 0, 0, 1)
    monkeypatch.undo()
    assert landed(tmp_path) == []
    assert list(tables.raw_table(tmp_path, "t").glob("*.parquet")) == []


def test_a_commit_without_a_wait_for_the_disk_is_the_same_commit(tmp_path, monkeypatch):
    table = lander(tmp_path, durable=False)
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("it waited for the disk"))
    land(table, 0, 0, 2)
    assert landed(tmp_path) == [(0, 0), (0, 1)]


def test_the_history_says_who_wrote_what(tmp_path):
    land(lander(tmp_path), 0, 0, 2)
    entry = handle(tmp_path).history(1)[0]
    assert (entry["operation"], entry["version"], entry["isBlindAppend"]) == ("WRITE", 1, True)
    assert entry["engineInfo"].startswith("headrace/")
    assert entry["headrace"]["offsets"] == {"0": [0, 1, 2]}


def test_what_deltalake_reads_of_the_files_is_what_was_written(tmp_path):
    land(lander(tmp_path), 0, 0, 5)
    (action,) = pa.table(handle(tmp_path).get_add_actions(flatten=True)).to_pylist()
    (file,) = tables.raw_table(tmp_path, "t").glob("*.parquet")
    assert (action["path"], action["size_bytes"], action["num_records"]) == (file.name, file.stat().st_size, 5)
    assert (action["min._offset"], action["max._offset"]) == (0, 4)


@dataclass
class Model:
    """What the table must hold: the position of each partition, and every offset below it."""

    positions: dict[int, int | None] = field(default_factory=dict)

    def rows(self):
        return [(partition, offset) for partition, end in sorted(self.positions.items()) for offset in range(end or 0)]


COMMITS = st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 3))  # lander, partition, rows
OTHERS = st.sampled_from(["alter", "checkpoint", "compact", "refresh 0", "refresh 1", "reopen 0"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(COMMITS | OTHERS, min_size=1, max_size=14))
def test_any_order_of_commits_by_three_landers_is_what_a_model_says(tmp_path_factory, steps):
    """Two that write directly and one that goes through deltalake; each believes what it last read or committed."""
    lake, model = tmp_path_factory.mktemp("lake"), Model({0: None, 1: None})
    landers = [lander(lake, durable=False) for _ in range(3)]
    landers[2]._log = DeltalakeLog(handle(lake), LogFolder(tables.raw_table(lake, "t"), durable=False))
    believed = [each.positions([0, 1]) if number < 2 else {0: None, 1: None} for number, each in enumerate(landers)]
    for step in steps:
        match step:
            case (number, partition, count):
                _commit(landers[number], believed[number], model, partition, count)
            case "alter":
                alter(lake, headrace__note=str(random.random()))
            case "checkpoint":
                handle(lake).create_checkpoint()
            case "compact":
                handle(lake).optimize.compact()
            case "reopen 0":
                landers[0] = lander(lake, durable=False)
                believed[0] = landers[0].positions([0, 1])
            case refresh:
                number = int(refresh.split()[1])
                believed[number] = landers[number].positions([0, 1])
        assert handle(lake).transaction_version(tables.landing_application("ID", 0)) == model.positions[0]
    assert landed(lake) == model.rows()
    assert lander(lake).positions([0, 1]) == model.positions


def _commit(by, believed, model, partition, count):
    """A commit succeeds exactly when the belief is right; one that moves nothing is not made."""
    before = believed[partition]
    if not count and before is not None:
        return
    end = (before or 0) + count
    batch = (
        [record_columns(partition, [record(o, partition=partition) for o in range(before or 0, end)])] if count else []
    )
    move = {partition: Move(before, end)}
    if before == model.positions[partition]:
        assert by.commit(batch, move, lock_wait_s=1.0) == count
        model.positions[partition] = believed[partition] = end
    else:
        with pytest.raises(LandingConflict):
            by.commit(batch, move, lock_wait_s=1.0)
        believed |= by.positions([0, 1])
        assert believed == model.positions


def test_a_lander_warns_of_nothing_in_a_calm_run(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    table = lander(tmp_path)
    for offset in range(5):
        land(table, 0, offset, offset + 1)
    assert TableShape.of(handle(tmp_path)).unknown() == []
    assert caplog.records == []
