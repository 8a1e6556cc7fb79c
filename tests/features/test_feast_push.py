"""`push` to the online store, the lake, or both; and what Feast's own path cannot do, beside the verb that can."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pandas as pd
import pytest
from feast.data_source import PushMode
from feast.errors import FeatureServiceNotFoundException, FeatureViewNotFoundException
from support.feast_lake import FeastLake, asked, at, online_answers, pushed
from support.feature_lake import BANK, HOUR_US, T0_US

from headrace.errors import UsageError
from headrace.features import OnlineClient
from headrace.features.group_rows import read_group
from headrace.features.materialize import materialize

KEYS = [{"account": "a"}]


@pytest.fixture
def lake(tmp_path):
    lake = FeastLake(tmp_path)
    lake.build("account_last", [row("a", T0_US - 9, 1.0)])
    return lake


def row(account, event_at_us, amount, **more):
    return {"account": account, "event_at": event_at_us, "amount": amount, **more}


def offline(lake, store):
    found = store.get_historical_features(asked({"account": ["a"]}, [T0_US]), ["account_last:amount"])
    return found.to_arrow()["amount"].to_pylist()


def stored(lake):
    """The rows that were pushed into the lake."""
    rows = read_group(lake.spec("account_last"), lake.tables("account_last"))
    return [found for found in rows.to_pylist() if found["event_at"] != at(T0_US - 9)]


@pytest.mark.parametrize(
    ("to", "expected_online", "expected_offline"),
    [
        (PushMode.ONLINE, ("PRESENT", 2.0), [1.0]),
        (PushMode.OFFLINE, ("NOT_FOUND", None), [2.0]),
        (PushMode.ONLINE_AND_OFFLINE, ("PRESENT", 2.0), [2.0]),
    ],
)
def test_a_push_goes_where_it_is_sent(lake, to, expected_online, expected_offline):
    store = lake.store(T0_US)
    store.push("account_last", pushed([row("a", T0_US - 1, 2.0)]), to=to)
    assert online_answers(store, "account_last", "amount", KEYS) == [expected_online]
    assert offline(lake, store) == expected_offline


def test_a_push_may_be_awaited(lake):
    store = lake.store(T0_US)
    asyncio.run(store.push_async("account_last", pushed([row("a", T0_US - 1, 2.0)]), to=PushMode.ONLINE_AND_OFFLINE))
    assert online_answers(store, "account_last", "amount", KEYS) == [("PRESENT", 2.0)]
    assert offline(lake, store) == [2.0]


def test_what_was_pushed_to_the_lake_is_published_by_feast_and_by_headrace(lake):
    store = lake.store(T0_US)
    store.push("account_last", pushed([row("a", T0_US - 1, 2.0)]), to=PushMode.OFFLINE)
    store.materialize_incremental(at(T0_US), ["account_last"])
    assert online_answers(store, "account_last", "amount", KEYS) == [("PRESENT", 2.0)]
    store.push("account_last", pushed([row("a", T0_US - 1, 3.0)]), to=PushMode.OFFLINE)
    materialize(lake.pipeline, lake.settings(T0_US), ["account_last"])
    assert online_answers(store, "account_last", "amount", KEYS) == [("PRESENT", 3.0)]


def test_a_pushed_row_was_known_when_it_was_computed_and_computed_no_later_than_now(lake):
    begun = datetime.now(UTC)
    said, future = datetime(2024, 3, 1, 5, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
    rows = [row("a", T0_US, 1.0), row("b", T0_US, 2.0, _created_at=said), row("c", T0_US, 3.0, _created_at=future)]
    lake.store(T0_US).push("account_last", pushed(rows), to=PushMode.OFFLINE)
    unsaid, then, capped = sorted(stored(lake), key=lambda found: found["account"])
    assert (then["known_at"], then["_created_at"]) == (said, said)
    assert begun <= unsaid["_created_at"] == unsaid["known_at"] <= datetime.now(UTC)
    assert begun <= capped["_created_at"] <= datetime.now(UTC)


def test_naive_instants_of_a_push_are_utc(lake):
    store = lake.store(T0_US)
    frame = pushed([row("a", T0_US - 1, 2.0)])
    frame["event_at"] = frame["event_at"].dt.tz_localize(None)
    store.push("account_last", frame, to=PushMode.ONLINE_AND_OFFLINE)
    assert online_answers(store, "account_last", "amount", KEYS) == [("PRESENT", 2.0)]
    assert [found["event_at"] for found in stored(lake)] == [at(T0_US - 1)]


def test_a_push_of_a_row_of_the_future_stores_nothing_and_says_where_it_may_go(lake):
    store = lake.store(T0_US)
    frame = pushed([row("a", T0_US + 5, 2.0)])
    with pytest.raises(UsageError, match=r"push them offline only, and `headrace materialize` publishes each when"):
        store.push("account_last", frame, to=PushMode.ONLINE_AND_OFFLINE)
    assert stored(lake) == []
    store.push("account_last", frame, to=PushMode.OFFLINE)
    materialize(lake.pipeline, lake.settings(T0_US), ["account_last"])
    assert online_answers(store, "account_last", "amount", KEYS) == [("PRESENT", 1.0)]
    materialize(lake.pipeline, lake.settings(T0_US + 5), ["account_last"])
    assert online_answers(lake.store(T0_US + 5), "account_last", "amount", KEYS) == [("PRESENT", 2.0)]


def test_a_push_without_an_instant_or_with_a_wrong_value_is_refused(lake):
    store = lake.store(T0_US)
    frame = pushed([row("a", T0_US - 1, 2.0), row("b", T0_US - 1, 2.0)])
    frame.loc[1, "event_at"] = pd.NaT
    with pytest.raises(UsageError, match=r"a pushed row of 'account_last' has no event_at. Leave it out"):
        store.push("account_last", frame, to=PushMode.OFFLINE)
    frame = pushed([row("a", T0_US - 1, 2.0)]).assign(pieces=1.5)
    with pytest.raises(UsageError, match="the pushed column 'pieces' is a long, and a value is none"):
        store.push("account_last", frame, to=PushMode.OFFLINE)
    assert stored(lake) == []


def test_feast_names_the_columns_that_a_push_to_the_lake_lacks_or_has_too_many(lake):
    frame = pushed([row("a", T0_US - 1, 2.0)]).rename(columns={"kind": "knid"})
    with pytest.raises(ValueError, match=r"missing_expected_columns: \['kind'\], extra_unexpected_columns: \['knid'\]"):
        lake.store(T0_US).push("account_last", frame, to=PushMode.OFFLINE)


def test_feast_drops_a_push_that_is_null_throughout_and_headrace_does_not(lake):
    """Feast warns and returns before it asks the store. Through the lake the nulls arrive."""
    store = lake.store(T0_US)
    materialize(lake.pipeline, lake.settings(T0_US), ["account_last"])
    nulls = pushed([row("a", T0_US - 1, None)])
    with pytest.warns(UserWarning, match="Cannot write dataframe with empty feature columns to online store"):
        store.push("account_last", nulls, to=PushMode.ONLINE_AND_OFFLINE)
    assert online_answers(store, "account_last", "amount", KEYS) == [("PRESENT", 1.0)]
    materialize(lake.pipeline, lake.settings(T0_US), ["account_last"])
    assert online_answers(store, "account_last", "amount", KEYS) == [("NULL_VALUE", None)]


def test_feast_passes_over_a_late_row_and_headrace_does_not(lake):
    """Feast goes on from the event time up to which it has published; Headrace goes by what the table has gained."""
    store = lake.store(T0_US)
    store.materialize_incremental(at(T0_US - 5), ["account_last"])
    lake.build("account_last", [row("late", T0_US - 7, 4.0)])
    store = lake.store(T0_US)
    store.materialize_incremental(at(T0_US), ["account_last"])
    keys = [{"account": "late"}]
    assert online_answers(store, "account_last", "amount", keys) == [("NOT_FOUND", None)]
    materialize(lake.pipeline, lake.settings(T0_US), ["account_last"])
    assert online_answers(store, "account_last", "amount", keys) == [("PRESENT", 4.0)]


def test_feast_keeps_whole_seconds_of_a_timestamp_and_headrace_all_of_it(lake):
    text = BANK.replace("due_on: {type: date}", "due_on: {type: timestamp}")
    lake = FeastLake(lake.folder, text)
    due = at(T0_US + 1_500_000)
    lake.build("desk_last", [{"account": "a", "branch": 1, "event_at": T0_US, "due_on": T0_US + 1_500_000}])
    store, keys = lake.store(T0_US), {"account": "a", "branch": 1}
    store.materialize_incremental(at(T0_US), ["desk_last"])
    assert online_answers(store, "desk_last", "due_on", [keys]) == [("PRESENT", due.replace(microsecond=0))]
    materialize(lake.pipeline, lake.settings(T0_US), ["desk_last"])
    with OnlineClient(lake.pipeline, lake.settings(T0_US)) as client:
        assert client.vector("desk_only", keys).values["desk_last__due_on"] == due


def test_feast_rounds_a_whole_number_above_2_to_the_53_that_is_pushed_beside_a_null_and_headrace_does_not(lake):
    store = lake.store(T0_US)
    frame = pushed([row("a", T0_US - 1, 2.0, pieces=2**53 + 1), row("b", T0_US - 1, 2.0)])
    store.push("account_last", frame, to=PushMode.ONLINE_AND_OFFLINE)
    assert online_answers(store, "account_last", "pieces", KEYS) == [("PRESENT", 2**53)]
    materialize(lake.pipeline, lake.settings(T0_US), ["account_last"])
    assert online_answers(store, "account_last", "pieces", KEYS) == [("PRESENT", 2**53 + 1)]


def test_feast_says_which_name_it_does_not_know(lake):
    store = lake.store(T0_US)
    with pytest.raises(KeyError, match="Feature amuont not found in projection account_last"):
        store.get_online_features(["account_last:amuont"], KEYS)
    with pytest.raises(KeyError, match="Feature amuont not found in projection account_last"):
        store.get_historical_features(asked({"account": ["a"]}, [T0_US]), ["account_last:amuont"])
    with pytest.raises(FeatureViewNotFoundException, match="Feature view acount_last does not exist"):
        store.get_online_features(["acount_last:amount"], KEYS)
    with pytest.raises(FeatureServiceNotFoundException, match="Feature service riks does not exist"):
        store.get_feature_service("riks")


def test_feast_overlooks_a_key_that_no_view_has(lake):
    store = lake.store(T0_US + HOUR_US)
    assert online_answers(store, "account_last", "amount", [{"account": "a", "city": "x"}]) == [("NOT_FOUND", None)]
