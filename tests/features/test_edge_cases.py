"""Every case of docs/edge-cases.md, offline and online."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from support.feature_lake import FeatureLake

from headrace.features import OnlineClient, TrainingClient
from headrace.features.materialize import materialize
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
