"""`headrace fsck` as a user meets it: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from support.damaged_lake import LAST, DamagedLake, cut, flip
from typer.testing import CliRunner

from headrace.cli.app import app


@pytest.fixture
def lake(tmp_path) -> DamagedLake:
    return DamagedLake.made_in(tmp_path / "a lake")


def fsck(lake: Path, *options: str):
    return CliRunner().invoke(app, ["fsck", "--lake", str(lake), *options])


def as_json(lake: Path, *options: str):
    answer = fsck(lake, "--json", *options)
    return answer.exit_code, json.loads(answer.stdout)


def test_a_sound_lake_is_told_in_a_line_a_table(lake):
    answer = fsck(lake.folder)
    assert answer.exit_code == 0
    assert answer.stdout.splitlines()[-1].split() == ["raw/flights", "6", "6", "sound"]


def test_an_empty_lake_has_nothing_to_check(tmp_path):
    assert fsck(tmp_path / "nothing").exit_code == 0


def test_a_damage_exits_with_3_and_says_file_consequence_and_repair(lake):
    lake.data_file(4).unlink()
    answer = fsck(lake.folder)
    assert answer.exit_code == 3
    assert f"damaged: raw/flights/{lake_file(lake)} (missing_file)" in answer.stdout
    assert "Its 40 rows cannot be trusted" in answer.stdout
    assert f"mv '{lake.table}' '{lake.folder}-raw-flights.damaged' && headrace land --topic flights" in answer.stdout


def lake_file(lake: DamagedLake) -> str:
    return lake.data_file(4).name


def test_the_command_that_it_names_mends_what_it_found(lake):
    cut(lake.checkpoint())
    code, found = as_json(lake.folder)
    assert code == 3
    (finding,) = found["tables"]["raw/flights"]["findings"]
    program, verb, *options = shlex.split(finding["advice"])
    assert (program, verb) == ("headrace", "fsck")
    code, mended = as_json(lake.folder, *options)
    assert code == 0
    assert [each["kind"] for each in mended["tables"]["raw/flights"]["repaired"]] == [
        "corrupt_checkpoint",
        "missing_checkpoint",
    ]
    assert as_json(lake.folder)[1]["sound"]


def test_a_repair_is_told(lake):
    os.truncate(lake.entry(LAST), 0)
    answer = fsck(lake.folder, "--repair")
    assert answer.exit_code == 0
    assert f"repaired: raw/flights/_delta_log/{lake.entry(LAST).name} (empty_commit)" in answer.stdout


def test_one_damaged_table_hides_no_other(lake):
    shutil.copytree(lake.table, lake.table.with_name("orders"))
    os.truncate(lake.entry(LAST), 0)
    code, found = as_json(lake.folder)
    assert code == 3
    assert {name: bool(table["findings"]) for name, table in found["tables"].items()} == {
        "raw/flights": True,
        "raw/orders": False,
    }
    assert as_json(lake.folder, "--topic", "orders")[0] == 0
    assert as_json(lake.folder, "--table", "raw/flights/")[0] == 3


def test_litter_is_told_and_exits_with_0(lake):
    (lake.log / "x.tmp").write_text("")
    answer = fsck(lake.folder)
    assert answer.exit_code == 0
    assert "not needed: raw/flights/_delta_log/x.tmp (stray)" in answer.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--topic", "flihgts"], "there is no table 'raw/flihgts' in .*Did you mean: raw/flights"),
        (["--litter-age-h", "0.5"], "a younger file may be of a commit in flight. The least is 1"),
    ],
)
def test_a_wrong_option_is_told_with_what_is_right(lake, options, message):
    answer = fsck(lake.folder, *options)
    assert answer.exit_code == 2
    assert re.search(message, answer.stderr)


def test_deep_is_what_finds_a_flipped_bit(lake):
    flip(lake.data_file(4))
    assert fsck(lake.folder).exit_code == 0
    answer = fsck(lake.folder, "--deep")
    assert answer.exit_code == 3
    assert "CRC checksum verification failed" in answer.stdout


def test_the_audit_of_a_journal_alone_needs_no_pipeline_file(lake):
    options = ["audit", "--lake", str(lake.folder), "--journal", str(lake.journal())]
    assert CliRunner().invoke(app, options).exit_code == 0
    lake.data_file(4).unlink()
    answer = CliRunner().invoke(app, options)
    assert answer.exit_code == 1
    unknown = CliRunner().invoke(app, [*options, "--topic", "orders"])
    assert unknown.exit_code == 2
    assert "has no topic 'orders'. Did you mean: flights?" in unknown.stderr
    without = CliRunner().invoke(app, ["audit"])
    assert (without.exit_code, "name a pipeline file" in without.stderr) == (2, True)
