"""Which rebuild is present, and the switch from one to another."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.numbered_lake import land_orders, present_tables, stand, write_rebuild
from support.shop import write_shop
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.errors import CheckFailed, ContractError, Held, LockTimeout, Superseded, UsageError
from headrace.holds import Failure, Hold, write_hold
from headrace.locks import exclusive
from headrace.rebuilds import Making, Standing, numbers_in, read_standing, write_standing
from headrace.source_lock import source_lock
from headrace.source_switch import Switched, switch_source
from headrace.tables import group_tables

MAKING = Making(3, 2, "0" * 12, {("topic-0", 0): 41, ("topic-0", 1): -1})


class TestStanding:
    """The file that says which rebuild is present."""

    def test_what_stands_is_read_as_it_was_written_under_each_definition(self, tmp_path):
        file = tmp_path / "clean" / ".orders.rebuilds.json"
        write_standing(file, "0123456789ab", Standing(1, 0, MAKING))
        write_standing(file, "ba9876543210", Standing(2, 7))
        assert read_standing(file, "0123456789ab") == Standing(1, 0, MAKING)
        assert read_standing(file, "ba9876543210") == Standing(2, 7)
        assert read_standing(file, "another") == Standing()
        assert [path.name for path in file.parent.iterdir()] == [file.name]

    @pytest.mark.parametrize("content", ["", "[]", "{", '{"0123456789ab": {}}', '{"0123456789ab": {"present": "x"}}'])
    def test_a_file_of_another_kind_is_named_and_never_taken_for_the_newest_folder(self, tmp_path, content):
        file = present_tables(tmp_path).rebuilds
        file.parent.mkdir(parents=True)
        file.write_text(content)
        with pytest.raises(ContractError, match=r"orders\.rebuilds\.json does not say which rebuild is present"):
            present_tables(tmp_path)

    def test_the_first_is_present_before_there_is_any(self, tmp_path):
        assert present_tables(tmp_path).number == 1

    def test_without_the_file_the_newest_folder_is_present_and_with_it_the_one_that_it_names(self, tmp_path):
        tables = present_tables(tmp_path)
        for number in (1, 2, 10):
            tables.numbered(number).clean.mkdir(parents=True)
        (tables.clean.parent / f"{tables.definition}-x").mkdir()
        assert numbers_in(tables.clean.parent, tables.definition) == [1, 2, 10]
        assert present_tables(tmp_path).number == 10
        stand(tables, 2)
        found = present_tables(tmp_path)
        assert {folder.name for folder in (found.clean, found.quarantine, found.duplicates, found.checks)} == {
            f"{tables.definition}-2"
        }

    def test_pushed_rows_stay_where_they_are_whichever_rebuild_of_a_group_is_present(self, tmp_path):
        before = group_tables(tmp_path, "shop", "sales", "0123456789ab")
        write_standing(before.rebuilds, "0123456789ab", Standing(2))
        found = group_tables(tmp_path, "shop", "sales", "0123456789ab")
        assert (found.features.name, found.pushed) == ("0123456789ab-2", before.pushed)

    def test_who_began_before_a_switch_writes_nothing_after_it(self, tmp_path):
        began_with = present_tables(tmp_path)
        with source_lock(began_with, wait_s=1, purpose="clean orders"):
            stand(began_with, 2)
        again = pytest.raises(Superseded, match=r"switched to its rebuild 2, and this run began with 1.*Start it again")
        with again, source_lock(began_with, wait_s=1, purpose="clean orders"):
            pytest.fail("it was let in")
        with source_lock(present_tables(tmp_path), wait_s=1, purpose="clean orders"):
            pass


class TestSwitch:
    """From one rebuild to another, and back."""

    @pytest.fixture
    def lake(self, tmp_path) -> Path:
        """Raw of four orders; rebuild 1, which is present, has three of them, and rebuild 2 all."""
        land_orders(tmp_path, range(4))
        write_rebuild(tmp_path, 2, range(4))
        stand(write_rebuild(tmp_path, 1, range(3)), 1)
        return tmp_path

    def switch(self, lake: Path, number: int) -> Switched:
        return switch_source(lake, "orders", present_tables(lake), number, lock_wait_s=0.2)

    def test_it_says_what_was_present_and_the_way_back_what_waits_there(self, lake):
        assert self.switch(lake, 2) == Switched(before=1, present=2, waiting=0)
        assert present_tables(lake).number == 2
        assert self.switch(lake, 1) == Switched(before=2, present=1, waiting=1)
        assert present_tables(lake).number == 1

    def test_to_the_present_one_it_changes_nothing(self, lake):
        before = present_tables(lake).rebuilds.read_bytes()
        assert self.switch(lake, 1) == Switched(before=1, present=1, waiting=1)
        assert present_tables(lake).rebuilds.read_bytes() == before

    @pytest.mark.parametrize(
        ("clean", "fault"), [((0, 1, 3), "1 lost"), ((0, 1, 2, 3, 3), "1 doubled"), ((0, 1, 2, 3, 9), "1 unexplained")]
    )
    def test_tables_that_do_not_balance_are_never_switched_to(self, lake, clean, fault):
        write_rebuild(lake, 3, clean)
        with pytest.raises(
            CheckFailed, match=rf"rebuild 3 .*does not balance: {fault}.*Rebuild 1 is present as before"
        ):
            self.switch(lake, 3)
        assert present_tables(lake).number == 1

    def test_a_number_that_is_not_there_is_refused_with_those_that_are(self, lake):
        with pytest.raises(UsageError, match=r"has no rebuild 7 .*There are: 1, 2"):
            self.switch(lake, 7)

    def test_one_that_is_being_made_is_refused_with_what_finishes_it(self, lake):
        tables = write_rebuild(lake, 3, range(2))
        write_standing(tables.rebuilds, tables.definition, Standing(1, 0, MAKING))
        with pytest.raises(UsageError, match=r"rebuild 3 .*is not finished.*headrace rebuild -p FILE orders"):
            self.switch(lake, 3)
        self.switch(lake, 2)
        assert read_standing(tables.rebuilds, tables.definition).making == MAKING

    def test_what_is_held_is_decided_first(self, lake):
        hold = Hold({("topic-0", 0): 3}, 1, [Failure("few", "1", "at least 2")], 1_357_000_000_000_000)
        write_hold(present_tables(lake).hold, hold)
        with pytest.raises(Held, match="headrace release"):
            self.switch(lake, 2)

    def test_it_waits_for_a_run_that_cleans_and_names_it(self, lake):
        with exclusive(present_tables(lake).lock, wait_s=1, purpose="stream orders"), pytest.raises(LockTimeout):
            self.switch(lake, 2)

    def test_the_verb_says_what_follows(self, lake):
        file = write_shop(lake / "shop.yaml")
        answer = CliRunner().invoke(app, ["switch", "orders", "2", "-p", str(file), "--lake", str(lake)])
        assert answer.exit_code == 0
        assert answer.stdout.splitlines() == [
            "Rebuild 2 of orders is present; before it was 1.",
            "A stream of orders ends by itself; start it again, and it goes on with the present tables.",
        ]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["ordres", "2"], "there is no source named 'ordres'. Did you mean: orders?"),
            (["orders", "7"], "has no rebuild 7"),
        ],
    )
    def test_the_verb_refuses_what_cannot_be(self, lake, arguments, message):
        file = write_shop(lake / "shop.yaml")
        answer = CliRunner().invoke(app, ["switch", *arguments, "-p", str(file), "--lake", str(lake)])
        assert answer.exit_code == 2
        assert message in answer.stderr
