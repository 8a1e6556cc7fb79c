"""The verb `checks show` over tables of checks in a lake. No JVM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from support.shop import ORDERS, shop, write_shop
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.holds import Failure, Hold, release_hold, write_hold
from headrace.tables import SourceTables, source_tables

DECLARED: dict[str, Any] = {
    "fit": {"from": "2013-01-01", "to": "2014-01-01"},
    "expect": {
        "few": {"check": "between", "column": "pieces", "high": 5, "severity": "hold"},
        "refusing": {"check": "not_null", "column": "gift", "severity": "quarantine"},
    },
    "drift": {"psi": 0.2, "columns": ["amount"]},
}
FEW, AMOUNT, ENOUGH = ("few", "between"), ("drift.amount", "psi"), ("drift", "events")


@pytest.fixture
def tables(tmp_path: Path) -> SourceTables:
    write_shop(tmp_path / "shop.yaml", **DECLARED)
    return source_tables(tmp_path / "lake", "shop", "orders", shop().definition("orders"))


def write(tables: SourceTables, at_s: int, **outcomes: str) -> None:
    """One unit of work: the outcomes of `few`, `amount`, `enough` and of a check that is no longer declared."""
    names = {"few": FEW, "amount": AMOUNT, "enough": ENOUGH, "gone": ("gone", "rows")}
    rows = [(*names[name], outcome) for name, outcome in outcomes.items()]
    count = len(rows)
    columns = {
        "_created_at": pa.array([at_s * 10**6] * count, pa.int64()).cast(pa.timestamp("us", "UTC")),
        **{key: pa.array([row[n] for row in rows]) for n, key in enumerate(("expectation", "check", "outcome"))},
        "severity": pa.array(["warn"] * count),
        "found": pa.array([None if row[2] == "unknown" else 0.25 for row in rows], pa.float64()),
        "expected": pa.array(["at most 0.2 from plan 1"] * count),
        "records": pa.array([1_234] * count, pa.int64()),
        "unit": pa.array([f"headrace/clean/x/{at_s}"] * count),
    }
    write_deltalake(tables.checks, pa.table(columns), mode="append")


def run(tables: SourceTables, *words: str):
    folder = tables.checks.parents[4]
    places = [f"--pipeline={folder / 'shop.yaml'}", f"--lake={folder / 'lake'}"]
    return CliRunner().invoke(app, ["checks", "show", *words, *places])


def outcomes(answer) -> dict[str, str]:
    found = json.loads(answer.stdout)["sources"]["orders"]["checks"]
    return {each["expectation"]: each["outcome"] for each in found}


def test_the_newest_outcome_of_each_declared_check_is_shown(tables):
    write(tables, 100, few="held", amount="warned", enough="passed", gone="held")
    write(tables, 200, few="passed", enough="unknown")
    answer = run(tables, "--json")
    assert outcomes(answer) == {"few": "passed", "drift.amount": "warned", "drift": "unknown"}
    amount = json.loads(answer.stdout)["sources"]["orders"]["checks"][1]
    assert amount == {
        "at": "1970-01-01T00:01:40Z",
        "expectation": "drift.amount",
        "check": "psi",
        "severity": "warn",
        "outcome": "warned",
        "found": 0.25,
        "expected": "at most 0.2 from plan 1",
        "records": 1234,
        "unit": "headrace/clean/x/100",
    }
    shown = run(tables, "orders").stdout
    for words in ("drift.amount", "psi", "warned", "0.25", "at most 0.2 from plan 1", "1,234", "1970-01-01T00:03:20Z"):
        assert words in shown


@pytest.mark.parametrize(
    ("few", "amount", "code"),
    [("passed", "passed", 0), ("passed", "unknown", 0), ("released", "passed", 0), ("passed", "warned", 3)],
)
def test_the_exit_code_says_whether_all_hold(tables, few, amount, code):
    write(tables, 100, few=few, amount=amount, gone="held")
    answer = run(tables, "--json")
    assert answer.exit_code == code, answer.output
    assert json.loads(answer.stdout)["failed"] == {"orders": int(code == 3)}


def test_what_is_held_is_told_with_both_ways_out_until_it_is_released(tables):
    write(tables, 100, few="released")
    write_hold(tables.hold, Hold({("id", 0): 3}, 4, [Failure("few", "0.25", "all")], 1))
    answer = run(tables)
    assert answer.exit_code == 3
    assert "orders is held: headrace release -p" in answer.stderr
    release_hold(tables.hold, "orders")
    assert run(tables).exit_code == 0


def test_where_nothing_was_checked_yet_all_sources_are_shown_and_one_by_name_is_not(tables):
    answer = run(tables, "--json")
    assert (answer.exit_code, json.loads(answer.stdout)["sources"]) == (0, {})
    assert "orders: nothing has been checked yet" in answer.stderr
    assert run(tables, "orders").exit_code == 1


def test_a_source_that_is_not_there_or_declares_no_check_is_wrong_usage(tables):
    folder = tables.checks.parents[4]
    assert run(tables, "order").exit_code == 2
    (folder / "shop.yaml").write_text(json.dumps({"pipeline": "shop", "sources": {"orders": ORDERS}}))
    answer = run(tables, "orders")
    assert answer.exit_code == 2
    assert "has no expectation that warns or holds, and no drift" in answer.stderr
    assert run(tables).exit_code == 0
