"""Publishing by table version: late rows are seen, going back is refused, work is proportional to what changed."""

from __future__ import annotations

import shutil

import pytest
from deltalake import DeltaTable
from support.feature_lake import BANK, HOUR_US, T0_US, FeatureLake

from headrace.errors import ContractError, LockTimeout, UsageError
from headrace.features import OnlineClient, TrainingClient
from headrace.features import materialize as module
from headrace.features.materialize import materialize
from headrace.features.online_rows import Published
from headrace.locks import exclusive
from headrace.settings import Settings

AT_US = T0_US + 10 * HOUR_US


@pytest.fixture
def lake(tmp_path):
    return FeatureLake(tmp_path)


def row(account, event_at_us, amount=1.0, **more):
    return {"account": account, "event_at": event_at_us, "amount": amount, **more}


def publish(lake, at_us=AT_US):
    return materialize(lake.pipeline, lake.settings(at_us), ["account_last"])["account_last"]


def amounts(lake, accounts, at_us=AT_US):
    with OnlineClient(lake.pipeline, lake.settings(at_us)) as client:
        return client.vectors("account_only", {"account": accounts}).to_arrow()["account_last__amount"].to_pylist()


def test_the_newest_row_of_each_key_up_to_now_is_published(lake):
    lake.build("account_last", [row("a", AT_US, 1), row("a", AT_US - 5, 2), row("b", AT_US + 1, 3)])
    found = publish(lake)
    assert (found.keys, found.written) == (1, 1)
    features = lake.tables("account_last").features
    assert found.published == Published(0, None, AT_US, features.name, DeltaTable(features).metadata().id)
    assert amounts(lake, ["a", "b"]) == [1, None]


def test_what_was_in_the_table_becomes_visible_when_its_time_comes(lake):
    lake.build("account_last", [row("a", AT_US - 1, 1), row("a", AT_US + 1, 2), row("b", AT_US - 1, 3)])
    publish(lake)
    assert publish(lake, AT_US + 1).keys == 1
    assert amounts(lake, ["a", "b"], AT_US + 1) == [2, 3]


def test_a_late_row_is_seen_by_the_next_publication(lake):
    """It lies before the last published instant, where a publication by event time would not look again."""
    lake.build("account_last", [row("a", AT_US - 10, 1)])
    publish(lake)
    lake.build("account_last", [row("a", AT_US - 5, 2), row("late", AT_US - 7, 3)])
    assert publish(lake).written == 2
    assert amounts(lake, ["a", "late"]) == [2, 3]


def test_a_late_correction_is_published_and_a_late_older_row_is_not(lake):
    lake.build("account_last", [row("a", AT_US - 5, 1), row("b", AT_US - 5, 1)])
    publish(lake)
    lake.build("account_last", [row("a", AT_US - 5, None), row("b", AT_US - 9, 7)])
    publish(lake)
    assert amounts(lake, ["a", "b"]) == [None, 1]


def test_a_pushed_row_is_seen_whatever_its_clocks_say(lake):
    lake.build("account_last", [row("a", AT_US - 5, 1)])
    publish(lake)
    lake.push("account_last", [row("a", AT_US - 4, 2, _created_at=0)])
    publish(lake)
    assert amounts(lake, ["a"]) == [2]
    lake.push("account_last", [row("b", AT_US - 9, 3, _created_at=0)])
    assert publish(lake).keys == 1
    assert amounts(lake, ["b"]) == [3]


@pytest.mark.parametrize("published_between", [False, True])
def test_of_pushed_rows_with_all_clocks_alike_the_last_one_holds_online_and_offline(lake, published_between):
    """Whoever pushes may say when a row was computed, and say the same twice."""
    lake.build("account_last", [])
    lake.push("account_last", [row("a", AT_US - 5, 1, _created_at=7), row("a", AT_US - 5, 2, _created_at=7)])
    if published_between:
        publish(lake)
    for amount in (9, 4, 6, 3):
        lake.push("account_last", [row("a", AT_US - 5, amount, _created_at=7)])
    publish(lake)
    assert amounts(lake, ["a"]) == [3]
    client = TrainingClient(lake.pipeline, lake.settings())
    answers = [client.features_at("account_only", {"account": ["a"]}, [AT_US]) for _ in range(20)]
    assert {answer["account_last__amount"][0].as_py() for answer in answers} == {3}


@pytest.mark.parametrize("at_us", [253_402_300_800_000_000, -62_135_596_800_000_001])
def test_an_instant_outside_the_years_of_python_is_named_with_its_feature(tmp_path, at_us):
    lake = FeatureLake(tmp_path, BANK.replace("latest: [amount, kind", "latest: [paid_at, amount, kind"))
    lake.build("account_last", [row("a", AT_US - 5, paid_at=at_us)])
    with pytest.raises(ContractError, match=r"'account_last' cannot be published: 'paid_at' has a value outside"):
        publish(lake)


def test_where_nothing_changed_nothing_is_read(lake, monkeypatch):
    lake.build("account_last", [row("a", AT_US - 5, 1)])
    publish(lake)
    monkeypatch.setattr(module, "read_group", None)
    found = publish(lake, AT_US + 5)
    assert (found.keys, found.written, found.published.instant_us) == (0, 0, AT_US + 5)


def test_only_what_changed_is_read(lake, monkeypatch):
    lake.build("account_last", [row("a", AT_US - 5, 1), row("b", AT_US + 1, 2)])
    publish(lake)
    lake.build("account_last", [row("c", AT_US - 9, 3), row("a", AT_US + 9, 4)])
    lake.push("account_last", [row("d", AT_US - 9, 5)])
    monkeypatch.setattr(module, "read_group", None)
    assert publish(lake, AT_US + 1).written == 3
    assert amounts(lake, ["a", "b", "c", "d"], AT_US + 1) == [1, 2, 3, 5]


def test_a_table_that_was_removed_and_made_again_is_looked_at_whole(lake):
    """Its folder and its version are those that were published."""
    lake.build("account_last", [row("a", AT_US - 5, 1)])
    lake.push("account_last", [row("b", AT_US - 5, 1)])
    publish(lake)
    shutil.rmtree(lake.tables("account_last").pushed)
    lake.push("account_last", [row("b", AT_US - 4, 2)])
    publish(lake)
    shutil.rmtree(lake.tables("account_last").features)
    lake.build("account_last", [row("a", AT_US - 4, 2)])
    assert publish(lake).published.features_version == 0
    assert amounts(lake, ["a", "b"]) == [2, 2]


def test_a_data_file_that_is_gone_is_named(lake):
    lake.build("account_last", [row("a", AT_US - 5, 1)])
    publish(lake)
    features = lake.tables("account_last").features
    before = set(features.glob("*.parquet"))
    lake.build("account_last", [row("b", AT_US - 5, 1)])
    (added,) = set(features.glob("*.parquet")) - before
    added.unlink()
    with pytest.raises(ContractError, match=rf"cannot be read.*{added.name}"):
        publish(lake)


def test_a_rebuild_is_looked_at_whole_though_its_versions_count_anew(lake):
    lake.build("account_last", [row("a", AT_US - 5, 1)])
    publish(lake)
    first = lake.tables("account_last").features
    lake.created_us += 100
    second = first.with_name(first.name[:-1] + "2")
    second.mkdir()
    lake.build("account_last", [row("a", AT_US - 5, 2)])
    assert (second / "_delta_log").is_dir()
    publish(lake)
    assert amounts(lake, ["a"]) == [2]


def test_of_another_rebuild_only_its_own_rows_are_published_though_some_are_older_and_some_are_gone(lake):
    lake.build("account_last", [row("a", AT_US - 5, 1), row("b", AT_US - 5, 1), row("c", AT_US - 5, 1)])
    lake.push("account_last", [row("d", AT_US - 5, 4)])
    publish(lake)
    first = lake.tables("account_last")
    first.features.with_name(first.features.name[:-1] + "2").mkdir()
    lake.build("account_last", [row("a", AT_US - 9, 2), row("b", AT_US - 5, 2)])
    assert publish(lake).published.rebuild == lake.tables("account_last").features.name != first.features.name
    assert amounts(lake, ["a", "b", "c", "d"]) == [2, 2, None, 4]
    lake.build("account_last", [row("c", AT_US - 5, 3)])
    assert publish(lake).keys == 1
    assert amounts(lake, ["a", "b", "c", "d"]) == [2, 2, 3, 4]


def test_an_earlier_version_that_is_gone_means_that_all_keys_are_looked_at(lake):
    lake.build("account_last", [row("a", AT_US - 5, 1)])
    publish(lake)
    lake.build("account_last", [row("b", AT_US - 5, 2)])
    DeltaTable(lake.tables("account_last").features).create_checkpoint()
    next((lake.tables("account_last").features / "_delta_log").glob("*00.json")).unlink()
    assert publish(lake).keys == 2
    assert amounts(lake, ["a", "b"]) == [1, 2]


def test_going_back_is_refused_and_changes_nothing(lake):
    lake.build("account_last", [row("a", AT_US - 5, 1)])
    publish(lake)
    with pytest.raises(UsageError, match=r"published as of 2024-03-01T10:00:00Z.*going back.*empty store"):
        publish(lake, AT_US - 1)
    assert amounts(lake, ["a"]) == [1]


def test_what_is_not_built_is_refused_in_the_words_of_the_verb_that_makes_it(lake):
    with pytest.raises(
        ContractError, match=r"the features of 'account_last' are not there.*`headrace build account_last`"
    ):
        publish(lake)


def test_a_group_that_is_not_declared_is_refused(lake):
    with pytest.raises(UsageError, match=r"no feature group 'acount_last'. Did you mean: account_last"):
        materialize(lake.pipeline, lake.settings(AT_US), ["acount_last"])


def test_two_publications_of_a_group_do_not_run_at_once(lake):
    lake.build("account_last", [row("a", AT_US - 5, 1)])
    settings = lake.settings(AT_US).model_copy(update={"lock_wait_s": 0.1})
    with (
        exclusive(settings.online_store / ".bank-account_last.lock", wait_s=1, purpose="test"),
        pytest.raises(LockTimeout, match="test"),
    ):
        materialize(lake.pipeline, settings, ["account_last"])


def test_now_is_read_when_nobody_else_publishes_the_group_any_more(lake):
    """One who waits for another publication must not publish as of an instant before that of the other."""
    lake.build("account_last", [row("a", AT_US - 5, 1)])
    lock_file = lake.settings().online_store / ".bank-account_last.lock"

    class Watched(Settings):
        def now_us(self):
            with pytest.raises(LockTimeout), exclusive(lock_file, wait_s=0, purpose="test"):
                pass
            return AT_US

    settings = Watched(**lake.settings().model_dump())
    assert materialize(lake.pipeline, settings, ["account_last"])["account_last"].published.instant_us == AT_US
