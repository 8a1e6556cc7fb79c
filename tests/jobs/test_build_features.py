"""Building features from the command line of the job: what is refused, what is written, and what the commit says."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from support.event_lake import EventLake
from support.feature_oracle import Event

from headrace.features.group_rows import latest_build
from headrace.jobs import build_features
from headrace.jobs.feature_table import FeatureBuilder
from headrace.locks import exclusive
from headrace.pipeline.times import instant_us

S = 1_000_000
NOON_US = instant_us("2024-03-01T12:00:00Z")
RECENT = {"aggregate": {"events": {"count": "events"}, "x": ["mean"]}, "windows": ["10s"], "hop": "5s"}
LAST = {"latest": ["x"]}


def event(second: int, offset: int, x: float | None = 1.0) -> tuple[Any, Event]:
    at_us = NOON_US + second * S
    return ("a", 1), Event(at_us, at_us, (0, 0, offset), {"x": x})


def make(lake: EventLake, *options: str) -> int:
    return build_features.main([f"--pipeline={lake.write_file()}", f"--lake={lake.folder}", *options])


@pytest.fixture
def lake(tmp_path):
    return EventLake(tmp_path / "lake", recent=RECENT, last=LAST)


@pytest.fixture(scope="module")
def built(spark, tmp_path_factory):
    """A lake whose groups are built until 12:00:20, for tests that only read it or are refused."""
    lake = EventLake(tmp_path_factory.mktemp("built"), recent=RECENT, last=LAST)
    lake.clean([event(1, 0), event(12, 1, None), event(30, 2)])
    assert make(lake, "--until=2024-03-01T12:00:20Z") == 0
    return lake


def test_a_build_writes_what_is_due_until_its_instant(built):
    rows = built.newest("recent")["a", 1]
    assert {(at_us - NOON_US) / S: row["events_count_10s"] for at_us, row in rows.items()} == {
        1.000001: 1,
        12.000001: 2,
        15.0: 1,
    }
    assert list(built.newest("last")["a", 1]) == [NOON_US + S, NOON_US + 12 * S]


def test_the_commit_says_until_when_and_from_which_clean_rows(built):
    build = latest_build(built.tables("recent"))
    assert (build.until_us, build.clean_version, build.clean_created_at_us) == (
        NOON_US + 20 * S,
        DeltaTable(built.source.clean).version(),
        built.created_us,
    )


def test_the_result_counts_what_was_written(built, capsys):
    assert make(built, "--until=2024-03-01T12:00:20Z", "--group=last", "--json-lines") == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {name: result["groups"]["last"][name] for name in ("rows", "total_rows", "until")} == {
        "rows": 0,
        "total_rows": 2,
        "until": "2024-03-01T12:00:20Z",
    }


def test_a_build_never_goes_back(built, capsys):
    before = DeltaTable(built.tables("recent").features).version()
    assert make(built, "--until=2024-03-01T12:00:19.999999Z") == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "feature group 'recent' is built until 2024-03-01T12:00:20Z, and the instant asked for is "
        "2024-03-01T12:00:19.999999Z: a build never goes back. Ask for that instant or a later one (--until, or the "
        "clock of the settings); who wants to see the past, reads as of then"
    )
    assert DeltaTable(built.tables("recent").features).version() == before


def test_a_group_that_is_not_declared_is_answered_with_the_nearest(lake, capsys):
    assert make(lake, "--group=recents") == 2
    assert capsys.readouterr().err == "there is no feature group 'recents'. Did you mean: recent?\n"


def test_an_instant_that_is_none_is_wrong_usage(lake, capsys):
    with pytest.raises(SystemExit) as ended:
        make(lake, "--until=tomorrow")
    assert ended.value.code == 2
    assert "'tomorrow' is not an ISO 8601 date or time" in capsys.readouterr().err


def test_without_clean_rows_the_message_says_what_to_run_and_no_table_is_left(spark, lake, capsys):
    assert make(lake, "--until=2024-03-01T12:00:20Z") == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"feature group 'recent' reads the clean rows of 'events' in {lake.source.clean}, where there is no table. "
        "Make it first: headrace clean events"
    )
    assert not lake.tables("recent").features.exists()


def test_clean_rows_of_another_definition_are_named(spark, lake, capsys):
    lake.clean([event(1, 0)])
    old = lake.source.clean.name
    lake.declared["sources"] = {"events": lake.declared["sources"]["events"] | {"event_at": "at + interval 1 hour"}}
    assert make(lake, "--until=2024-03-01T12:00:20Z") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"(only {old}, of another definition: the pipeline file changed since)" in said
    assert "Traceback" not in said


def test_a_table_with_other_columns_is_refused(spark, lake, capsys):
    lake.clean([event(1, 0)])
    write_deltalake(lake.tables("recent").features, pa.table({"name": ["a"], "x_mean": [1.0]}))
    assert make(lake, "--until=2024-03-01T12:00:20Z", "--group=recent") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"table {lake.tables('recent').features} is not what the pipeline file makes: differing")
    assert said.endswith("move the folder away and build again: headrace build recent")


def test_a_group_that_another_run_builds_is_waited_for_and_then_named(built, capsys):
    with exclusive(built.tables("recent").features_lock, wait_s=1, purpose="build recent"):
        assert make(built, "--until=2024-03-01T12:00:20Z", "--lock-wait-s=0.1") == 1
    assert "(build recent, since" in capsys.readouterr().err.splitlines()[-1]


def test_a_run_that_was_overtaken_loses_no_row(spark, lake):
    """It has read clean for its first group; meanwhile another run builds the second group from newer rows."""
    lake.clean([event(1, 0)])
    slow = lake.builder(spark)
    build_with(slow, lake, "last", 20)
    lake.clean([event(15, 1)])
    lake.build(spark, "recent", NOON_US + 10 * S)
    build_with(slow, lake, "recent", 20)
    assert lake.newest("recent")["a", 1][NOON_US + 15 * S + 1]["events_count_10s"] == 1


def build_with(builder: FeatureBuilder, lake: EventLake, group: str, second: int) -> None:
    builder.build(lake.spec(group), lake.tables(group), lake.source, NOON_US + second * S)
