"""Positions that a lander reads from a checkpoint: those that were committed, whoever else was at the table."""

from __future__ import annotations

import random

import pytest
from deltalake import CommitProperties, DeltaTable, Transaction
from support.kafka_records import record

from headrace import tables
from headrace.ingestion import direct_log
from headrace.ingestion.checkpoint_file import transactions_in
from headrace.ingestion.landing import Landing
from headrace.ingestion.log_folder import LogFolder
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable

PARTITIONS = 5


def lander(lake):
    return Landing(RawTable.of(lake, "t", "cluster"), "ID", durable=False)


def handle(lake):
    return DeltaTable(str(tables.raw_table(lake, "t")))


def land(lake, partition, first, last):
    records = [record(offset, partition=partition) for offset in range(first, last)]
    move = Move(first or None, last)
    lander(lake).commit([record_columns(partition, records)], {partition: move}, lock_wait_s=1.0)


def compact_with_another_transaction(lake, version):
    """A commit of somebody else, who keeps a transaction version of its own in the table."""
    properties = CommitProperties(app_transactions=[Transaction("stranger", version)])
    handle(lake).optimize.compact(commit_properties=properties)


def newest_checkpoint(lake):
    folder = LogFolder(tables.raw_table(lake, "t"), durable=False)
    return folder.checkpoint(folder.checkpoint_version())


@pytest.mark.parametrize("seed", [1, 2])
def test_after_any_row_of_commits_checkpoints_and_compactions_the_positions_are_those_committed(tmp_path, seed):
    draw, ends = random.Random(seed), {}
    for number in range(40):
        partition, what = draw.randrange(PARTITIONS - 1), draw.random()
        if what < 0.7:
            first = ends.get(partition, 0)
            ends[partition] = first + draw.randint(1, 3)
            land(tmp_path, partition, first, ends[partition])
        elif what < 0.85 and ends:
            handle(tmp_path).create_checkpoint()
        elif ends:
            compact_with_another_transaction(tmp_path, number)
        assert lander(tmp_path).positions(range(PARTITIONS)) == {each: ends.get(each) for each in range(PARTITIONS)}


def test_a_checkpoint_holds_the_versions_of_all_ids_up_to_it(tmp_path):
    land(tmp_path, 0, 0, 3)
    land(tmp_path, 1, 0, 2)
    handle(tmp_path).create_checkpoint()
    land(tmp_path, 1, 2, 9)
    applications = {tables.landing_application("ID", partition): end for partition, end in ((0, 3), (1, 2))}
    assert transactions_in(newest_checkpoint(tmp_path)) == applications


def test_a_checkpoint_that_holds_no_transaction_holds_none(tmp_path):
    lander(tmp_path)
    handle(tmp_path).create_checkpoint()
    assert transactions_in(newest_checkpoint(tmp_path)) == {}
    assert lander(tmp_path).positions([0]) == {0: None}


def test_of_a_checkpoint_too_far_behind_no_position_is_taken_that_was_moved_since(tmp_path, monkeypatch):
    monkeypatch.setattr(direct_log, "PRELOADED", 2)
    land(tmp_path, 0, 0, 3)
    handle(tmp_path).create_checkpoint()
    land(tmp_path, 0, 3, 7)
    for first in range(5):
        land(tmp_path, 1, first, first + 1)
    assert lander(tmp_path).positions([0, 1, 2]) == {0: 7, 1: 5, 2: None}


@pytest.mark.parametrize("trouble", [OSError, ValueError, KeyError])
def test_where_the_checkpoint_cannot_be_read_by_itself_deltalake_is_asked(tmp_path, monkeypatch, trouble):
    def unreadable(path):
        raise trouble(path)

    land(tmp_path, 0, 0, 3)
    handle(tmp_path).create_checkpoint()
    land(tmp_path, 1, 0, 2)
    monkeypatch.setattr(direct_log, "transactions_in", unreadable)
    assert lander(tmp_path).positions([0, 1, 2]) == {0: 3, 1: 2, 2: None}
