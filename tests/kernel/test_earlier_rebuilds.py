"""What keeps the tables of earlier rebuilds from being removed, and that the others go whole."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from support.numbered_lake import present_tables, stand, write_rebuild
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.earlier_rebuilds import earlier_rebuilds, remove
from headrace.errors import ContractError
from headrace.lake_tables import choose_tables
from headrace.pins import Pin
from headrace.rebuilds import Making, Standing, numbers_in, write_standing
from headrace.source_switch import switch_source
from headrace.tables import group_tables

HOUR_US = 3_600_000_000
MAKING = Making(3, 2, "0" * 12)


def write_features(folder: Path) -> None:
    """A table with one row."""
    write_deltalake(folder, pa.table({"x": [1]}))


def removing(most: int):
    """A removal of folders that fails after some."""
    removed: list[Path] = []

    def remove(folder: Path) -> None:
        if len(removed) == most:
            raise OSError("no more")
        removed.append(folder)
        shutil.rmtree(folder)

    return remove


class TestRemoval:
    """`headrace vacuum --rebuilds`."""

    @pytest.fixture
    def lake(self, tmp_path) -> Path:
        """Rebuild 2 of 3 is present for eight days; rebuild 3 is being made; 1 has a checkpoint of its stream, too."""
        for number in (1, 2, 3):
            tables = write_rebuild(tmp_path, number, range(3))
        since_us = time.time_ns() // 1000 - 192 * HOUR_US
        write_standing(tables.rebuilds, tables.definition, Standing(2, since_us, MAKING))
        (tmp_path / "shop" / "checkpoints" / "orders" / tables.numbered(1).clean.name / "offsets").mkdir(parents=True)
        return tmp_path

    def vacuum(self, lake: Path, *options: str):
        return CliRunner().invoke(app, ["vacuum", "--rebuilds", "--lake", str(lake), "--json", *options])

    def found(self, lake: Path, *options: str) -> dict:
        answer = self.vacuum(lake, *options)
        assert answer.exit_code == 0, answer.stderr
        return json.loads(answer.stdout)["rebuilds"]

    def numbers(self, lake: Path) -> list[int]:
        tables = present_tables(lake)
        return numbers_in(tables.clean.parent, tables.definition)

    def test_the_present_one_and_the_one_that_is_made_stay_and_others_go_whole(self, lake):
        first = present_tables(lake).numbered(1)
        name = str(first.clean.relative_to(lake))
        would = self.found(lake, "--dry-run")
        assert ({key: each["removed"] for key, each in would.items()}, self.numbers(lake)) == ({name: True}, [1, 2, 3])
        assert self.found(lake) == would
        assert would[name]["bytes"] > 1000
        assert self.numbers(lake) == [2, 3]
        assert list(lake.rglob(first.clean.name)) == []
        assert self.found(lake) == {}

    @pytest.mark.parametrize(("hours", "stays"), [("191", False), ("193", True)])
    def test_one_that_was_present_lately_stays_and_says_since_when_another_is(self, lake, hours, stays):
        ((_, found),) = self.found(lake, "--retention-h", hours).items()
        assert found["removed"] is not stays
        assert [text.startswith("rebuild 2 is present since 20") for text in found["kept"]] == [True] * stays

    def test_less_than_a_week_is_refused(self, lake):
        answer = self.vacuum(lake, "--retention-h", "24")
        assert (answer.exit_code, self.numbers(lake)) == (2, [1, 2, 3])

    def test_features_that_a_training_set_is_made_from_stay_and_name_it(self, lake):
        for number in (1, 2):
            folder = lake / "shop" / "features" / "sales" / f"0123456789ab-{number}"
            write_features(folder)
        file = group_tables(lake, "shop", "sales", "0123456789ab").rebuilds
        write_standing(file, "0123456789ab", Standing(2, 1))
        name = "shop/features/sales/0123456789ab-1"
        pin = Pin("shop", "deep", "/sets/manifest.json", ((name, 0),)).store(lake)
        assert self.found(lake)[name]["kept"] == [
            f"the training set 'deep' in /sets/manifest.json, pinned by {pin}, is made from it"
        ]
        assert choose_tables(lake, [name], [])
        pin.unlink()
        assert self.found(lake)[name]["removed"]
        assert not (lake / name).exists()

    def test_a_removal_that_was_interrupted_is_gone_on_with(self, lake, monkeypatch):
        monkeypatch.setattr("headrace.earlier_rebuilds._remove", removing(2))
        with pytest.raises(OSError, match="no more"):
            CliRunner().invoke(app, ["vacuum", "--rebuilds", "--lake", str(lake)], catch_exceptions=False)
        monkeypatch.undo()
        assert self.numbers(lake) == [1, 2, 3]
        with pytest.raises(ContractError, match="there is no table"):
            switch_source(lake, "orders", present_tables(lake), 1, lock_wait_s=1)
        self.found(lake)
        assert list(lake.rglob(present_tables(lake).numbered(1).clean.name)) == []

    def test_one_that_was_switched_back_to_meanwhile_stays(self, lake):
        (found,) = earlier_rebuilds(lake, retention_h=168)
        stand(present_tables(lake), 1)
        remove(found, lock_wait_s=1)
        assert self.numbers(lake) == [1, 2, 3]

    def test_named_tables_and_rebuilds_are_not_asked_for_together(self, lake):
        assert self.vacuum(lake, "--topic", "orders").exit_code == 2
