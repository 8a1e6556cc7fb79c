"""`headrace apply`: what changes is said first, done, and nothing of others is touched."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Int64
from support import command_line
from support.applying_process import APPLIES
from support.eventually import eventually
from support.feast_lake import T0, FeastLake
from support.feature_lake import BANK, HOUR_US, T0_US
from support.rooms import REPOSITORY

from headrace.errors import ContractError, MachineError, UsageError
from headrace.features.online_rows import OnlineRows
from headrace.features.registry import apply_pipeline, feature_service, feature_store, plan_changes, store_config

EVERYTHING = [
    "added project bank",
    "added entity account",
    "added entity branch",
    "added feature view account_last",
    "added feature view desk_last",
    "added feature service risk",
    "added feature service account_only",
    "added feature service desk_only",
]
DESCRIBED = BANK.replace(
    "  account_last:\n    entity: account\n",
    "  account_last:\n    description: The last payment of an account.\n    owner: risk-team\n    entity: account\n",
).replace("amount: {type: double}", "amount: {type: double, unit: EUR, description: what was paid}")
WITHOUT_DESK = BANK.replace(
    "  risk:\n    features: [account_last, desk_last]\n", "  risk:\n    features: [account_last]\n"
)
WITHOUT_DESK = WITHOUT_DESK.replace(
    "  desk_last:\n    entity: desk\n    source: payments\n    latest: [amount, due_on]\n", ""
)
WITHOUT_DESK = WITHOUT_DESK.replace("  desk_only:\n    features: [desk_last]\n", "")


@pytest.fixture
def lake(tmp_path):
    return FeastLake(tmp_path)


def changed(lake, text):
    return FeastLake(lake.folder, text)


def applied(lake):
    return [str(change) for change in apply_pipeline(lake.pipeline, lake.settings())]


def test_a_new_registry_gets_every_object_of_the_file(lake):
    assert applied(lake) == EVERYTHING
    store = feature_store(lake.pipeline, lake.settings())
    assert [view.name for view in store.list_feature_views()] == ["account_last", "desk_last"]
    assert [entity.name for entity in store.list_entities()] == ["account", "branch"]
    assert {service.name for service in store.list_feature_services()} == {"risk", "account_only", "desk_only"}
    desk = store.get_feature_view("desk_last")
    assert [(key.name, str(key.dtype)) for key in desk.entity_columns] == [("account", "String"), ("branch", "Int64")]
    assert [(feature.name, str(feature.dtype)) for feature in desk.features] == [
        ("amount", "Float64"),
        ("due_on", "UnixTimestamp"),
    ]
    assert str(store.get_feature_view("account_last").ttl) == "1:00:00"


def test_what_changes_is_said_before_it_is_done(lake):
    registered = []

    def announce(changes):
        assert FeatureStore(config=RepoConfig(**store_config("bank", lake.settings()))).list_feature_views() == []
        registered.extend(map(str, changes))

    apply_pipeline(lake.pipeline, lake.settings(), announce)
    assert registered == EVERYTHING


def test_a_second_apply_changes_nothing(lake):
    applied(lake)
    assert applied(lake) == []


def test_every_object_has_a_description_an_owner_and_tags(lake):
    store = changed(lake, DESCRIBED).store()
    views = store.list_feature_views()
    for found in [
        store.get_project("bank"),
        *views,
        *store.list_entities(),
        *store.list_feature_services(),
        *store.list_data_sources(),
    ]:
        assert found.description, found.name
        assert found.owner, found.name
        assert found.tags["headrace.pipeline"] == "bank", found.name
    for feature in [feature for view in views for feature in view.features]:
        assert feature.description, feature.name
        assert feature.tags.keys() >= {"group", "owner", "type", "source"}, feature.name
    view = store.get_feature_view("account_last")
    assert (view.description, view.owner) == ("The last payment of an account.", "risk-team")
    amount = view.features[0]
    assert amount.description == "latest amount of payments: what was paid"
    assert amount.tags == {
        "group": "account_last",
        "owner": "risk-team",
        "source": "payments",
        "type": "double",
        "unit": "EUR",
    }


def test_each_fact_that_changes_is_named_and_shown_where_it_is_short(lake):
    applied(lake)
    assert applied(changed(lake, DESCRIBED)) == [
        "changed entity account: owner: unowned -> risk-team",
        "changed feature view account_last: "
        "description: account: latest values of payments -> The last payment of an account.; "
        "owner: unowned -> risk-team; feature amount changed",
        "changed feature view desk_last: feature amount changed",
        "changed feature service risk: view account_last changed; view desk_last changed",
        "changed feature service account_only: view account_last changed",
        "changed feature service desk_only: view desk_last changed",
    ]


def test_another_ttl_is_another_definition(lake):
    then, now = lake.spec("account_last").definition, changed(lake, BANK.replace("ttl: 1h", "ttl: 2h"))
    applied(lake)
    definition = now.spec("account_last").definition
    assert applied(now) == [
        f"changed feature view account_last: definition: {then} -> {definition}; ttl: 1:00:00 -> 2:00:00"
    ]
    assert str(now.store().get_feature_view("account_last").ttl) == "2:00:00"


def test_a_feature_that_comes_or_goes_changes_its_view_and_its_services(lake):
    applied(lake)
    now = changed(lake, BANK.replace("latest: [amount, due_on]", "latest: [due_on, kind]"))
    kinds = [(change.what, change.kind, change.name) for change in plan_changes(now.pipeline, now.settings())]
    assert kinds == [
        ("changed", "feature view", "desk_last"),
        ("changed", "feature service", "risk"),
        ("changed", "feature service", "desk_only"),
    ]
    (view, *_) = apply_pipeline(now.pipeline, now.settings())
    assert view.details[1:] == ("feature amount removed", "feature kind added")
    features = now.store().get_feature_service("desk_only").feature_view_projections[0].features
    assert [feature.name for feature in features] == ["due_on", "kind"]


def test_what_the_file_no_longer_says_is_removed_with_its_sources_and_its_online_rows(lake):
    store = lake.store(T0_US + HOUR_US)
    lake.build("desk_last", [{"account": "a", "branch": 1, "event_at": T0_US, "amount": 1.0}])
    space = f"bank/desk_last/{lake.spec('desk_last').definition}"
    store.materialize_incremental(T0, ["desk_last"])
    with OnlineRows(lake.settings().online_store) as rows:
        assert rows.count(space) == 1
    now = changed(lake, WITHOUT_DESK)
    assert applied(now) == [
        "changed entity account: description: account (string): a key of account, desk -> account (string): a key of "
        "account",
        "changed feature service risk: description: account_last, desk_last together -> account_last together; "
        "view desk_last removed",
        "removed entity branch",
        "removed feature view desk_last",
        "removed feature service desk_only",
    ]
    store = now.store()
    assert [view.name for view in store.list_feature_views()] == ["account_last"]
    assert {source.name for source in store.list_data_sources()} == {"account_last", "account_last_table"}
    with OnlineRows(now.settings().online_store) as rows:
        assert space not in rows.spaces()


def test_what_others_registered_in_the_project_stays(lake, tmp_path):
    store = lake.store()
    teller = Entity(name="teller", join_keys=["teller"], value_type=ValueType.INT64)
    theirs = FeatureService(name="theirs", features=[store.get_feature_view("account_last")[["amount"]]])
    file = FileSource(path=str(tmp_path / "tellers.parquet"), timestamp_field="at")
    view = FeatureView(
        name="tellers",
        entities=[teller],
        source=file,
        schema=[Field(name="teller", dtype=Int64), Field(name="sales", dtype=Int64)],
    )
    store.apply([teller, theirs, view], skip_feature_view_validation=True)
    now = changed(lake, WITHOUT_DESK)
    applied(now)
    store = now.store()
    assert {entity.name for entity in store.list_entities()} == {"account", "teller"}
    assert {found.name for found in store.list_feature_views()} == {"account_last", "tellers"}
    assert {service.name for service in store.list_feature_services()} == {"risk", "account_only", "theirs"}


def test_a_name_that_others_registered_is_not_taken_from_them(lake):
    store = lake.store()
    store.registry.delete_feature_service("risk", "bank")
    store.apply(FeatureService(name="risk", features=[store.get_feature_view("desk_last")]))
    with pytest.raises(
        UsageError, match=r"the feature service 'risk' is registered, but by no pipeline file. Give one"
    ):
        applied(lake)
    (projection,) = store.get_feature_service("risk").feature_view_projections
    assert projection.name == "desk_last"


def test_a_service_that_is_not_registered_is_answered_with_the_nearest(lake):
    store = lake.store()
    assert feature_service(store, "risk").name == "risk"
    with pytest.raises(UsageError, match=r"no service 'riks' is registered in 'bank'. Did you mean: risk"):
        feature_service(store, "riks")


def test_reading_a_registry_that_is_not_there_says_so_and_makes_none(lake):
    with pytest.raises(
        ContractError, match=r"registry\.db holds no feature view of the pipeline 'bank'. `headrace apply`"
    ):
        feature_store(lake.pipeline, lake.settings())
    assert [str(change) for change in plan_changes(lake.pipeline, lake.settings())] == EVERYTHING
    assert not (lake.folder / "home").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:////", r"(?s)the registry sqlite://// cannot be opened: .*The setting registry says where it is"),
        ("nosuch://me:secret@host/db", r"the registry nosuch://me:\*\*\*@host/db cannot be opened"),
        ("nonsense", r"the registry of the settings, whose URL is none of SQLAlchemy, cannot be opened"),
    ],
)
def test_a_registry_that_cannot_be_opened_is_named_without_its_password(lake, url, message):
    with pytest.raises(MachineError, match=message):
        apply_pipeline(lake.pipeline, lake.settings().model_copy(update={"registry": url}))


def test_the_command_line_says_what_changes_and_does_it(lake):
    code, answer, said = command_line.run("apply", "-p", lake.file, "--home", "home", folder=lake.folder)
    assert code == 0
    assert (answer["project"], answer["applied"]) == ("bank", True)
    assert [f"{c['what']} {c['kind']} {c['name']}" for c in answer["changes"]] == EVERYTHING
    assert [line for line in said.splitlines() if line.startswith("added")] == EVERYTHING


def test_a_dry_run_only_says_what_would_change(lake):
    command = ("apply", "-p", lake.file, "--home", "home", "--dry-run")
    code, answer, _ = command_line.run(*command, folder=lake.folder)
    assert (code, answer["applied"], len(answer["changes"])) == (0, False, 8)
    assert not (lake.folder / "home").exists()


def test_applies_of_two_processes_at_once_are_all_kept(lake, tmp_path):
    command = [sys.executable, "-W", "error", "-m", "support.applying_process", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")}
    both = [subprocess.Popen([*command, name], env=environment) for name in ("one", "two")]
    try:
        eventually(lambda: all((tmp_path / f"{name}.ready").exists() for name in ("one", "two")), within_s=120)
        (tmp_path / "go").touch()
        assert [process.wait(120) for process in both] == [0, 0]
    finally:
        for process in both:
            process.kill()
            process.wait()
    assert applied(lake) == []
    entities = feature_store(lake.pipeline, lake.settings()).list_entities()
    names = {f"{name}{number}" for name in ("one", "two") for number in range(APPLIES)}
    assert {entity.name for entity in entities} == names | {"account", "branch"}
