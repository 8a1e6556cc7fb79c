"""A stored training set can be made again, byte by byte; or one is told which input is gone."""

from __future__ import annotations

import hashlib
import json

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from support.feature_lake import BANK, HOUR_US, T0_US, FeatureLake
from support.old_replacements import make_replacements_old

from headrace import __version__
from headrace.compaction import compact
from headrace.errors import CheckFailed, ContractError, UnpinnedWarning, UsageError
from headrace.features import TrainingClient
from headrace.features import manifest as manifest_module
from headrace.features.manifest import read_manifest, rebuild
from headrace.lake_tables import tables_of
from headrace.pins import pins_of
from headrace.pipeline import load_pipeline
from headrace.vacuum import vacuum


@pytest.fixture
def lake(tmp_path):
    lake = FeatureLake(tmp_path)
    lake.build("account_last", [{"account": "a", "event_at": T0_US, "amount": 2.5, "kind": "card"}])
    lake.build("desk_last", [{"account": "a", "branch": 1, "event_at": T0_US, "amount": 7.0}])
    lake.push("desk_last", [{"account": "a", "branch": 1, "event_at": T0_US + HOUR_US, "amount": 8.0}])
    lake.training_rows([row(number) for number in range(40)])
    return lake


def row(number):
    at = {"at": T0_US + number * HOUR_US // 4, "label": number % 3 == 0, "label_known_at": T0_US}
    return {"row_id": f"r{number}", "account": "ab"[number % 2], "branch": 1, "pieces": number, **at}


def stored(lake, folder="set", **choice):
    client = TrainingClient(lake.file, lake.settings())
    return client.store(client.training_set("risk", **choice), lake.folder / folder)


def test_a_manifest_says_what_the_set_was_made_from(lake):
    manifest = stored(lake, split="train", split_at="2024-03-01T05:00:00Z")
    assert manifest == json.loads((lake.folder / "set" / "manifest.json").read_text())
    data = lake.folder / "set" / "data.parquet"
    assert manifest["data"]["sha256"] == hashlib.sha256(data.read_bytes()).hexdigest()
    assert manifest["data"]["rows"] == pq.read_table(data).num_rows == 20
    assert manifest["choice"] == {
        "split": "train",
        "split_at_us": T0_US + 5 * HOUR_US,
        "until_us": None,
        "by_knowledge": False,
        "with_unlabelled": False,
    }
    assert manifest["pipeline_file"]["sha256"] == hashlib.sha256(BANK.encode()).hexdigest()
    groups = manifest["inputs"]["groups"]
    assert {name: (group["features_version"], group["pushed_version"]) for name, group in groups.items()} == {
        "account_last": (0, None),
        "desk_last": (0, 0),
    }
    assert manifest["inputs"]["rows_version"] == 0
    assert manifest["clean"] == {
        "rows": [{"source": "payments", "table": "0123456789ab-1", "version": 3}],
        "groups": {
            group: {"source": "payments", "version": 7, "until_us": T0_US + 100 * HOUR_US}
            for group in ("account_last", "desk_last")
        },
    }
    assert manifest["code"]["headrace"] == __version__


@pytest.mark.parametrize("choice", [{}, {"split": "train"}, {"as_of": "knowledge", "with_unlabelled": True}])
def test_it_is_made_again_byte_by_byte_after_the_lake_went_on(lake, choice):
    stored(lake, **choice)
    lake.build("account_last", [{"account": "a", "event_at": T0_US, "amount": 9.0}])
    lake.push("account_last", [{"account": "b", "event_at": T0_US, "amount": 9.0}])
    lake.training_rows([row(99)])
    manifest = read_manifest(lake.folder / "set")
    again = rebuild(manifest, lake.folder / "lake", lake.folder / "again")
    assert again.read_bytes() == (lake.folder / "set" / "data.parquet").read_bytes()
    assert (again.parent / "manifest.json").read_bytes() == (lake.folder / "set" / "manifest.json").read_bytes()
    assert stored(lake, "now", **choice)["data"]["sha256"] != manifest["data"]["sha256"]


def test_the_lake_may_have_moved(lake):
    manifest = stored(lake)
    (lake.folder / "lake").rename(lake.folder / "elsewhere")
    assert rebuild(manifest, lake.folder / "elsewhere", lake.folder / "again").is_file()


def test_a_set_from_a_pipeline_without_a_file_asks_for_it_again(lake):
    client = TrainingClient(lake.pipeline, lake.settings())
    manifest = client.store(client.training_set("risk"), lake.folder / "set")
    assert manifest["pipeline_file"] is None
    with pytest.raises(UsageError, match="holds no pipeline file"):
        rebuild(manifest, lake.folder / "lake", lake.folder / "again")
    assert rebuild(manifest, lake.folder / "lake", lake.folder / "again", lake.pipeline).is_file()
    (lake.folder / "other.yaml").write_text(BANK.replace("amount > 100", "amount > 200"))
    with pytest.raises(UsageError, match="does not define 'risk' as the manifest does"):
        rebuild(manifest, lake.folder / "lake", lake.folder / "again", load_pipeline(lake.folder / "other.yaml"))


def test_a_version_whose_log_is_gone_is_named(lake):
    manifest = stored(lake)
    features = lake.tables("account_last").features
    lake.build("account_last", [{"account": "a", "event_at": T0_US, "amount": 9.0}])
    DeltaTable(features).create_checkpoint()
    next((features / "_delta_log").glob("*00.json")).unlink()
    with pytest.raises(
        ContractError, match=rf"'risk' cannot be made again.*version 0 of the table in .*{features.name}"
    ):
        rebuild(manifest, lake.folder / "lake", lake.folder / "again")


def test_a_vacuumed_data_file_is_named(lake):
    manifest = stored(lake)
    features = lake.tables("account_last").features
    (file,) = features.glob("*.parquet")
    file.unlink()
    with pytest.raises(ContractError, match=rf"cannot be made again, because an input is gone.*{file.name}"):
        rebuild(manifest, lake.folder / "lake", lake.folder / "again")


def test_a_table_that_is_gone_is_named(lake):
    manifest = stored(lake)
    rows = lake.folder / "lake" / manifest["inputs"]["rows"]
    rows.rename(lake.folder / "gone")
    with pytest.raises(ContractError, match=rf"an input is gone.*{rows.name}"):
        rebuild(manifest, lake.folder / "lake", lake.folder / "again")


def test_other_bytes_are_a_fault_that_names_the_code_that_changed(lake):
    manifest = stored(lake)
    manifest["data"]["sha256"] = "0" * 64
    manifest["code"] |= {"numpy": "1.0", "no-such-package": "3"}
    with pytest.raises(
        CheckFailed, match=r"its bytes differ: .* instead of 0{64}, 40 rows instead of 40; numpy 1.0 then.*none now"
    ):
        rebuild(manifest, lake.folder / "lake", lake.folder / "again")


def test_other_bytes_leave_what_was_in_the_folder(lake):
    manifest = stored(lake)
    manifest["data"]["sha256"] = "0" * 64
    before = {name: (lake.folder / "set" / name).read_bytes() for name in ("data.parquet", "manifest.json")}
    with pytest.raises(CheckFailed, match=r"made again in .*set/data\.differs\.parquet, but its bytes differ"):
        rebuild(manifest, lake.folder / "lake", lake.folder / "set")
    after = {path.name: path.read_bytes() for path in (lake.folder / "set").iterdir()}
    assert after == before | {"data.differs.parquet": before["data.parquet"]}


def test_no_manifest_lies_beside_the_data_of_another_set(lake, monkeypatch):
    """As where the process is killed between the two files."""
    stored(lake)

    def killed(content, folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(manifest_module, "_write_manifest", killed)
    with pytest.raises(KeyboardInterrupt):
        stored(lake, split="train")
    assert [path.name for path in (lake.folder / "set").iterdir()] == ["data.parquet"]


def test_a_folder_that_cannot_be_made_is_refused(lake):
    with pytest.raises(UsageError, match=r"the folder .*bank.yaml cannot be made"):
        stored(lake, "bank.yaml")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("inputs.groups.desk_last.features", None, "'inputs.groups.desk_last.features' is None"),
        ("inputs.rows_version", "7", "'inputs.rows_version' is '7'"),
        ("inputs.rows_version", True, "'inputs.rows_version' is True"),
        ("choice.until_us", "1) OR (1 = 1", r"'choice.until_us' is '1\) OR \(1 = 1'"),
        ("choice.more", 1, "'choice.more' is unknown"),
        ("inputs.selection", {"version": 1, "kept": [["a"]]}, r"'inputs.selection.kept.0' is \['a'\]"),
        ("inputs.selection", {"version": 1, "kept": "a"}, "'inputs.selection.kept' is 'a'"),
        ("inputs", [], r"'inputs' is \[\]"),
        ("pipeline_file", {"text": ""}, "'pipeline_file.sha256' is missing"),
        ("code.numpy", 2, "'code.numpy' is 2"),
    ],
)
def test_a_damaged_manifest_is_refused_with_the_place(lake, place, value, message):
    manifest = found = stored(lake)
    *inner, last = place.split(".")
    for key in inner:
        found = found[key]
    found[last] = value
    (lake.folder / "damaged.json").write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match=f"is no whole manifest: {message}"):
        read_manifest(lake.folder / "damaged.json")


def test_a_manifest_without_the_tables_of_a_group_is_refused(lake):
    manifest = stored(lake)
    del manifest["inputs"]["groups"]["desk_last"]
    with pytest.raises(UsageError, match="pins no tables of 'desk_last', which 'risk' is made of"):
        rebuild(manifest, lake.folder / "lake", lake.folder / "again")


def test_a_pipeline_file_of_another_version_is_named_as_that_of_the_manifest(lake):
    manifest = stored(lake)
    manifest["pipeline_file"]["text"] += "more: 1\n"
    with pytest.raises(UsageError, match=r"not read the pipeline file in the manifest: line \d+: .*'more'.*version"):
        rebuild(manifest, lake.folder / "lake", lake.folder / "again")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": 1}', "'choice' is missing"),
        ("{", "is not a manifest"),
        ('{"format": 2}', "not a manifest of format 1"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, text, message):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_manifest(tmp_path)
    with pytest.raises(UsageError, match="is not a manifest"):
        read_manifest(tmp_path / "none.json")


def vacuum_replaced(lake):
    """Compacts every feature table and removes what that has replaced, as if it were long ago."""
    root = lake.settings().lake
    for table in tables_of(root):
        if table.kind == "features":
            compact(table, lock_wait_s=1.0)
            make_replacements_old(table)
            vacuum(table, root, dry_run=False, lock_wait_s=1.0)


def test_a_stored_set_is_pinned_and_can_be_made_again_after_a_vacuum_until_the_pin_goes(lake):
    manifest = stored(lake)
    lake.build("account_last", [{"account": "b", "event_at": T0_US, "amount": 1.0, "kind": "cash"}])
    vacuum_replaced(lake)
    again = rebuild(manifest, lake.settings().lake, lake.folder / "again")
    assert again.read_bytes() == (lake.folder / "set" / "data.parquet").read_bytes()
    ((file, pin),) = pins_of(lake.settings().lake).items()
    assert (pin.training_set, pin.manifest) == ("risk", str(lake.folder / "set" / "manifest.json"))
    file.unlink()
    vacuum_replaced(lake)
    with pytest.raises(ContractError, match="cannot be made again, because an input is gone"):
        rebuild(manifest, lake.settings().lake, lake.folder / "third")


def test_the_same_set_in_the_same_folder_has_one_pin(lake):
    for _ in range(2):
        stored(lake)
    stored(lake, "other")
    assert len(pins_of(lake.settings().lake)) == 2


def test_a_trainer_that_may_not_write_the_lake_is_warned_and_has_its_set(lake):
    (lake.settings().lake / "bank" / "manifests").write_text("no folder")
    with pytest.warns(UnpinnedWarning, match=r"manifest\.json could not be pinned in the lake .*--manifest"):
        manifest = stored(lake)
    assert read_manifest(lake.folder / "set") == manifest
