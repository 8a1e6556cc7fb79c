"""Vectors by keys: values, missing, status, age, and clear refusals."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from deltalake import DeltaTable
from support.feature_lake import BANK, HOUR_US, T0_US, FeatureLake

from headrace.errors import ContractError, UsageError
from headrace.features import OnlineClient, TrainingClient
from headrace.features.materialize import materialize
from headrace.features.online import NEVER_US
from headrace.features.online_rows import Published
from headrace.features.point_in_time import Status

AT_US = T0_US + HOUR_US


@pytest.fixture
def lake(tmp_path):
    lake = FeatureLake(tmp_path)
    first = {"account": "a", "event_at": T0_US, "amount": 2.5, "kind": "card", "pieces": 2**40, "refunded": True}
    lake.build("account_last", [first, {"account": "b", "event_at": T0_US - 1, "amount": 1.0}])
    day = date(2024, 2, 29)
    lake.build("desk_last", [{"account": "a", "branch": 1, "event_at": T0_US - 9, "amount": 7.0, "due_on": day}])
    materialize(lake.pipeline, lake.settings(AT_US))
    return lake


@pytest.fixture
def client(lake):
    with OnlineClient(lake.file, lake.settings(AT_US)) as opened:
        yield opened


def test_one_vector_has_values_in_the_order_of_the_service_with_status_and_age(lake, client):
    found = client.vector("risk", {"account": "a", "branch": 1})
    assert list(found.values.items()) == [
        ("account_last__amount", 2.5),
        ("account_last__kind", "card"),
        ("account_last__pieces", 2**40),
        ("account_last__refunded", True),
        ("desk_last__amount", 7.0),
        ("desk_last__due_on", date(2024, 2, 29)),
    ]
    assert found.status == {"account_last": Status.PRESENT, "desk_last": Status.PRESENT}
    assert found.event_at_us == {"account_last": T0_US, "desk_last": T0_US - 9}
    assert found.age_us == {"account_last": HOUR_US, "desk_last": HOUR_US + 9}
    features = lake.tables("desk_last").features
    assert found.published["desk_last"] == Published(0, None, AT_US, features.name, DeltaTable(features).metadata().id)


def test_many_vectors_come_in_the_order_asked(client):
    keys = {"account": ["q", "a", None, "b", "a"], "branch": [1, 1, 1, None, 2]}
    found = client.vectors("risk", keys)
    answer = found.to_numpy()
    assert answer.columns == (
        "account_last__amount",
        "account_last__pieces",
        "account_last__refunded",
        "desk_last__amount",
    )
    none = [np.nan] * 4
    np.testing.assert_array_equal(answer.values, [none, [2.5, 2**40, 1, 7], none, none, [2.5, 2**40, 1, np.nan]])
    assert found.missing.sum(axis=1).tolist() == [6, 0, 6, 6, 2]
    account = found.groups["account_last"]
    assert [Status(status).name for status in account.status] == [
        "NOT_FOUND",
        "PRESENT",
        "NOT_FOUND",
        "EXPIRED",
        "PRESENT",
    ]
    assert account.age_us.tolist() == [NEVER_US, HOUR_US, NEVER_US, HOUR_US + 1, HOUR_US]


def test_the_same_features_come_offline_and_online(lake, client):
    keys = {"account": ["a", "b", "q"], "branch": [1, 1, 1]}
    online = client.vectors("risk", keys).to_arrow()
    offline = TrainingClient(lake.file, lake.settings()).features_at("risk", keys, [AT_US] * 3)
    assert online == offline.select(online.column_names)


def test_a_clock_before_the_row_sees_nothing_of_it(lake):
    with OnlineClient(lake.file, lake.settings(T0_US - 1)) as early:
        found = early.vector("account_only", {"account": "a"})
    assert (found.status["account_last"], found.age_us["account_last"]) == (Status.NOT_FOUND, None)


@pytest.mark.parametrize(
    ("service", "keys", "message"),
    [
        ("riks", {}, r"no service 'riks'. Did you mean: risk"),
        ("risk", {"account": "a"}, "'branch' is missing"),
        ("risk", {"account": "a", "branch": 1, "city": "x"}, "'risk' has no key 'city'. Its keys are: account, branch"),
        ("risk", {"account": 1, "branch": 1}, "the key 'account' is a string; found values of type int64"),
        ("risk", {"account": "a", "branch": "1"}, "the key 'branch' is a long"),
    ],
)
def test_a_wrong_question_is_refused(client, service, keys, message):
    with pytest.raises(UsageError, match=message):
        client.vector(service, keys)


def test_key_columns_of_different_lengths_are_refused(client):
    with pytest.raises(UsageError, match="cannot be read as a table"):
        client.vectors("risk", {"account": ["a"], "branch": [1, 2]})


def test_a_store_that_is_not_there_is_refused_in_the_words_of_the_verb_that_makes_it(tmp_path):
    lake = FeatureLake(tmp_path)
    with pytest.raises(ContractError, match=r"no online store in .*online. `headrace materialize` makes it"):
        OnlineClient(lake.file, lake.settings())
    assert not (tmp_path / "online").exists()


def test_a_group_that_was_never_published_is_refused(tmp_path):
    lake = FeatureLake(tmp_path)
    lake.build("account_last", [])
    materialize(lake.pipeline, lake.settings(AT_US), ["account_last"])
    with OnlineClient(lake.file, lake.settings(AT_US)) as client:
        assert client.vector("account_only", {"account": "a"}).status == {"account_last": Status.NOT_FOUND}
        with pytest.raises(
            ContractError, match=r"'desk_last' is not in the online store.*`headrace materialize desk_last`"
        ):
            client.vector("desk_only", {"account": "a", "branch": 1})


def test_a_store_of_another_definition_is_named(lake):
    then = lake.spec("account_last").definition
    changed = FeatureLake(lake.folder, BANK.replace("ttl: 1h", "ttl: 2h"))
    with (
        OnlineClient(changed.file, changed.settings(AT_US)) as client,
        pytest.raises(ContractError, match=rf"as the pipeline file now defines it.*only as bank/account_last/{then}"),
    ):
        client.vector("account_only", {"account": "a"})
