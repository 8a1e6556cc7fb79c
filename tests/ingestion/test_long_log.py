"""A table of many commits: what it costs to open it and to go on, and that no position is lost on the way."""

from __future__ import annotations

import time

import pytest
from deltalake import DeltaTable
from support.growing_table import PARTITIONS, Growing, append_s
from support.kafka_oracle import query

OPEN_S = 2.0  # what a reader may take to open a table of ten thousand commits
GROWTH = 2.0  # what an append to it may cost, in appends to a table of a hundred


def test_after_hundreds_of_commits_every_position_is_known_and_the_last_checkpoint_is_near(tmp_path):
    table = Growing(tmp_path)
    table.grow_to(450)
    assert table.opened().positions(range(PARTITIONS)) == table.ends
    newest = table.landing._log._folder.checkpoint_version()
    assert DeltaTable(table.folder).version() - newest < 2 * 100
    assert query(table.folder, "select count(*) as n from t") == [{"n": 450}]


@pytest.mark.prove
@pytest.mark.timeout(1_200)
def test_a_table_of_ten_thousand_commits_opens_at_once_and_is_appended_to_as_one_of_a_hundred(tmp_path):
    young, table = Growing(tmp_path / "young"), Growing(tmp_path / "old")
    young.grow_to(100)
    table.grow_to(10_000)
    young_s, old_s = append_s(young, table)
    started_s = time.perf_counter()
    version = DeltaTable(table.folder).version()
    open_s = time.perf_counter() - started_s
    started_s = time.perf_counter()
    positions = table.opened().positions(range(PARTITIONS))
    lander_s = time.perf_counter() - started_s
    print(f"append of 1,000 rows: {young_s * 1e3:.2f} ms of CPU at 100 commits, {old_s * 1e3:.2f} ms at {version:,}")
    print(f"opened in {open_s:.2f} s by deltalake, in {lander_s:.2f} s by a lander with its positions")
    assert positions == table.ends
    assert query(table.folder, "select count(*) as n from t") == [{"n": sum(table.ends.values())}]
    assert open_s < OPEN_S
    assert old_s <= GROWTH * young_s
