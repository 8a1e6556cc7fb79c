"""`materialize`, `write_to_online_store`, `get_online_features`: the newest row of each key, with an honest status."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from support.feast_lake import LONG_AGO, T0, FeastLake, answers, at, online_answers, pushed
from support.feature_lake import BANK, HOUR_US, T0_US

from headrace.errors import ContractError, HeadraceWarning, UsageError
from headrace.features import OnlineClient, TrainingClient
from headrace.features.materialize import materialize

FEATURES = ["amount", "kind", "pieces", "refunded"]
KEYS = [{"account": "a"}]


@pytest.fixture
def lake(tmp_path):
    lake = FeastLake(tmp_path)
    lake.build("account_last", [])
    lake.build("desk_last", [])
    return lake


def row(account, event_at_us, amount, **more):
    return {"account": account, "event_at": event_at_us, "amount": amount, **more}


def publish(lake, store, at_us):
    store.materialize(LONG_AGO, at(at_us), ["account_last"])


def write(store, *rows):
    store.write_to_online_store("account_last", pushed(rows))


def amount(store, account="a"):
    (answer,) = online_answers(store, "account_last", "amount", [{"account": account}])
    return answer


def test_every_status_has_its_reason(lake):
    lake.build("account_last", [row("a", T0_US, 1.0), row("null", T0_US, None), row("old", T0_US - 1, 2.0)])
    store = lake.store(T0_US + HOUR_US)
    publish(lake, store, T0_US + HOUR_US)
    keys = [{"account": name} for name in ("never", "old", "null", "a", "a")]
    assert online_answers(store, "account_last", "amount", keys) == [
        ("NOT_FOUND", None),
        ("OUTSIDE_MAX_AGE", None),
        ("NULL_VALUE", None),
        ("PRESENT", 1.0),
        ("PRESENT", 1.0),
    ]


def test_a_value_expires_online_a_microsecond_after_its_ttl(lake):
    """Feast's online stores never look at the ttl."""
    lake.build("account_last", [row("a", T0_US, 1.0)])
    publish(lake, lake.store(T0_US), T0_US)
    assert amount(lake.store(T0_US + HOUR_US)) == ("PRESENT", 1.0)
    assert amount(lake.store(T0_US + HOUR_US + 1)) == ("OUTSIDE_MAX_AGE", None)


def test_the_answer_says_from_when_its_value_holds(lake):
    lake.build("account_last", [row("a", T0_US, 1.0)])
    store = lake.store(T0_US + 2 * HOUR_US)
    publish(lake, store, T0_US)
    found = store.get_online_features(["account_last:amount"], KEYS).to_dict(include_event_timestamps=True)
    assert found == {"account": ["a"], "account__ts": [0], "amount": [None], "amount__ts": [T0_US // 1_000_000]}


def test_a_service_is_answered_in_the_order_of_its_groups_and_as_offline(lake):
    day = date(2024, 2, 29)
    lake.build("account_last", [row("a", T0_US, 1.5, kind="card", pieces=2**53 + 1, refunded=False)])
    lake.build("account_last", [row("b", T0_US, 2.5)])  # a column with a null, which NumPy would make floats of
    lake.build("desk_last", [{"account": "a", "branch": 1, "event_at": T0_US, "amount": 7.0, "due_on": day}])
    store = lake.store(T0_US)
    store.materialize(LONG_AGO, T0)
    keys = {"account": ["a", "b"], "branch": [1, 1]}
    service = store.get_feature_service("risk")
    found = store.get_online_features(service, keys, full_feature_names=True).to_dict()
    assert list(found) == ["account", "branch", *(f"account_last__{name}" for name in FEATURES), *DESK]
    assert found["account_last__pieces"] == [2**53 + 1, None]
    assert found["desk_last__due_on"] == [datetime(2024, 2, 29, tzinfo=UTC), None]
    with OnlineClient(lake.pipeline, lake.settings(T0_US)) as client:
        ours = client.vectors("risk", keys).to_arrow()
    assert ours == TrainingClient(lake.pipeline, lake.settings()).features_at("risk", keys, [T0_US] * 2).select(
        ours.column_names
    )
    assert ours.to_pydict() == {name: found[name] for name in ours.column_names} | {"desk_last__due_on": [day, None]}


DESK = ["desk_last__amount", "desk_last__due_on"]


def test_parts_of_a_key_do_not_run_together_online(lake):
    rows = [("1", 11, 1.0), ("11", 1, 2.0)]
    lake.build("desk_last", [{"account": a, "branch": b, "event_at": T0_US, "amount": value} for a, b, value in rows])
    store = lake.store(T0_US)
    store.materialize(LONG_AGO, T0, ["desk_last"])
    keys = [{"account": "11", "branch": 1}, {"branch": 11, "account": "1"}, {"account": "1", "branch": 1}]
    assert online_answers(store, "desk_last", "amount", keys) == [
        ("PRESENT", 2.0),
        ("PRESENT", 1.0),
        ("NOT_FOUND", None),
    ]


def test_an_older_event_does_not_overwrite_a_newer_one(lake):
    """In Feast's SQLite store it does."""
    store = lake.store(T0_US)
    write(store, row("a", T0_US - 1, 2.0))
    write(store, row("a", T0_US - 9, 1.0))
    assert amount(store) == ("PRESENT", 2.0)


def test_of_rows_in_one_write_the_newest_event_wins(lake):
    store = lake.store(T0_US)
    write(store, row("a", T0_US - 1, 2.0), row("a", T0_US - 9, 1.0))
    assert amount(store) == ("PRESENT", 2.0)


def test_a_correction_of_the_same_event_time_wins(lake):
    """Feast's Redis store drops it."""
    store = lake.store(T0_US)
    write(store, row("a", T0_US - 1, 1.0))
    write(store, row("a", T0_US - 1, 2.0))
    assert amount(store) == ("PRESENT", 2.0)


def test_a_push_corrects_what_was_built_though_the_clock_is_set_back(lake):
    """A row is computed at an instant of the wall clock, whatever now means for the ttl."""
    wall = datetime.now(UTC) - timedelta(minutes=1)
    lake.build("account_last", [row("a", T0_US - 1, 1.0, _created_at=int(wall.timestamp() * 1e6))])
    store = lake.store(T0_US)
    publish(lake, store, T0_US)
    write(store, row("a", T0_US - 1, 2.0))
    assert amount(store) == ("PRESENT", 2.0)


def test_a_row_computed_in_the_future_keeps_no_correction_out(lake):
    store = lake.store(T0_US)
    write(store, row("a", T0_US - 1, 1.0, _created_at=datetime(2099, 1, 1, tzinfo=UTC)))
    write(store, row("a", T0_US - 1, 2.0))
    assert amount(store) == ("PRESENT", 2.0)


def test_a_row_of_the_future_is_refused_and_does_not_block_its_key(lake):
    """In Feast's Redis store one row dated 2099 keeps all others out."""
    store = lake.store(T0_US)
    write(store, row("a", T0_US - 9, 1.0))
    with pytest.raises(UsageError, match=r"1 of 2 rows of 'account_last' hold from after now \(2024-03-01T00:00:00Z\)"):
        write(store, row("b", T0_US, 7.0), row("a", T0_US + 75 * 366 * 24 * HOUR_US, 9.0))
    assert (amount(store), amount(store, "b")) == (("PRESENT", 1.0), ("NOT_FOUND", None))
    write(store, row("a", T0_US, 2.0))
    assert amount(store) == ("PRESENT", 2.0)


def test_a_row_of_the_future_in_the_lake_is_published_when_its_time_has_come(lake):
    lake.build("account_last", [row("a", T0_US, 1.0), row("a", T0_US + 5, 2.0)])
    publish(lake, lake.store(T0_US), T0_US)
    assert amount(lake.store(T0_US)) == ("PRESENT", 1.0)
    publish(lake, lake.store(T0_US + 5), T0_US + 5)
    assert amount(lake.store(T0_US + 5)) == ("PRESENT", 2.0)
    assert amount(lake.store(T0_US)) == ("NOT_FOUND", None)  # a clock before the row sees nothing of it


def test_some_nulls_in_a_write_replace_the_values_of_before(lake):
    store = lake.store(T0_US)
    write(store, row("a", T0_US - 9, 1.0, kind="card", pieces=2, refunded=True))
    write(store, row("a", T0_US - 1, None, kind="cash"))
    found = store.get_online_features([f"account_last:{name}" for name in FEATURES], KEYS)
    assert [answers(found, name) for name in FEATURES] == [
        [("NULL_VALUE", None)],
        [("PRESENT", "cash")],
        [("NULL_VALUE", None)],
        [("NULL_VALUE", None)],
    ]


def test_a_published_row_that_is_null_throughout_replaces_the_values_of_before(lake):
    lake.build("account_last", [row("a", T0_US - 9, 1.0)])
    store = lake.store(T0_US)
    publish(lake, store, T0_US)
    lake.build("account_last", [row("a", T0_US - 1, None)])
    publish(lake, store, T0_US)
    assert amount(store) == ("NULL_VALUE", None)


def test_who_asks_with_half_a_key_is_not_found(lake):
    store = lake.store(T0_US)
    assert online_answers(store, "desk_last", "amount", [{"account": "a", "branch": None}]) == [("NOT_FOUND", None)]


def test_a_row_without_a_key_is_left_out_of_a_write(lake):
    store = lake.store(T0_US)
    write(store, row(None, T0_US, 1.0), row("a", T0_US, 2.0))
    assert online_answers(store, "account_last", "amount", [{"account": None}, {"account": "a"}]) == [
        ("NOT_FOUND", None),
        ("PRESENT", 2.0),
    ]


def test_all_keys_of_a_table_of_many_files_are_published(lake):
    for part in range(3):
        lake.build("account_last", [row(f"{part}/{number}", T0_US, float(number)) for number in range(7_000)])
    store = lake.store(T0_US)
    publish(lake, store, T0_US)
    found = online_answers(store, "account_last", "amount", [{"account": f"{n % 3}/{n // 3}"} for n in range(21_000)])
    assert found == [("PRESENT", float(number // 3)) for number in range(21_000)]


def test_materialize_incremental_begins_at_the_beginning_and_goes_on_from_its_end(lake):
    """Feast's own begins at now - ttl, publishes nothing of history, and records that it did."""
    lake.build("account_last", [row("a", T0_US - 900 * 24 * HOUR_US, 1.0), row("b", T0_US - 5, 2.0)])
    store = lake.store(T0_US)
    store.materialize_incremental(T0, ["account_last"])
    assert (amount(store), amount(store, "b")) == (("OUTSIDE_MAX_AGE", None), ("PRESENT", 2.0))
    lake.build("account_last", [row("b", T0_US + 5, 3.0)])
    store = lake.store(T0_US + 9)
    store.materialize_incremental(at(T0_US + 9), ["account_last"])
    assert amount(store, "b") == ("PRESENT", 3.0)


def test_a_changed_definition_is_published_from_its_beginning(lake):
    lake.build("account_last", [row("a", T0_US - 5, 1.0)])
    lake.store(T0_US).materialize_incremental(T0, ["account_last"])
    changed = FeastLake(lake.folder, BANK.replace("ttl: 1h", "ttl: 2h"))
    store = changed.store(T0_US)
    with pytest.raises(ContractError, match=r"not in the online store as it is registered now .*`headrace mater"):
        amount(store)
    changed.build("account_last", [row("a", T0_US - 5, 2.0)])
    store.materialize_incremental(T0, ["account_last"])
    assert amount(store) == ("PRESENT", 2.0)


def test_a_changed_description_leaves_what_is_published(lake):
    lake.build("account_last", [row("a", T0_US - 5, 1.0)])
    lake.store(T0_US).materialize_incremental(T0, ["account_last"])
    text = BANK.replace("  account_last:\n    entity", "  account_last:\n    owner: risk-team\n    entity")
    store = FeastLake(lake.folder, text).store(T0_US)
    assert store.get_feature_view("account_last").most_recent_end_time == T0
    assert amount(store) == ("PRESENT", 1.0)


def test_an_end_after_now_brings_a_warning_since_feast_will_not_look_there_again(lake):
    lake.build("account_last", [row("a", T0_US, 1.0)])
    store = lake.store(T0_US)
    with pytest.warns(HeadraceWarning, match=r"'account_last' is to be published up to 2024-03-01T00:00:01"):
        publish(lake, store, T0_US + 1_000_000)
    assert amount(store) == ("PRESENT", 1.0)


def test_a_store_that_is_not_there_is_named(lake):
    store = lake.store(T0_US)
    (lake.folder / "online").rename(lake.folder / "elsewhere")
    with pytest.raises(ContractError, match=r"there is no online store in .*online. `headrace apply` makes it"):
        amount(store)


def test_a_key_that_is_missing_is_named(lake):
    with pytest.raises(UsageError, match=r"'desk_last' needs the keys account, branch; 'branch' is missing"):
        lake.store(T0_US).get_online_features(["desk_last:amount"], KEYS)


def test_the_answer_may_be_awaited(lake):
    lake.build("account_last", [row("a", T0_US, 1.0)])
    store = lake.store(T0_US)
    publish(lake, store, T0_US)
    found = asyncio.run(store.get_online_features_async(["account_last:amount"], KEYS))
    assert answers(found, "amount") == [("PRESENT", 1.0)]


def test_numbers_of_numpy_are_keys_too(lake):
    lake.build("desk_last", [{"account": "a", "branch": 1, "event_at": T0_US, "amount": 7.0}])
    store = lake.store(T0_US)
    store.materialize(LONG_AGO, T0, ["desk_last"])
    assert online_answers(store, "desk_last", "amount", [{"account": "a", "branch": np.int64(1)}]) == [("PRESENT", 7.0)]


def test_headrace_and_feast_publish_into_one_store(lake):
    lake.build("account_last", [row("a", T0_US - 5, 1.0)])
    materialize(lake.pipeline, lake.settings(T0_US), ["account_last"])
    store = lake.store(T0_US)
    assert amount(store) == ("PRESENT", 1.0)
    lake.build("account_last", [row("a", T0_US - 4, 2.0)])
    publish(lake, store, T0_US)
    with OnlineClient(lake.pipeline, lake.settings(T0_US)) as client:
        assert client.vector("account_only", {"account": "a"}).values["account_last__amount"] == 2.0
