"""What a trainer gets: rows, order, types, splits, and clear refusals."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from support.feature_lake import BANK, HOUR_US, T0_US, FeatureLake

from headrace.errors import BeyondBuildWarning, ContractError, UsageError
from headrace.features import TrainingClient
from headrace.pipeline.definition import training_set_definition
from headrace.tables import rows_table

TYPES = {
    "row_id": "string",
    "at": "timestamp[us, tz=UTC]",
    "account": "string",
    "branch": "int64",
    "label": "bool",
    "pieces": "int64",
    "account_last__amount": "double",
    "account_last__kind": "string",
    "account_last__pieces": "int64",
    "account_last__refunded": "bool",
    "desk_last__amount": "double",
    "desk_last__due_on": "date32[day]",
}


def row(number, at_us, label=True, known_at_us=None, **more):
    known_at_us = at_us if known_at_us is None else known_at_us
    base = {"row_id": f"r{number}", "at": at_us, "account": "a", "branch": 1, "pieces": number}
    return {**base, "label": label, "label_known_at": known_at_us, **more}


@pytest.fixture
def lake(tmp_path):
    lake = FeatureLake(tmp_path)
    lake.build(
        "account_last",
        [
            {"account": "a", "event_at": T0_US, "amount": 2.5, "kind": "card", "pieces": 2**40, "refunded": True},
            {
                "account": "a",
                "event_at": T0_US + HOUR_US,
                "amount": None,
                "kind": None,
                "known_at": T0_US + 3 * HOUR_US,
            },
        ],
    )
    lake.build("desk_last", [{"account": "a", "branch": 1, "event_at": T0_US, "amount": 7.0}])
    return lake


@pytest.fixture
def client(lake):
    return TrainingClient(lake.file, lake.settings())


def ids(made):
    return made.to_arrow()["row_id"].to_pylist()


def test_rows_come_sorted_with_their_columns_in_the_stated_order(lake, client):
    lake.training_rows([row(2, T0_US + HOUR_US), row(3, T0_US), row(1, T0_US, label=False, account=None)])
    made = client.training_set("risk")
    assert [(field.name, str(field.type)) for field in made.to_arrow().schema] == list(TYPES.items())
    assert ids(made) == ["r1", "r3", "r2"]
    assert made.to_arrow()["account_last__kind"].to_pylist() == [None, "card", None]
    assert (made.keys, made.label, made.at) == (("account", "branch"), "label", "at")
    assert list(made.features) == list(TYPES)[6:]


def test_a_matrix_holds_the_numbers_and_says_what_is_missing(lake, client):
    lake.training_rows([row(1, T0_US, label=False), row(2, T0_US + HOUR_US, account="q")])
    found = client.training_set("risk").to_numpy()
    assert found.columns == (
        "pieces",
        "account_last__amount",
        "account_last__pieces",
        "account_last__refunded",
        "desk_last__amount",
    )
    assert found.dtypes == ("long", "double", "long", "boolean", "double")
    assert found.values.dtype == np.float64
    np.testing.assert_array_equal(found.values, [[1, 2.5, 2**40, 1, 7], [2, np.nan, np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(found.missing, [[False] * 5, [False, True, True, True, True]])


def test_a_matrix_of_some_columns_holds_them_in_their_order(lake, client):
    lake.training_rows([row(1, T0_US)])
    made = client.training_set("risk")
    found = made.to_numpy(["desk_last__amount", "pieces"])
    assert (found.columns, found.values.tolist()) == (("desk_last__amount", "pieces"), [[7, 1]])
    with pytest.raises(UsageError, match=r"'risk' has no input 'piecs'. Did you mean: pieces"):
        made.to_numpy(["piecs"])
    with pytest.raises(UsageError, match=r"'account_last__kind' is a string, which is no number"):
        made.to_numpy(["pieces", "account_last__kind"])


def test_labels_keep_their_type_unless_some_are_missing(lake, client):
    lake.training_rows([row(1, T0_US), row(2, T0_US + 1, label=None), row(3, T0_US + 2, label=False)])
    assert client.training_set("risk").labels().tolist() == [True, False]
    np.testing.assert_array_equal(client.training_set("risk", with_unlabelled=True).labels(), [1, np.nan, 0])


def test_pandas_keeps_whole_numbers_whole_beside_missing_ones(lake, client):
    lake.training_rows([row(1, T0_US), row(2, T0_US + HOUR_US, account="q")])
    frame = client.training_set("risk").to_pandas()
    assert list(frame.columns) == list(TYPES)
    assert frame["account_last__pieces"].tolist() == [2**40, pd.NA]
    assert str(frame["account_last__pieces"].dtype) == "Int64"


SPLIT_US, END_US, EMBARGO_US = T0_US + 24 * HOUR_US, T0_US + 72 * HOUR_US, 12 * HOUR_US


@pytest.mark.filterwarnings("ignore::headrace.errors.BeyondBuildWarning")
@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ({"split": "train"}, ["r0", "r1"]),
        ({"split": "test"}, ["r5", "r6"]),
        ({}, ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"]),
        ({"until": "2024-03-04"}, ["r0", "r1", "r2", "r3", "r4", "r5", "r6"]),
        ({"split": "test", "until": datetime(2024, 3, 3, tzinfo=UTC)}, ["r5"]),
        ({"split": "train", "split_at": "2024-03-02T00:00:00.000001Z"}, ["r0", "r1", "r2", "r3"]),
        ({"split": "train", "with_unlabelled": True}, ["r0", "r1", "rx"]),
    ],
)
def test_rows_are_parted_at_these_instants(lake, client, choice, wanted):
    lake.training_rows(
        [
            row(0, T0_US),
            row(1, SPLIT_US - 1),
            row(2, SPLIT_US - 1, known_at_us=SPLIT_US),
            row(3, SPLIT_US),
            row(4, SPLIT_US + EMBARGO_US - 1),
            row(5, SPLIT_US + EMBARGO_US),
            row(6, END_US - 1),
            row(7, END_US),
            row(8, SPLIT_US - 1, label=None, label_known_at=None) | {"row_id": "rx"},
        ]
    )
    assert ids(client.training_set("risk", **choice)) == wanted


def test_features_at_gives_one_row_for_each_asked_in_order(client):
    asked = pd.DataFrame({"note": ["x", "y", "z"], "account": ["q", "a", "a"], "branch": [1, 1, 2]})
    at = [datetime(2024, 3, 1, hour, tzinfo=UTC) for hour in (0, 0, 3)]
    found = client.features_at("risk", asked, at, with_status=True).select(
        ["note", "account_last__amount", "desk_last__amount", "_status_account_last", "_status_desk_last"]
    )
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("x", None, None, "NOT_FOUND", "NOT_FOUND"),
        ("y", 2.5, 7.0, "PRESENT", "PRESENT"),
        ("z", None, None, "EXPIRED", "NOT_FOUND"),
    ]


def test_features_as_of_knowledge_are_those_that_had_arrived(client):
    asked = {"account": ["a", "a"]}
    at = np.array([T0_US + HOUR_US, T0_US + 3 * HOUR_US])
    found = {
        clock: client.features_at("account_only", asked, at, as_of=clock)["account_last__amount"].to_pylist()
        for clock in ("event", "knowledge")
    }
    assert found == {"event": [None, None], "knowledge": [2.5, None]}


@pytest.mark.parametrize(
    "at",
    [
        pa.array([T0_US]).cast(pa.timestamp("us", "Europe/Paris")),
        pa.array([T0_US * 1000 + 999]).cast(pa.timestamp("ns", "UTC")),
        pa.array([T0_US // 1_000_000]).cast(pa.timestamp("s", "UTC")),
        pd.Series([pd.Timestamp("2024-03-01T02:00+02:00")]),
        [datetime(2024, 3, 1, tzinfo=UTC)],
        np.array([T0_US]),
        "seen_at",
    ],
    ids=["zone", "nanoseconds", "seconds", "pandas", "datetimes", "int64", "column"],
)
def test_instants_may_be_given_in_many_ways(client, at):
    asked = {"account": ["a"], "seen_at": pa.array([T0_US]).cast(pa.timestamp("us", "UTC"))}
    assert client.features_at("account_only", asked, at)["account_last__amount"].to_pylist() == [2.5]


AWARE = [datetime(2024, 3, 1, tzinfo=UTC)]
MIXED = [*AWARE, datetime(2024, 3, 1)]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("asked", "at", "message"),
    [
        (
            {"acount": ["a"]},
            AWARE,
            r"'risk' needs the key columns account, branch; 'account' is missing.*Did you mean: acount",
        ),
        ({"account": ["a"]}, AWARE, "'branch' is missing"),
        ({"account": [1], "branch": [1]}, AWARE, "the key 'account' is a string; found values of type int64"),
        ({"account": ["a"], "branch": ["1"]}, AWARE, "the key 'branch' is a long; found values of type string"),
        ({"account": ["a"], "branch": [1.0]}, AWARE, "the key 'branch' is a long; found values of type double"),
        ({"account": ["a"], "branch": [1]}, [datetime(2024, 3, 1)], "name no time zone"),  # noqa: DTZ001
        ({"account": ["a"], "branch": [1]}, np.array(["2024-03-01"], "datetime64[us]"), "name no time zone"),
        ({"account": ["a"], "branch": [1]}, ["2024-03-01"], "instants are timestamps; found values of type string"),
        ({"account": ["a"], "branch": [1]}, AWARE * 2, "1 rows were asked with 2 instants"),
        ({"account": ["a"], "branch": [1]}, [None], "row 0 was asked without an instant"),
        ({"account": ["a"], "branch": [1]}, "when", "there is no column 'when'"),
        ({"account": ["a", "b"], "branch": [1]}, AWARE, "cannot be read as a table"),
        ([1, 2], AWARE, "found \\[1, 2\\]"),
        ({"account": ["a"] * 2, "branch": [1] * 2}, MIXED, "some instants name a time zone and some do not"),
        ({"account": ["a"] * 2, "branch": [1] * 2}, pd.Series(MIXED, dtype=object), "some instants name a time zone"),
        ({"account": ["a"] * 2, "branch": [1] * 2, "when": MIXED}, "when", "some instants name a time zone"),
        (pd.DataFrame({"account": "a", "branch": 1, "when": MIXED}), "when", "some instants name a time zone"),
        (pa.table([["a"], [1], [1], [2]], ["account", "branch", "x", "x"]), AWARE, "have two columns 'x'"),
        (pa.table([["a"], ["b"], [1]], ["account", "account", "branch"]), AWARE, "have two columns 'account'"),
        ({"account": ["a"], "branch": [1], "desk_last__amount": [1]}, AWARE, "'desk_last__amount', which is a feature"),
    ],
)
def test_a_wrong_question_is_refused(client, asked, at, message):
    with pytest.raises(UsageError, match=message):
        client.features_at("risk", asked, at)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"name": "rsk"}, "no training set 'rsk'. Did you mean: risk"),
        ({"split": "valid"}, "no part 'valid'.*train and test"),
        ({"split": "train", "split_at": "2024-03-05"}, "split at 2024-03-05T00:00:00Z, which is not before their end"),
        ({"split_at": "2024-03-03"}, "split at 2024-03-03T00:00:00Z, and no part is asked. Ask for the part train or"),
        (
            {"split": "test", "split_at": "2024-03-03T12:00:00Z"},
            "no time is left for the test: the split and the embargo end at 2024-03-04T00:00:00Z",
        ),
        ({"until": "yesterday"}, "'yesterday' is not an ISO 8601 time"),
        ({"until": datetime(2024, 3, 1)}, "names no time zone"),  # noqa: DTZ001
        ({"as_of": "arrival"}, "no clock 'arrival'"),
    ],
)
def test_a_wrong_choice_of_rows_is_refused(client, choice, message):
    with pytest.raises(UsageError, match=message):
        client.training_set(**{"name": "risk", **choice})


def test_a_service_that_is_not_declared_is_refused(client):
    with pytest.raises(UsageError, match=r"no service 'riks'. Did you mean: risk"):
        client.features_at("riks", {}, [])


def test_rows_after_the_last_build_are_warned_of(lake, client):
    lake.build("desk_last", [], until_us=T0_US + 2 * HOUR_US)
    at = np.array([T0_US, T0_US + 2 * HOUR_US, T0_US + 2 * HOUR_US + 1])
    with pytest.warns(BeyondBuildWarning, match=r"1 of 3 rows .* after 2024-03-01T02:00:00Z.*'desk_last'") as caught:
        client.features_at("risk", {"account": ["a"] * 3, "branch": [1] * 3}, at)
    assert caught[0].filename == __file__


def test_rows_that_were_not_built_are_refused_in_the_words_of_the_verb_that_makes_them(client):
    with pytest.raises(ContractError, match=r"rows of the training set 'risk' are not there.*`headrace build`"):
        client.training_set("risk")


def test_tables_whose_first_build_wrote_nothing_yet_are_refused(tmp_path):
    """A build makes the table, and writes its rows minutes later; it may be killed in between."""
    lake = FeatureLake(tmp_path)
    rows = rows_table(tmp_path / "lake", "bank", "risk", training_set_definition(lake.pipeline, "risk")).path
    for path in (lake.tables("account_last").features, rows):
        DeltaTable.create(path, pa.schema({"row_id": pa.string()}))
    client = TrainingClient(lake.pipeline, lake.settings())
    with pytest.raises(ContractError, match=r"features of 'account_last' are not written yet.*build account_last`"):
        client.features_at("account_only", {"account": ["a"]}, AWARE)
    with pytest.raises(ContractError, match=r"rows of the training set 'risk' are not written yet.*`headrace build`"):
        client.training_set("risk")


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            ("0123456789ab-1", "0123456789ab-2"),
            r"features of 'desk_last' are made from rebuild 0123456789ab-2 of source",
        ),
        (
            ("0123456789ab-2", "0123456789ab-2"),
            r"'account_last' are made from .*-2 .*, and the rows of 'risk' from .*-1",
        ),
    ],
)
def test_rows_and_features_of_different_rebuilds_of_a_source_never_meet(lake, client, tables, message):
    """The rows are made from the first."""
    lake.training_rows([row(1, T0_US + HOUR_US)])
    for group, table in zip(("account_last", "desk_last"), tables, strict=True):
        lake.build(group, [{"account": "a", "branch": 1, "event_at": T0_US, "amount": 1.0}], clean_table=table)
    with pytest.raises(ContractError, match=message):
        client.training_set("risk")


def test_tables_of_another_definition_are_named(lake):
    lake.training_rows([row(1, T0_US)])
    changed = FeatureLake(lake.folder, BANK.replace("ttl: 1h", "ttl: 2h"))
    then = lake.tables("account_last").features.name
    client = TrainingClient(changed.file, changed.settings())
    with pytest.raises(
        ContractError, match=rf"not built as the pipeline file now defines them.*{then}.*The file changed"
    ):
        client.features_at("account_only", {"account": ["a"]}, AWARE)
    with pytest.raises(ContractError, match="rows of the training set 'risk' are not built as the pipeline file now"):
        client.training_set("risk")
