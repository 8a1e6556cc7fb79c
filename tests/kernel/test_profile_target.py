"""What a person asks to be profiled: tables by name or path, columns by name, and the answer where there is none."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.errors import UsageError
from headrace.profile.target import Choice, Target, choose_columns, find_target

KINDS = {"origin": "category", "event_at": "time", "arrived_at": "time", "delay": "number", "tags": "other"}
TABLE = Target("flights/features/delays/0f0f-1", None, "features")


@pytest.fixture
def lake(tmp_path):
    for name in (
        "raw/orders",
        "tables/planes",
        "shop/clean/orders/aaaa-1",
        "shop/clean/sales/bbbb-1",
        "shop/clean/sales/cc-1",
    ):
        (tmp_path / name / "_delta_log").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("raw/orders", "raw/orders"),
        ("tables/planes/", "tables/planes"),
        ("shop/clean/orders/aaaa-1", "shop/clean/orders/aaaa-1"),
        ("shop/clean/orders", "shop/clean/orders/aaaa-1"),
    ],
)
def test_a_table_of_the_lake_is_found_by_its_name_with_or_without_its_definition(lake, asked, name):
    assert find_target(asked, lake).name == name


def test_a_folder_that_holds_a_delta_table_is_found_by_its_path_and_named_by_the_lake_where_it_is_in_it(lake, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "weather"
    (elsewhere / "_delta_log").mkdir(parents=True)
    assert find_target(str(elsewhere), lake) == Target("weather", elsewhere, None)
    assert find_target(str(lake / "raw" / "orders"), lake).name == "raw/orders"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("raw/order", r"there is no table 'raw/order': .* Did you mean: raw/orders"),
        ("shop/clean/sales", "several definitions. Name one of them: shop/clean/sales/bbbb-1, shop/clean/sales/cc-1"),
    ],
)
def test_a_table_that_is_not_there_is_answered_with_near_names(lake, asked, message):
    with pytest.raises(UsageError, match=message):
        find_target(asked, lake)


def choice(target=TABLE, kinds=KINDS, **asked):
    return choose_columns(target, kinds, **{"time": None, "keys": (), "label": None, "interval": False} | asked)


def test_a_feature_table_has_its_own_time_and_keys():
    assert choice() == Choice("event_at", ("origin",), None)


def test_another_table_has_its_first_time_and_no_keys_unless_they_are_named():
    table = Target("tables/weather", None, "tables")
    kinds = {"origin": "category", "seen_at": "time", "at": "time"}
    assert choice(table, kinds) == Choice("seen_at", (), None)
    assert choice(table, kinds, time="at", keys=("origin",)) == Choice("at", ("origin",), None)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"label": "dlay"}, "--label: flights/features/delays/0f0f-1 has no column 'dlay'. Did you mean: delay"),
        ({"keys": ("orgin",)}, "--key: .* has no column 'orgin'. Did you mean: origin"),
        ({"time": "delay"}, "--time: column 'delay' of .* holds no time. Those that do: event_at, arrived_at"),
        ({"label": "tags"}, "--label: column 'tags' of .* is neither number, category nor time"),
        ({"kinds": {"a": "number"}, "interval": True}, "--from and --to select by time, and .* has no column of time"),
    ],
)
def test_a_column_that_cannot_be_what_was_asked_is_refused(asked, message):
    with pytest.raises(UsageError, match=message):
        choice(**asked)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["raw/order"], "Did you mean: raw/orders"),
        (["raw/orders", "--from", "yesterday"], "--from: 'yesterday' is no time. Write ISO 8601"),
        (
            ["raw/orders", "--from", "2013-02-01", "--to", "2013-01-01"],
            "--to 2013-01-01 is not after --from 2013-02-01",
        ),
    ],
)
def test_the_command_line_refuses_before_it_starts_spark(lake, options, message):
    answer = CliRunner().invoke(app, ["profile", *options, "--lake", str(lake)])
    assert answer.exit_code == 2
    assert message in answer.output
