"""`get_historical_features` over the lake: what stock stores of Feast get wrong, one test each, and clear refusals."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from feast import FeatureService, Field
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64
from support.feast_lake import LONG_AGO, T0, FeastLake, asked
from support.feature_lake import BANK, HOUR_US, T0_US

from headrace.errors import BeyondBuildWarning, ContractError, UsageError

MINUTE_US = 60_000_000


@pytest.fixture
def lake(tmp_path):
    lake = FeastLake(tmp_path)
    lake.build("account_last", [])
    lake.build("desk_last", [])
    return lake


def row(account, event_at_us, amount, **more):
    return {"account": account, "event_at": event_at_us, "amount": amount, **more}


def amounts(lake, frame, view="account_last", **how):
    found = lake.store().get_historical_features(frame, [f"{view}:amount"], **how).to_df()
    return found["amount"].replace(np.nan, None).tolist()


def test_one_row_in_is_one_row_out_in_the_callers_order_with_its_columns(lake):
    lake.build("account_last", [row("a", T0_US, 1.0), row("b", T0_US, 2.0)])
    frame = asked({"account": ["b", "never", "a", "b"]}, [T0_US + 5, T0_US, T0_US, T0_US - 1])
    frame["label"] = ["w", "x", "y", "z"]
    frame.index = [9, 7, 7, 1]
    found = lake.store().get_historical_features(frame, ["account_last:amount", "account_last:kind"]).to_df()
    assert list(found.columns) == ["account", "event_timestamp", "label", "amount", "kind"]
    assert found["label"].tolist() == ["w", "x", "y", "z"]
    assert found["event_timestamp"].tolist() == frame["event_timestamp"].tolist()
    assert found["amount"].replace(np.nan, None).tolist() == [2.0, None, 1.0, None]


def test_rows_that_are_asked_twice_are_answered_twice(lake):
    """Feast's dask store drops rows that are equal in key and time."""
    lake.build("account_last", [row("a", T0_US, 1.0)])
    assert amounts(lake, asked({"account": ["a", "a", "a"]}, [T0_US + 1] * 3)) == [1.0, 1.0, 1.0]


def test_a_row_whose_features_are_all_outside_the_ttl_stays_with_nulls(lake):
    """Feast's dask store drops it."""
    lake.build("account_last", [row("a", T0_US, 1.0)])
    instants = [T0_US - 1, T0_US, T0_US + HOUR_US, T0_US + HOUR_US + 1]
    assert amounts(lake, asked({"account": ["a"] * 4}, instants)) == [None, 1.0, 1.0, None]


def test_parts_of_a_key_do_not_run_together(lake):
    """Feast's Spark store joins (1, 11) and (11, 1) by the text 111."""
    lake.build(
        "desk_last",
        [
            {"account": "1", "branch": 11, "event_at": T0_US, "amount": 1.0},
            {"account": "11", "branch": 1, "event_at": T0_US, "amount": 2.0},
        ],
    )
    frame = asked({"account": ["11", "1", "1"], "branch": [1, 11, 1]}, [T0_US] * 3)
    assert amounts(lake, frame, "desk_last") == [2.0, 1.0, None]


def test_of_ties_one_row_is_answered_once_the_one_computed_last(lake):
    """Feast's Spark store answers with both."""
    lake.build("account_last", [row("a", T0_US, 1.0)])
    lake.build("account_last", [row("a", T0_US, 2.0)])
    lake.push("account_last", [row("a", T0_US, 3.0)])
    assert amounts(lake, asked({"account": ["a"]}, [T0_US])) == [3.0]


def test_the_newest_event_wins_whenever_it_was_computed(lake):
    lake.build("account_last", [row("a", T0_US + 5, 2.0), row("a", T0_US, 1.0)])
    assert amounts(lake, asked({"account": ["a", "a"]}, [T0_US + 5, T0_US + 4])) == [2.0, 1.0]


def test_a_null_is_an_answer(lake):
    lake.build("account_last", [row("a", T0_US, 1.0), row("a", T0_US + 5, None, kind="card")])
    found = lake.store().get_historical_features(
        asked({"account": ["a"]}, [T0_US + 5]), ["account_last:amount", "account_last:kind"]
    )
    assert found.to_arrow().select(["amount", "kind"]).to_pylist() == [{"amount": None, "kind": "card"}]


def test_what_was_not_known_yet_is_not_seen_with_filter_by_created_timestamp(lake):
    lake.build("account_last", [row("a", T0_US, 1.0), row("a", T0_US + 5, 2.0, known_at=T0_US + 9)])
    frame = asked({"account": ["a", "a"]}, [T0_US + 8, T0_US + 9])
    assert amounts(lake, frame) == [2.0, 2.0]
    assert amounts(lake, frame, filter_by_created_timestamp=True) == [1.0, 2.0]


def test_a_service_is_asked_with_full_names_where_columns_are_equal(lake):
    day = date(2024, 2, 29)
    lake.build("account_last", [row("a", T0_US, 1.0, kind="card", pieces=2**53 + 1, refunded=True)])
    lake.build("desk_last", [{"account": "a", "branch": 1, "event_at": T0_US, "amount": 7.0, "due_on": day}])
    store = lake.store()
    frame = asked({"account": ["a"], "branch": [1]}, [T0_US])
    found = store.get_historical_features(frame, store.get_feature_service("risk"), full_feature_names=True)
    (answer,) = found.to_arrow().drop_columns(["account", "branch", "event_timestamp"]).to_pylist()
    assert answer == {
        "account_last__amount": 1.0,
        "account_last__kind": "card",
        "account_last__pieces": 2**53 + 1,
        "account_last__refunded": True,
        "desk_last__amount": 7.0,
        "desk_last__due_on": pd.Timestamp("2024-02-29", tz="UTC"),
    }


def test_naive_instants_are_utc_as_everywhere_in_feast(lake):
    lake.build("account_last", [row("a", T0_US, 1.0)])
    frame = pd.DataFrame({"account": ["a", "a"], "event_timestamp": [datetime(2024, 3, 1), datetime(2024, 2, 29, 23)]})  # noqa: DTZ001
    assert amounts(lake, frame) == [1.0, None]


def test_instants_of_another_time_zone_are_the_same_instants(lake):
    lake.build("account_last", [row("a", T0_US, 1.0)])
    frame = asked({"account": ["a", "a"]}, [T0_US, T0_US - 1])
    frame["event_timestamp"] = frame["event_timestamp"].dt.tz_convert("America/New_York")
    assert amounts(lake, frame) == [1.0, None]


def test_a_whole_number_key_that_nulls_made_a_float_is_still_found(lake):
    lake.build("desk_last", [{"account": "a", "branch": 1, "event_at": T0_US, "amount": 7.0}])
    frame = asked({"account": ["a", "a"], "branch": [1.0, None]}, [T0_US] * 2)
    assert amounts(lake, frame, "desk_last") == [7.0, None]


def test_rows_later_than_the_last_build_bring_a_warning_that_says_up_to_when(lake):
    lake.build("account_last", [row("a", T0_US, 1.0)], until_us=T0_US + 30 * MINUTE_US)
    frame = asked({"account": ["a", "a"]}, [T0_US + 30 * MINUTE_US, T0_US + 31 * MINUTE_US])
    with pytest.warns(BeyondBuildWarning, match=r"1 of 2 rows ask for an instant after 2024-03-01T00:30:00Z.*'account"):
        assert amounts(lake, frame) == [1.0, 1.0]


def test_no_rows_are_answered_with_no_rows(lake):
    frame = asked({"account": []}, []).astype({"account": str, "event_timestamp": "datetime64[ns, UTC]"})
    found = lake.store().get_historical_features(frame, ["account_last:amount"]).to_df()
    assert (len(found), list(found.columns)) == (0, ["account", "event_timestamp", "amount"])


def test_a_view_may_be_asked_twice_by_the_keys_of_two_columns(lake):
    lake.build("account_last", [row("a", T0_US, 1.0)])
    store = lake.store()
    view = store.get_feature_view("account_last")[["amount"]]
    views = [view.with_name(name).with_join_key_map({"account": name}) for name in ("payer", "payee")]
    pair = FeatureService(name="pair", features=views)
    store.apply(pair)
    frame = asked({"payer": ["a", "b"], "payee": ["b", "a"]}, [T0_US] * 2)
    found = store.get_historical_features(frame, pair, full_feature_names=True)
    table = found.to_arrow()
    assert (table["payer__amount"].to_pylist(), table["payee__amount"].to_pylist()) == ([1.0, None], [None, 1.0])


def test_an_on_demand_view_is_computed_from_the_answer(lake):
    lake.build("account_last", [row("a", T0_US, 1.5)])
    store = lake.store(T0_US)
    twice = on_demand_feature_view(
        sources=[store.get_feature_view("account_last")[["amount"]]],
        schema=[Field(name="double_amount", dtype=Float64)],
    )(doubled)
    with pytest.warns(RuntimeWarning, match="On demand feature view is an experimental feature"):
        store.apply(twice)
    features = ["account_last:amount", "doubled:double_amount"]
    found = store.get_historical_features(asked({"account": ["a", "b"]}, [T0_US] * 2), features).to_arrow()
    assert found["amount"].to_pylist() == [1.5, None]
    assert found["double_amount"].to_pylist() == [3.0, None]
    store.materialize(LONG_AGO, T0, ["account_last"])
    assert store.get_online_features(features, [{"account": "a"}]).to_dict()["double_amount"] == [3.0]


def doubled(inputs: pd.DataFrame) -> pd.DataFrame:
    return inputs.assign(double_amount=inputs["amount"] * 2)[["double_amount"]]


def test_two_copies_of_a_registry_are_told_apart(lake):
    """Feast takes a copy for another that lay at its address, which tests and long processes run into."""
    registry = lake.store().registry
    assert registry.proto().version_id != registry.proto().version_id


def test_a_dataset_is_not_saved_through_feast(lake):
    store = lake.store()
    found = store.get_historical_features(asked({"account": ["a"]}, [T0_US]), ["account_last:amount"])
    storage = SavedDatasetFileStorage(str(lake.folder / "saved.parquet"))
    with (
        pytest.warns(RuntimeWarning, match="Saving dataset is an experimental feature"),
        pytest.raises(UsageError, match=r"`headrace training-set` and TrainingClient.store write one with a"),
    ):
        store.create_saved_dataset(found, "saved", storage)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({}, r"the request needs the key columns account; 'account' is missing"),
        ({"account": [1]}, r"the key 'account' is a string; found values of type int64"),
        ({"account": ["a"], "event_timestamp": [1_709_251_200_000_000]}, r"'event_timestamp' holds numbers, which may"),
        ({"account": ["a"], "event_timestamp": ["soon"]}, r"'event_timestamp' holds a value that is no timestamp"),
        ({"account": ["a"], "event_timestamp": [None]}, r"row 0 was asked without an instant"),
        ({"account": ["a"], "amount": [1.0]}, r"'amount' of 'account_last' would take the name of a column"),
    ],
)
def test_a_wrong_question_is_refused(lake, frame, message):
    rows = asked({}, [T0_US]).assign(**{name: pd.Series(values) for name, values in frame.items()})
    with pytest.raises(UsageError, match=message):
        lake.store().get_historical_features(rows, ["account_last:amount"])


def test_rows_without_a_timestamp_are_refused(lake):
    with pytest.raises(UsageError, match=r"a column 'event_timestamp', or with one column of timestamps; found: \("):
        lake.store().get_historical_features(pd.DataFrame({"account": ["a"]}), ["account_last:amount"])


@pytest.mark.parametrize("entity_df", ["SELECT * FROM rows", None])
def test_rows_are_asked_as_a_frame(lake, entity_df):
    with pytest.raises(UsageError, match="features are asked for the rows of a pandas DataFrame; found"):
        lake.store().get_historical_features(entity_df, ["account_last:amount"])


def test_a_half_of_a_composite_key_is_refused(lake):
    with pytest.raises(UsageError, match=r"needs the key columns account, branch; 'branch' is missing. Found: acc"):
        lake.store().get_historical_features(asked({"account": ["a"]}, [T0_US]), ["desk_last:amount"])


def test_a_group_that_is_not_built_is_refused_in_the_words_of_the_verb_that_makes_it(tmp_path):
    lake = FeastLake(tmp_path)
    with pytest.raises(ContractError, match=r"features of 'account_last' are not there.*`headrace build account_last`"):
        amounts(lake, asked({"account": ["a"]}, [T0_US]))


def test_tables_of_another_definition_are_named(lake):
    then = lake.spec("account_last").definition
    changed = FeastLake(lake.folder, BANK.replace("ttl: 1h", "ttl: 2h"))
    with pytest.raises(ContractError, match=rf"not built as the pipeline file now defines them.*holds {then}-1, of"):
        amounts(changed, asked({"account": ["a"]}, [T0_US]))
