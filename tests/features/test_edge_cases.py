"""Every case of docs/edge-cases.md, offline and online, by Headrace's clients and by Feast's calls."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.feast_lake import FeastLake, asked, at, online_answers
from support.feature_lake import FeatureLake

from headrace.features import OnlineClient, TrainingClient
from headrace.features.materialize import materialize
from headrace.features.online_rows import OnlineRows
from headrace.features.registry import BEGINNING, apply_pipeline, feature_store
from headrace.pipeline.times import instant_us

PAGE = Path(__file__).parents[2] / "docs" / "edge-cases.md"
GROUPS = {"account": "account_last", "desk": "desk_last"}


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    number: str
    group: str
    rows: list[tuple[bool, dict]]  # pushed or built, and the row
    keys: dict
    at_us: int
    answer: tuple[str, float | None]


def read_cases():
    lines = [line.strip("| \n").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [read_case([cell.strip() for cell in cells]) for cells in lines if cells[0].strip().isdigit()]


def read_case(cells):
    number, group, rows, asked, status, amount, _why = cells
    keys, at = asked.split(" at ")
    read = [read_row(group, text.strip()) for text in rows.split(";") if text.strip()]
    return Case(number, GROUPS[group], read, read_keys(group, keys), read_instant(at), (status, read_amount(amount)))


def read_row(group, text):
    at, key, amount = text.removeprefix("push ").split()
    return text.startswith("push "), {
        **read_keys(group, key),
        "event_at": read_instant(at),
        "amount": read_amount(amount),
    }


def read_keys(group, text):
    parts = [{"-": None, "''": ""}.get(part, part) for part in text.split("/")]
    return {"account": parts[0], **({"branch": parts[1] and int(parts[1])} if group == "desk" else {})}


def read_instant(text):
    return instant_us((text if "T" in text else f"2024-03-01T{text}") + "Z")


def read_amount(text):
    return None if text == "null" else float(text)


CASES = read_cases()
each_case = pytest.mark.parametrize("case", CASES, ids=[case.number for case in CASES])


def write(lake, group, pushed, row):
    (lake.push if pushed else lake.build)(group, [row])


def service_of(group):
    return "account_only" if group == "account_last" else "desk_only"


def online(lake, case):
    with OnlineClient(lake.pipeline, lake.settings(case.at_us)) as client:
        found = client.vectors(service_of(case.group), {key: [value] for key, value in case.keys.items()})
    status = client_status(found, case.group)
    return status, found.to_arrow().column(f"{case.group}__amount")[0].as_py()


def client_status(found, group):
    return ("PRESENT", "NOT_FOUND", "EXPIRED")[found.groups[group].status[0]]


@pytest.fixture
def lake(tmp_path):
    return FeatureLake(tmp_path)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A folder with the registry of the pipeline, applied once for all cases."""
    lake = FeastLake(tmp_path_factory.mktemp("applied"))
    apply_pipeline(lake.pipeline, lake.settings())
    return lake.settings().home


@pytest.fixture
def registered(tmp_path, registry):
    lake = FeastLake(tmp_path)
    shutil.copytree(registry, lake.settings().home)
    OnlineRows(lake.settings().online_store).close()  # as an apply makes it
    return lake


FEAST_STATUS = {"OUTSIDE_MAX_AGE": "EXPIRED", "NULL_VALUE": "PRESENT"}


def online_by_feast(store, case):
    ((status, amount),) = online_answers(store, case.group, "amount", [case.keys])
    return FEAST_STATUS.get(status, status), amount


def test_the_table_has_24_cases():
    assert [case.number for case in CASES] == [str(number) for number in range(1, 25)]


@each_case
def test_offline(lake, case):
    lake.build(case.group, [])
    for pushed, row in case.rows:
        write(lake, case.group, pushed, row)
    asked = {key: [value] for key, value in case.keys.items()}
    found = TrainingClient(lake.pipeline, lake.settings()).features_at(
        service_of(case.group), asked, at=[case.at_us], with_status=True
    )
    (row,) = found.to_pylist()
    assert (row[f"_status_{case.group}"], row[f"{case.group}__amount"]) == case.answer


@each_case
def test_online_published_once(lake, case):
    lake.build(case.group, [])
    for pushed, row in case.rows:
        write(lake, case.group, pushed, row)
    materialize(lake.pipeline, lake.settings(case.at_us), [case.group])
    assert online(lake, case) == case.answer


@each_case
def test_online_published_after_each_row(lake, case):
    lake.build(case.group, [])
    materialize(lake.pipeline, lake.settings(case.at_us), [case.group])
    for pushed, row in case.rows:
        write(lake, case.group, pushed, row)
        materialize(lake.pipeline, lake.settings(case.at_us), [case.group])
    assert online(lake, case) == case.answer


@each_case
def test_offline_by_feast(registered, case):
    registered.build(case.group, [])
    for pushed, row in case.rows:
        write(registered, case.group, pushed, row)
    store = feature_store(registered.pipeline, registered.settings(case.at_us))
    frame = asked({key: [value] for key, value in case.keys.items()}, [case.at_us])
    found = store.get_historical_features(frame, [f"{case.group}:amount"]).to_arrow()
    assert found["amount"].to_pylist() == [case.answer[1]]


@each_case
def test_online_by_feast_published_by_feast_and_then_by_headrace(registered, case):
    registered.build(case.group, [])
    for pushed, row in case.rows:
        write(registered, case.group, pushed, row)
    settings = registered.settings(case.at_us)
    store = feature_store(registered.pipeline, settings)
    store.materialize(BEGINNING[0], at(case.at_us), [case.group])
    assert online_by_feast(store, case) == case.answer
    materialize(registered.pipeline, settings, [case.group])
    assert online_by_feast(store, case) == case.answer
