"""A service is pruned on its training window; the decision is a version, which trainers and online reads then get."""

from __future__ import annotations

import json

import pytest
from support.feature_lake import BANK, HOUR_US, T0_US, FeatureLake
from support.pruned_lake import ALIKE, EVERYTHING, KEPT, PRUNE, STAYS, WINDOW_ROWS, pruned_lake, pruned_text

from headrace.errors import ContractError, LockTimeout, UsageError
from headrace.features import OnlineClient, TrainingClient
from headrace.features.manifest import read_manifest, rebuild
from headrace.features.materialize import materialize
from headrace.features.pruning import prune
from headrace.features.redundancy import Dropped
from headrace.features.registry import apply_pipeline, feature_store, plan_changes
from headrace.features.selections_table import read_selections, write_pin
from headrace.lake import Query, open_table
from headrace.lake_tables import tables_of
from headrace.locks import exclusive
from headrace.tables import selections_table

AT_US = T0_US + 30 * HOUR_US
KEYS = {"account": ["a"], "branch": [1]}


@pytest.fixture
def lake(tmp_path):
    return pruned_lake(tmp_path)


def decided(lake, service="risk", **options):
    return prune(lake.pipeline, service, lake.settings(), **options)


def features(made):
    return list(made.features)


def trained(lake, **options):
    return TrainingClient(lake.file, lake.settings()).training_set("risk", **options)


def redeclared(lake, prune_block):
    """The same lake under a file with another `prune` block."""
    return type(lake)(lake.folder, pruned_text(prune_block))


def pinned(lake, number):
    write_pin(lake.settings().lake, "bank", "risk", number, lock_wait_s=5)


def test_a_feature_that_says_what_another_says_is_left_out_and_named_with_it(lake):
    found = decided(lake)
    (out,) = found.dropped
    assert (out.feature, out.kept, out.neighbour) == (ALIKE, STAYS, STAYS)
    assert 0.999 < out.r == out.neighbour_r < 1
    assert (list(found.kept), found.version, found.rows) == (KEPT, 1, WINDOW_ROWS)
    assert (found.training_set, found.inputs["rows_version"], found.constant) == ("risk", 0, ())


def test_only_the_window_counts(lake, tmp_path):
    other = pruned_lake(tmp_path / "other", later_factor=-1.0)
    ours, theirs = decided(lake), decided(other)
    assert (ours.dropped, ours.kept, ours.rows) == (theirs.dropped, theirs.kept, theirs.rows)
    longer = redeclared(other, PRUNE.replace("2024-03-03", "2024-03-04"))
    assert decided(longer).dropped == ()  # the day after the window is another one, and was not looked at


def test_the_decision_is_a_row_that_sql_can_ask_and_a_table_of_the_lake(lake):
    decided(lake)
    again = decided(lake)
    assert again.version == 2
    table = open_table(selections_table(lake.settings().lake, "bank").path, made_by="prune")
    rows = Query({"decided": table}).rows("SELECT selection, rows, dropped FROM decided ORDER BY selection")
    assert rows == [{"selection": number, "rows": WINDOW_ROWS, "dropped": [ALIKE]} for number in (1, 2)]
    assert read_selections(lake.settings().lake, "bank", "risk").versions[1] == again
    assert "bank/selections" in [found.name for found in tables_of(lake.settings().lake)]


def test_trainers_get_everything_until_it_is_decided_and_then_what_was_kept(lake):
    assert features(trained(lake)) == EVERYTHING
    decided(lake)
    made = trained(lake)
    assert features(made) == KEPT
    assert made.to_arrow().column_names[-len(KEPT) :] == KEPT
    assert features(trained(lake, selection=0)) == EVERYTHING
    found = TrainingClient(lake.file, lake.settings()).features_at("risk", KEYS, [T0_US])
    assert found.column_names == [*KEYS, *KEPT]


def test_the_values_that_stay_are_those_of_before(lake):
    before = trained(lake).to_arrow()
    decided(lake)
    after = trained(lake).to_arrow()
    assert after == before.select(after.column_names)


def test_a_group_of_which_nothing_is_left_is_still_looked_up(lake):
    lake = redeclared(lake, PRUNE.replace("}}", "}, drop: [desk_last__due_on]}"))
    decided(lake)
    client = TrainingClient(lake.file, lake.settings())
    found = client.features_at("risk", KEYS, [T0_US], with_status=True)
    assert found.column_names == [*KEYS, *KEPT[:4], "_status_account_last", "_status_desk_last"]
    assert found["_status_desk_last"].to_pylist() == ["PRESENT"]


def test_a_manifest_names_the_selection_and_is_made_again_whatever_is_decided_later(lake):
    decided(lake)
    client = TrainingClient(lake.file, lake.settings())
    manifest = client.store(client.training_set("risk"), lake.folder / "set")
    assert manifest["inputs"]["selection"] == {"version": 1, "kept": KEPT}
    pinned(lake, 0)
    again = rebuild(read_manifest(lake.folder / "set"), lake.settings().lake, lake.folder / "again")
    assert again.read_bytes() == (lake.folder / "set" / "data.parquet").read_bytes()


def test_a_manifest_from_before_there_were_selections_is_made_again(lake):
    client = TrainingClient(lake.file, lake.settings())
    manifest = client.store(client.training_set("risk"), lake.folder / "set")
    del manifest["inputs"]["selection"]
    (lake.folder / "set" / "manifest.json").write_text(json.dumps(manifest))
    decided(lake)
    again = rebuild(read_manifest(lake.folder / "set"), lake.settings().lake, lake.folder / "again")
    assert again.read_bytes() == (lake.folder / "set" / "data.parquet").read_bytes()


def test_online_reads_get_what_was_published_and_keep_it(lake):
    now = lake.settings(AT_US)
    materialize(lake.pipeline, now)
    with OnlineClient(lake.file, now) as before:
        assert before.vectors("risk", KEYS).to_arrow().column_names == EVERYTHING
        decided(lake)
        materialize(lake.pipeline, now)
        assert before.vectors("risk", KEYS).to_arrow().column_names == EVERYTHING
    with OnlineClient(lake.file, now) as after:
        found = after.vectors("risk", KEYS)
        assert found.to_arrow().column_names == KEPT
        assert found.missing.shape == (1, len(KEPT))
        offline = TrainingClient(lake.file, now).features_at("risk", KEYS, [AT_US])
        assert found.to_arrow() == offline.select(KEPT)
        assert list(after.vector("risk", {"account": "a", "branch": 1}, selection=0).values) == EVERYTHING
        with pytest.raises(UsageError, match=r"'risk' has no selection 7 in the online store .* There are: 0, 1"):
            after.vectors("risk", KEYS, selection=7)


def test_feast_gets_what_was_kept_after_an_apply(lake):
    now = lake.settings(AT_US)
    materialize(lake.pipeline, now)
    apply_pipeline(lake.pipeline, now)
    decided(lake)
    (change,) = plan_changes(lake.pipeline, now)
    wanted = "changed feature service risk: view desk_last changed; tag headrace.selection added"
    assert str(change) == wanted
    apply_pipeline(lake.pipeline, now)
    assert plan_changes(lake.pipeline, now) == []
    store = feature_store(lake.pipeline, now)
    service = store.get_feature_service("risk")
    assert service.tags["headrace.selection"] == "1"
    answer = store.get_online_features(service, [{"account": "a", "branch": 1}], full_feature_names=True).to_dict()
    assert sorted(set(answer) - set(KEYS)) == sorted(KEPT)


def test_what_is_kept_or_dropped_by_hand_is(lake):
    kept = decided(redeclared(lake, PRUNE.replace("}}", f"}}, keep: [{ALIKE}]}}")))
    assert [out.feature for out in kept.dropped] == [STAYS]
    dropped = decided(redeclared(lake, PRUNE.replace("}}", "}, drop: [account_last__kind]}")))
    assert dropped.dropped[0] == Dropped("account_last__kind", by_hand=True)
    assert [out.feature for out in dropped.dropped] == ["account_last__kind", ALIKE]


def test_a_pinned_selection_holds_whatever_is_decided_later(lake):
    decided(lake)
    pinned(lake, 0)
    decided(lake)
    assert features(trained(lake)) == EVERYTHING
    pinned(lake, 1)
    assert trained(lake).inputs.selection.version == 1
    pinned(lake, None)
    assert trained(lake).inputs.selection.version == 2


def test_a_service_declared_otherwise_asks_for_a_new_decision(lake):
    decided(lake)
    other = redeclared(lake, PRUNE.replace("0.95", "0.99"))
    with pytest.raises(UsageError, match=r"selection 1 was made for the service 'risk' as it was .*headrace prune -p"):
        trained(other)
    assert features(trained(other, selection=0)) == EVERYTHING
    assert decided(other).version == 2
    assert features(trained(other)) == KEPT
    assert features(trained(redeclared(lake, PRUNE))) == KEPT  # what was decided of the file of then holds again


def test_a_service_that_is_no_longer_pruned_has_everything(lake):
    decided(lake)
    unpruned = FeatureLake(lake.folder, BANK)
    assert features(trained(unpruned)) == EVERYTHING


def test_a_constant_and_an_empty_column_stay_and_are_named(tmp_path):
    lake = pruned_lake(tmp_path, PRUNE.replace("2024-03-03", "2024-03-01T01:00:00Z"))
    found = decided(lake)
    assert (found.rows, found.dropped) == (1, ())
    assert list(found.constant) == [name for name in EVERYTHING if name.split("__")[1] not in ("kind", "due_on")]


@pytest.mark.parametrize(
    ("service", "options", "message"),
    [
        ("riks", {}, r"no service 'riks'. Did you mean: risk"),
        ("account_only", {}, "the service 'account_only' has no 'prune' block.*Add one, such as: prune:"),
        ("risk", {"training_set": "rsk"}, r"no training set 'rsk' of the service 'risk'. Did you mean: risk"),
    ],
)
def test_a_wrong_question_is_refused(lake, service, options, message):
    with pytest.raises(UsageError, match=message):
        decided(lake, service, **options)


def test_an_interval_without_rows_is_refused(lake):
    empty = redeclared(lake, PRUNE.replace("from: 2024-03-01, to: 2024-03-03", "from: 2023-03-01, to: 2023-04-01"))
    with pytest.raises(UsageError, match=r"no rows from 2023-03-01T00:00:00Z to 2023-04-01T00:00:00Z.*change 'fit'"):
        decided(empty)


def test_a_service_of_no_training_set_or_of_several_is_refused(lake):
    text = pruned_text()
    block = text[text.index("training_sets:\n") :]
    none = FeatureLake(lake.folder, text.replace(block, ""))
    with pytest.raises(UsageError, match=r"no training set has the service 'risk'.*Declare one"):
        decided(none)
    second = block.removeprefix("training_sets:\n").replace("  risk:\n    service", "  risk2:\n    service", 1)
    several = FeatureLake(lake.folder, text + second)
    with pytest.raises(UsageError, match=r"several training sets have the service 'risk': risk, risk2.*--training-set"):
        decided(several)
    assert decided(several, training_set="risk").version == 1


def test_rows_that_are_not_built_are_refused(tmp_path):
    with pytest.raises(ContractError, match="rows of the training set 'risk' are not there"):
        decided(FeatureLake(tmp_path, pruned_text()))


def test_two_that_decide_at_once_wait_for_each_other(lake):
    settings = lake.settings().model_copy(update={"lock_wait_s": 0.1})
    with (
        exclusive(selections_table(settings.lake, "bank").lock, wait_s=1, purpose="prune risk"),
        pytest.raises(LockTimeout, match="prune risk"),
    ):
        prune(lake.pipeline, "risk", settings)


@pytest.mark.parametrize(("text", "message"), [("[]", "does not say which"), ("{", "Delete it, and pin again")])
def test_damaged_pins_are_told(lake, text, message):
    decided(lake)
    selections_table(lake.settings().lake, "bank").pinned.write_text(text)
    with pytest.raises(ContractError, match=message):
        trained(lake)
