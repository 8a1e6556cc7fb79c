"""fsck on real tables: every damage is named with its file, and what is repaired can be landed on and audited."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from support.damaged_lake import (
    DAMAGES,
    LAST,
    MIDDLE,
    TOPIC,
    WHOLE,
    DamagedLake,
    cut,
    flip,
    grow_old,
)

from headrace import locks
from headrace.errors import ContractError, LockTimeout
from headrace.fsck import Kind, check_table, repair_table
from headrace.journal import open_journal
from headrace.landing_audit import audit_landing
from headrace.log_entry import EntryFault, LogEntry

STEP = 13  # bytes between the flips; once it was 1: 2,699 of 3,675 were found, and 976 changed nothing that is read


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A lake without any damage, to be copied."""
    return DamagedLake.made_in(tmp_path_factory.mktemp("whole")).folder


@pytest.fixture
def lake(whole, tmp_path) -> DamagedLake:
    shutil.copytree(whole, tmp_path / "lake")
    return DamagedLake(tmp_path / "lake")


def repair(lake, **changes):
    return repair_table(lake.as_table, **({"deep": True, "litter_age_h": 168.0, "lock_wait_s": 0.2} | changes))


def kinds(findings):
    return [finding.kind.value for finding in findings]


def faults(lake):
    """What the audit finds against all that was acknowledged."""
    with open_journal(lake.journal()) as journal:
        return audit_landing(journal, lake.folder, TOPIC).faults


@pytest.mark.parametrize("deep", [False, True])
def test_a_whole_table_is_sound(lake, deep):
    checked = check_table(lake.as_table, deep=deep)
    assert (checked.version, checked.files, checked.findings) == (6, 6, ())
    assert faults(lake) == {}


def test_a_compacted_table_is_sound_and_the_files_of_its_earlier_versions_are_no_orphans(lake):
    lake.compact()
    checked = check_table(lake.as_table, deep=True)
    assert (checked.version, checked.files, checked.findings) == (7, 1, ())


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
class TestDamage:
    """Every damage in turn."""

    def test_deltalake_itself_fails_or_reads_what_the_table_of_damages_says(self, lake, damage):
        damage.do(lake)
        assert lake.read() == damage.deltalake_reads

    def test_it_is_found_and_named_with_its_file_its_consequence_and_what_to_do(self, lake, damage):
        file = damage.file(lake)
        damage.do(lake)
        checked = check_table(lake.as_table, deep=damage.deep)
        found = [each for each in checked.findings if each.is_damage]
        assert {(each.kind.value, each.path) for each in found} >= {(damage.kind, file)}
        assert set(kinds(found)) == {damage.kind}
        assert not checked.is_sound
        assert all(each.consequence and ("headrace" in each.advice or "restore" in each.advice) for each in found)

    def test_a_look_changes_nothing(self, lake, damage):
        damage.do(lake)
        before = {path: path.read_bytes() for path in lake.folder.rglob("*") if path.is_file()}
        check_table(lake.as_table, deep=True)
        assert {path: path.read_bytes() for path in lake.folder.rglob("*") if path.is_file()} == before

    def test_it_is_repaired_and_landed_on_without_loss_or_is_left_as_it_was(self, lake, damage):
        damage.do(lake)
        before = {path: path.read_bytes() for path in lake.table.rglob("*") if path.is_file()}
        checked = repair(lake)
        if not damage.is_repaired:
            assert checked.repaired == ()
            assert {path: path.read_bytes() for path in lake.table.rglob("*") if path.is_file()} == before
            return
        assert damage.kind in kinds(checked.repaired)
        assert checked.is_sound
        lake.land()
        assert lake.read() == WHOLE
        assert faults(lake) == {}
        assert check_table(lake.as_table, deep=True).is_sound


@pytest.mark.parametrize("share", [step / 14 for step in range(1, 14)])
def test_a_last_commit_that_is_cut_anywhere_is_found_and_mended(lake, share):
    cut(lake.entry(LAST), share)
    (fault,) = [each for each in check_table(lake.as_table, deep=False).findings if each.is_damage]
    assert fault.kind in (Kind.CUT_COMMIT, Kind.TORN_COMMIT)
    assert repair(lake).is_sound
    lake.land()
    assert faults(lake) == {}


@pytest.mark.slow
def test_whatever_bit_of_a_data_file_is_flipped_is_found_or_changes_nothing_that_is_read(lake):
    import pyarrow.parquet as pq

    file = lake.data_file(4)
    content, rows = file.read_bytes(), pq.read_table(file)
    found = 0
    for place in range(0, len(content), STEP):
        flip(file, place / len(content) + 1e-9)
        if not check_table(lake.as_table, deep=True).is_sound:
            found += 1
        else:
            assert pq.ParquetFile(file).read().equals(rows), f"a flip at {place} was not found"
        file.write_bytes(content)
    assert found > len(content) / STEP / 2


def test_a_removed_last_commit_leaves_only_its_data_file_and_is_landed_again(lake):
    orphan = lake.data_file(LAST)
    lake.entry(LAST).unlink()
    (finding,) = check_table(lake.as_table, deep=True).findings
    assert (finding.kind, finding.path, finding.is_damage) == (Kind.ORPHAN, orphan, False)
    assert finding.found == "no commit names it, and 40 of its 40 rows are not in the table"
    lake.land()
    assert faults(lake) == {}


class TestLitter:
    """What nobody needs."""

    def stray(self, lake):
        path = lake.log / f"{lake.entry(7).name}#1"
        path.write_text('{"add"')
        return path

    def orphan(self, lake):
        return Path(shutil.copy(lake.data_file(4), lake.table / "part-of-a-dead-lander.parquet"))

    @pytest.mark.parametrize("make", [stray, orphan], ids=["stray", "orphan"])
    def test_it_is_reported_and_is_no_damage(self, lake, make):
        path = make(self, lake)
        checked = check_table(lake.as_table, deep=True)
        assert [(each.path, each.is_damage) for each in checked.findings] == [(path, False)]
        assert checked.is_sound
        assert lake.read() == WHOLE

    @pytest.mark.parametrize("make", [stray, orphan], ids=["stray", "orphan"])
    def test_it_goes_when_it_is_old_and_stays_while_a_writer_may_need_it(self, lake, make):
        path = make(self, lake)
        assert repair(lake).repaired == ()
        assert path.exists()
        grow_old(path, hours=167.9)
        assert repair(lake).repaired == ()
        grow_old(path, hours=168.1)
        assert len(repair(lake).repaired) == 1
        assert not path.exists()
        assert lake.read() == WHOLE

    def test_an_old_data_file_stays_while_its_rows_are_not_in_the_table(self, lake):
        orphan = grow_old(lake.data_file(LAST))
        lake.entry(LAST).unlink()
        assert repair(lake).repaired == ()
        lake.land()
        assert kinds(repair(lake).repaired) == ["orphan"]
        assert not orphan.exists()
        assert faults(lake) == {}

    def test_an_old_data_file_stays_while_the_commit_that_named_it_may_be_what_is_lost(self, lake):
        orphan = grow_old(lake.data_file(MIDDLE))
        lake.entry(MIDDLE).unlink()
        assert repair(lake).repaired == ()
        assert orphan.exists()

    def test_files_that_engines_pass_over_are_none_of_it(self, lake):
        (lake.table / "_change_data").mkdir()
        (lake.table / "_change_data" / "x.parquet").write_text("")
        (lake.table / ".part-1.parquet.crc").write_text("")
        (lake.log / f".{lake.entry(1).name}.crc").write_text("")
        assert check_table(lake.as_table, deep=True).findings == ()


def test_what_is_repaired_is_kept_beside_and_not_deleted(lake):
    cut(lake.entry(LAST))
    cut(lake.checkpoint())
    damaged = lake.entry(LAST).read_bytes(), lake.checkpoint().read_bytes()
    repair(lake)
    kept = lake.table / "_damaged"
    assert damaged == tuple((kept / path.name).read_bytes() for path in (lake.entry(LAST), lake.checkpoint()))


def test_a_second_repair_keeps_what_the_first_has_kept(lake):
    for text in ("first", "second"):
        lake.entry(LAST).write_text(text)
        repair(lake)
    kept = sorted((path.name, path.read_text()) for path in (lake.table / "_damaged").iterdir())
    assert [text for _, text in kept] == ["first", "second"]


def test_the_version_of_a_void_commit_stays_taken_so_that_no_reader_takes_the_next_one_for_it(lake):
    os.truncate(lake.entry(LAST), 0)
    repair(lake)
    entry = json.loads(lake.entry(LAST).read_text())
    assert entry["commitInfo"]["operation"] == "FSCK"
    lake.land()
    assert check_table(lake.as_table, deep=True).version == 7


@pytest.mark.parametrize("mode", [locks.shared, lambda file, wait_s: locks.exclusive(file, wait_s=wait_s, purpose="x")])
def test_nothing_is_repaired_while_a_writer_holds_the_lock(lake, mode):
    os.truncate(lake.entry(LAST), 0)
    with mode(lake.as_table.lock_file, wait_s=1.0), pytest.raises(LockTimeout):
        repair(lake)
    assert lake.entry(LAST).read_bytes() == b""


def test_the_first_commit_of_a_table_is_not_made_void_since_nothing_is_before_it(lake):
    for version in range(1, LAST + 1):
        lake.entry(version).unlink()
    lake.checkpoint().unlink()
    (lake.log / "_last_checkpoint").unlink()
    cut(lake.entry(0))
    assert repair(lake).repaired == ()


def test_a_damaged_table_that_the_lander_does_not_write_is_told_and_left_to_a_person(tmp_path):
    import pyarrow as pa
    from deltalake import write_deltalake

    from headrace.lake_tables import choose_tables

    name = "shop/clean/orders/0123456789ab-1"
    for number in range(2):
        write_deltalake(tmp_path / name, pa.table({"x": [number]}), mode="append")
    os.truncate(tmp_path / name / "_delta_log" / f"{1:020d}.json", 0)
    (table,) = choose_tables(tmp_path, [name], [])
    checked = repair_table(table, deep=True, litter_age_h=168, lock_wait_s=0.2)
    assert checked.repaired == ()
    found = {each.kind: each.advice for each in checked.findings}
    assert found.keys() == {Kind.EMPTY_COMMIT, Kind.ORPHAN}
    assert found[Kind.EMPTY_COMMIT].endswith("headrace clean -p FILE orders")


def test_a_folder_that_cannot_be_read_is_an_error_of_its_own(lake):
    table = lake.as_table
    shutil.rmtree(lake.log)
    with pytest.raises(ContractError, match="cannot be checked"):
        check_table(table, deep=False)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"", EntryFault.EMPTY),
        (b"\n \n", EntryFault.EMPTY),
        (b"\0\0\0", EntryFault.EMPTY),
        (b'{"commitInfo":{}}\n\0\0\0', EntryFault.CUT),
        (b'{"commitInfo":{}}\n{"add":', EntryFault.CUT),
        (b"[1]", EntryFault.CUT),
        (b"\xff", EntryFault.CUT),
        (b'{"a":' * 20_000, EntryFault.CUT),
        (b'{"commitInfo":{}}\n', None),
        (b'{"commitInfo":{"headrace":{"topic_id":"ID","rows":0,"positions":{"0":[1,2]}}}}', EntryFault.TORN),
        (b'{"commitInfo":{"headrace":{"build":{}}}}', None),
    ],
)
def test_a_log_entry_is_judged_line_by_line(tmp_path, text, fault):
    path = tmp_path / f"{3:020d}.json"
    path.write_bytes(text)
    entry = LogEntry.read(path)
    assert (entry.version, entry.fault) == (3, fault)
    assert bool(entry.detail) == (fault is not None)
