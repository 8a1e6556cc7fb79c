"""Compaction beside landers, and a vacuum that leaves what somebody needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from support.damaged_lake import COMMITS, PARTITIONS, ROWS, TOPIC, WHOLE, DamagedLake, journal_of
from support.old_replacements import make_replacements_old
from support.rooms import REPOSITORY
from typer.testing import CliRunner

from headrace import locks
from headrace.cli.app import app
from headrace.compaction import compact
from headrace.errors import ContractError, LockTimeout, UsageError
from headrace.fsck import check_table
from headrace.ingestion.raw_table import RawTable
from headrace.journal import open_journal
from headrace.lake_tables import LakeTable, choose_tables
from headrace.landing_audit import audit_landing
from headrace.pins import Pin
from headrace.vacuum import vacuum

LANDERS, LANDINGS, LANDED_ROWS = 4, 50, 20


@pytest.fixture
def lake(tmp_path) -> DamagedLake:
    return DamagedLake.made_in(tmp_path / "lake")


def faults(lake: DamagedLake, partitions: int = PARTITIONS, offsets: int = COMMITS * ROWS):
    with open_journal(journal_of(lake.folder, partitions, offsets)) as journal:
        return audit_landing(journal, lake.folder, TOPIC).faults


def table_of(lake: Path, name: str) -> LakeTable:
    (found,) = choose_tables(lake, [name], [])
    return found


def derived(lake: Path, kind: str, commits: int = 5) -> LakeTable:
    """A small table of a pipeline, as a job leaves it after some commits."""
    name = f"shop/{kind}/orders/0123456789ab-1"
    for number in range(commits):
        write_deltalake(lake / name, pa.table({"x": [number]}), mode="append")
    return table_of(lake, name)


class TestCompaction:
    """Small files into large ones."""

    def test_an_append_only_raw_table_keeps_its_rows_and_positions_in_one_file(self, lake):
        done = compact(lake.as_table, lock_wait_s=1.0)
        assert (done.version, done.removed, done.added) == (7, COMMITS, 1)
        assert lake.read() == WHOLE
        assert faults(lake) == {}
        lake.land(up_to=COMMITS * ROWS + 5)
        assert lake.read() == WHOLE + 5 * PARTITIONS

    def test_a_second_compaction_has_nothing_to_do_and_makes_no_commit(self, lake):
        compact(lake.as_table, lock_wait_s=1.0)
        done = compact(lake.as_table, lock_wait_s=1.0)
        assert (done.version, done.removed, done.added) == (7, 0, 0)

    def test_it_changes_no_data_so_that_streams_pass_over_it(self, lake):
        compact(lake.as_table, lock_wait_s=1.0)
        actions = [json.loads(line) for line in lake.entry(7).read_text().splitlines()]
        assert {action[kind]["dataChange"] for action in actions for kind in ("add", "remove") if kind in action} == {
            False
        }

    @pytest.mark.parametrize("kind", ["clean", "quarantine", "duplicates", "features"])
    def test_tables_that_spark_writes_are_compacted_alone(self, tmp_path, kind):
        table = derived(tmp_path, kind)
        with locks.shared(table.lock_file, wait_s=1.0), pytest.raises(LockTimeout):
            compact(table, lock_wait_s=0.2)
        assert (compact(table, lock_wait_s=0.2).removed, check_table(table, deep=True).findings) == (5, ())

    def test_raw_is_compacted_while_a_lander_commits_and_not_while_someone_alters_it(self, lake):
        with locks.shared(lake.as_table.lock_file, wait_s=1.0):
            assert compact(lake.as_table, lock_wait_s=0.2).removed == COMMITS
        alone = locks.exclusive(lake.as_table.lock_file, wait_s=1.0, purpose="repair")
        with alone, pytest.raises(LockTimeout, match="repair"):
            compact(lake.as_table, lock_wait_s=0.2)

    @pytest.mark.parametrize("kind", ["pushed", "rows"])
    def test_tables_whose_order_of_files_or_newest_commit_means_something_are_refused(self, tmp_path, kind):
        with pytest.raises(UsageError, match=f"shop/{kind}/orders/0123456789ab-1 is not compacted"):
            compact(derived(tmp_path, kind), lock_wait_s=0.2)

    def test_a_table_that_cannot_be_read_is_named(self, lake):
        os.truncate(lake.checkpoint(), 0)
        with pytest.raises(ContractError, match="cannot be read"):
            compact(lake.as_table, lock_wait_s=0.2)


@pytest.mark.slow
def test_four_landers_append_while_compaction_vacuum_and_fsck_loop_and_nothing_is_lost_or_doubled(tmp_path):
    lake = DamagedLake(tmp_path / "lake")
    RawTable.of(lake.folder, TOPIC, "cluster").create_if_missing("ID", lock_wait_s=1.0)
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY / 'tests'}"}
    half_way = tmp_path / "half-way"
    orders = {"lake": str(lake.folder), "commits": LANDINGS, "rows": LANDED_ROWS, "half_way": str(half_way)}
    landers = []
    for partition in range(LANDERS):
        command = [sys.executable, "-m", "support.appending_lander", json.dumps(orders | {"partition": partition})]
        landers.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE))
    compactions = 0
    while any(lander.poll() is None for lander in landers):
        compactions += compact(lake.as_table, lock_wait_s=60.0).removed > 0
        if compactions:
            half_way.touch()  # files were made one; what follows is landed into the compacted table
        assert vacuum(lake.as_table, lake.folder, dry_run=False, lock_wait_s=60.0).removed == ()
        meanwhile = check_table(lake.as_table, deep=True)
        assert [(each.kind, each.file, each.found) for each in meanwhile.findings if each.is_damage] == []
    errors = [lander.communicate()[1].decode()[-2000:] for lander in landers]
    assert [lander.returncode for lander in landers] == [0] * LANDERS, errors
    assert compactions >= 1
    assert faults(lake, LANDERS, LANDINGS * LANDED_ROWS) == {}
    assert lake.read() == LANDERS * LANDINGS * LANDED_ROWS
    checked = check_table(lake.as_table, deep=True)
    assert [(each.file, each.found) for each in checked.findings if each.is_damage] == []
    assert checked.version == DeltaTable(str(lake.table)).version()


class TestVacuum:
    """What compaction has replaced goes, unless it is needed."""

    def vacuumed(self, lake: DamagedLake, **changes):
        return vacuum(lake.as_table, lake.folder, **({"dry_run": False, "lock_wait_s": 0.2} | changes))

    @pytest.mark.parametrize("hours", [-1, 0, 167])
    def test_a_retention_below_a_week_is_refused(self, lake, hours):
        with pytest.raises(UsageError, match=f"a retention of {hours} h was asked for: below 168 h"):
            self.vacuumed(lake, retention_h=hours)

    def test_files_that_were_replaced_long_ago_go_and_the_table_stays(self, lake):
        compact(lake.as_table, lock_wait_s=1.0)
        make_replacements_old(lake.as_table)
        would = self.vacuumed(lake, dry_run=True)
        assert len(would.removed) == COMMITS
        assert all((lake.table / name).exists() for name in would.removed)
        assert self.vacuumed(lake) == would
        assert not any((lake.table / name).exists() for name in would.removed)
        assert lake.read() == WHOLE
        assert check_table(lake.as_table, deep=True).is_sound

    @pytest.mark.parametrize("hours", [0.0, 167.0])
    def test_files_that_were_replaced_lately_stay(self, lake, hours):
        compact(lake.as_table, lock_wait_s=1.0)
        make_replacements_old(lake.as_table, hours)
        assert self.vacuumed(lake).removed == ()

    def test_a_longer_retention_of_the_table_holds(self, tmp_path):
        table = derived(tmp_path, "features")
        handle = DeltaTable(str(table.folder))
        handle.alter.set_table_properties({"delta.deletedFileRetentionDuration": "interval 30 days"})
        compact(table, lock_wait_s=0.2)
        make_replacements_old(table, hours=719)
        assert vacuum(table, tmp_path, dry_run=True, lock_wait_s=0.2).removed == ()
        make_replacements_old(table, hours=2)
        assert len(vacuum(table, tmp_path, dry_run=True, lock_wait_s=0.2).removed) == 5

    def test_files_that_no_commit_names_are_left_to_fsck(self, lake):
        orphan = lake.table / "part-in-flight.parquet"
        orphan.write_bytes(lake.data_file(4).read_bytes())
        os.utime(orphan, (0, 0))
        assert self.vacuumed(lake).removed == ()
        assert orphan.exists()

    def test_what_a_pinned_manifest_is_made_from_stays_until_the_pin_is_deleted(self, tmp_path):
        table = derived(tmp_path, "features")
        pin = Pin("shop", "late15", "/elsewhere/manifest.json", ((table.name, 2),)).store(tmp_path)
        compact(table, lock_wait_s=0.2)
        make_replacements_old(table)
        done = vacuum(table, tmp_path, dry_run=False, lock_wait_s=0.2)
        assert len(done.removed) == 2
        ((who, files),) = done.kept.items()
        assert files == 3
        assert re.search(r"'late15' in /elsewhere/manifest\.json, pinned by .*\.json, is made from version 2", who)
        assert DeltaTable(str(table.folder), version=2).count() == 3
        pin.unlink()
        assert len(vacuum(table, tmp_path, dry_run=False, lock_wait_s=0.2).removed) == 3

    def test_what_a_manifest_that_is_given_is_made_from_stays(self, tmp_path):
        table = derived(tmp_path / "lake", "features")
        compact(table, lock_wait_s=0.2)
        make_replacements_old(table)
        group = {"features": table.name, "features_version": 4, "pushed": "x", "pushed_version": None}
        inputs = {"rows": "shop/rows/late15/1", "rows_version": 0, "groups": {"orders": group}}
        manifest = tmp_path / "sets" / "deep" / "manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"pipeline": "shop", "training_set": "late15", "inputs": inputs}))
        for given in (manifest, tmp_path / "sets"):
            done = vacuum(table, tmp_path / "lake", manifests=[given], dry_run=False, lock_wait_s=0.2)
            assert (done.removed, list(done.kept.values())) == ((), [5])

    @pytest.mark.parametrize("text", ["", "{}", '{"inputs": 3}'])
    def test_what_is_no_manifest_is_refused_and_nothing_goes(self, tmp_path, lake, text):
        compact(lake.as_table, lock_wait_s=1.0)
        make_replacements_old(lake.as_table)
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(UsageError, match="manifest"):
            self.vacuumed(lake, manifests=[tmp_path / "manifest.json"])
        assert len(self.vacuumed(lake, dry_run=True).removed) == COMMITS

    def test_a_pin_that_cannot_be_read_stops_the_vacuum_since_nobody_knows_what_it_needs(self, lake):
        pin = Pin("shop", "late15", "m", ()).store(lake.folder)
        pin.write_text("{")
        with pytest.raises(ContractError, match=r"is not a pin, so nobody knows what it needs"):
            self.vacuumed(lake)

    def checkpoint(self, lake: DamagedLake, *versions: int, done: int) -> Path:
        """The checkpoint of a stream over raw: where each micro-batch ends; the first `done` of them are whole."""
        folder = lake.folder / "shop" / "checkpoints" / "orders" / "0123456789ab-1"
        (folder / "offsets").mkdir(parents=True)
        (folder / "commits").mkdir()
        table_id = str(DeltaTable(str(lake.table)).metadata().id)
        for number, version in enumerate(versions):
            reached = {"sourceVersion": 1, "reservoirId": table_id, "reservoirVersion": version, "index": -1}
            (folder / "offsets" / str(number)).write_text(f'v1\n{{"batchWatermarkMs":0}}\n{json.dumps(reached)}\n')
            if number < done:
                (folder / "commits" / str(number)).write_text('v1\n{"nextBatchWatermarkMs":0}')
        return folder

    def test_what_a_stopped_stream_has_not_read_stays(self, lake):
        folder = self.checkpoint(lake, 2, 4, 6, done=2)
        compact(lake.as_table, lock_wait_s=1.0)
        make_replacements_old(lake.as_table)
        done = self.vacuumed(lake, dry_run=True)
        assert list(done.kept) == [f"the stream with the checkpoint {folder} has read up to version 4"]
        assert {lake.data_file(version).name for version in (4, 5, 6)}.isdisjoint(done.removed)

    def test_a_stream_that_has_read_all_needs_nothing_that_was_replaced(self, lake):
        self.checkpoint(lake, 8, done=1)
        compact(lake.as_table, lock_wait_s=1.0)
        lake.land(up_to=COMMITS * ROWS + 1)
        make_replacements_old(lake.as_table)
        done = self.vacuumed(lake)
        assert (len(done.removed), done.kept) == (COMMITS, {})

    def test_a_stream_over_another_table_is_none_of_its_business(self, lake):
        folder = self.checkpoint(lake, 0, done=0)
        offsets = folder / "offsets" / "0"
        offsets.write_text(re.sub('"reservoirId": "[^"]+"', '"reservoirId": "another"', offsets.read_text()))
        compact(lake.as_table, lock_wait_s=1.0)
        make_replacements_old(lake.as_table)
        assert self.vacuumed(lake).kept == {}


class TestCommands:
    """The two verbs."""

    def run(self, verb: str, lake: DamagedLake, *options: str):
        return CliRunner().invoke(app, [verb, "--lake", str(lake.folder), *options])

    def test_compact_and_vacuum_tell_a_line_a_table(self, lake):
        derived(lake.folder, "pushed")
        answer = self.run("compact", lake)
        assert answer.exit_code == 0
        assert answer.stdout.splitlines()[-1].split() == ["raw/flights", "7", "6", "1"]
        make_replacements_old(lake.as_table)
        answer = self.run("vacuum", lake, "--json")
        tables = json.loads(answer.stdout)["tables"]
        assert {name: found["removed"] for name, found in tables.items()} == {
            "raw/flights": 6,
            "shop/pushed/orders/0123456789ab-1": 0,
        }

    def test_a_short_retention_and_a_table_that_is_not_compacted_are_wrong_usage(self, lake):
        pushed = derived(lake.folder, "pushed")
        assert self.run("vacuum", lake, "--retention-h", "24").exit_code == 2
        assert self.run("compact", lake, "--table", pushed.name).exit_code == 2
        assert "Did you mean: raw/flights" in self.run("compact", lake, "--topic", "flight").stderr

    def test_who_needs_files_is_named(self, lake):
        Pin("shop", "late15", "/sets/manifest.json", (("raw/flights", 3),)).store(lake.folder)
        self.run("compact", lake)
        make_replacements_old(lake.as_table)
        answer = self.run("vacuum", lake, "--dry-run")
        assert "raw/flights: kept 3 files: the training set 'late15' in /sets/manifest.json" in answer.stdout
