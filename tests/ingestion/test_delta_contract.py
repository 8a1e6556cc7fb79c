"""What landing counts on deltalake for: an upgrade that breaks one of these facts must be noticed."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError

SCHEMA = pa.schema([pa.field("number", pa.int64())])


@pytest.fixture
def folder(tmp_path):
    path = str(tmp_path / "table")
    DeltaTable.create(path, SCHEMA)
    return path


def commit(handle, version, application="a"):
    """A commit of nothing but a transaction id."""
    properties = CommitProperties(app_transactions=[Transaction(application, version)])
    handle.create_write_transaction([], mode="append", schema=SCHEMA, commit_properties=properties)


def test_a_transaction_version_is_none_at_first_and_then_what_was_committed_without_any_file(folder):
    assert DeltaTable(folder).transaction_version("a") is None
    commit(DeltaTable(folder), 7)
    assert DeltaTable(folder).transaction_version("a") == 7
    assert DeltaTable(folder).transaction_version("b") is None


def test_a_handle_that_was_overtaken_is_refused_for_the_same_application(folder):
    first, second = DeltaTable(folder), DeltaTable(folder)
    commit(first, 7)
    with pytest.raises(CommitFailedError, match="Concurrent transaction failed"):
        commit(second, 7)


def test_a_handle_that_was_overtaken_is_accepted_for_another_application(folder):
    first, second = DeltaTable(folder), DeltaTable(folder)
    commit(first, 7)
    commit(second, 9, application="b")
    assert [DeltaTable(folder).transaction_version(name) for name in "ab"] == [7, 9]


def test_deltalake_itself_takes_a_lower_version_so_the_writer_has_to_compare(folder):
    commit(DeltaTable(folder), 7)
    commit(DeltaTable(folder), 3)
    assert DeltaTable(folder).transaction_version("a") == 3


def test_a_handle_stays_at_its_version_after_its_own_commit_until_it_is_updated(folder):
    handle = DeltaTable(folder)
    commit(handle, 7)
    assert handle.transaction_version("a") is None
    handle.update_incremental()
    assert handle.transaction_version("a") == 7


def test_a_handle_is_refused_when_the_properties_were_altered_meanwhile(folder):
    handle = DeltaTable(folder)
    DeltaTable(folder).alter.set_table_properties({"headrace.x": "1"}, raise_if_not_exists=False)
    with pytest.raises(CommitFailedError):
        commit(handle, 7)


def test_transaction_versions_survive_a_checkpoint_and_the_clean_up_of_the_log(tmp_path):
    path = str(tmp_path / "table")
    short = {"delta.checkpointInterval": "5", "delta.logRetentionDuration": "interval 0 seconds"}
    DeltaTable.create(path, SCHEMA, configuration=short)
    for version in range(1, 13):
        commit(DeltaTable(path), version)
    assert not (tmp_path / "table/_delta_log/00000000000000000001.json").exists()
    assert DeltaTable(path).transaction_version("a") == 12


def test_a_commit_by_handle_makes_checkpoints_at_the_interval_of_the_table(tmp_path):
    path = str(tmp_path / "table")
    DeltaTable.create(path, SCHEMA, configuration={"delta.checkpointInterval": "5"})
    for version in range(1, 7):
        commit(DeltaTable(path), version)
    assert [file.name[18:20] for file in sorted((tmp_path / "table/_delta_log").glob("*.checkpoint.parquet"))] == ["04"]
