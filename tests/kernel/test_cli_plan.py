"""The verbs `plan show`, `diff`, `pin` and `unpin` over plans in a lake. No JVM."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from support.plans import a_plan, store_plans
from support.shop import orders, shop, write_shop
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.features import TrainingClient
from headrace.plans import Bounds
from headrace.settings import load_settings
from headrace.tables import plans_table

RULES = {
    "fit": {"from": "2013-01-01", "to": "2014-01-01"},
    "clean": {
        "amount": {"outliers": {"method": "mad", "by": ["shop"], "action": "clip"}},
        "pieces": {"missing": {"fill": "median"}},
    },
    "joint_outliers": {"basket": {"columns": ["amount", "pieces"]}},
}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake with two plans of the shop's orders, and the pipeline file beside it."""
    source = orders(**RULES)
    south = Bounds(low=2.0, high=9.0)
    first, second = a_plan(source, 1, high=100.0, south=south), a_plan(source, 2, high=90.0, fill=3, south=south)
    store_plans(plans_table(tmp_path / "lake", "shop").path, [first, second])
    write_shop(tmp_path / "shop.yaml", **RULES)
    return tmp_path / "lake"


def run(lake: Path, *words: str, code: int = 0) -> str:
    places = [f"--pipeline={lake.parent / 'shop.yaml'}", f"--lake={lake}"]
    answer = CliRunner().invoke(app, ["plan", *words, *places])
    assert answer.exit_code == code, answer.output
    return answer.output


def test_show_tells_bounds_fills_and_which_plan_is_in_use(lake):
    shown = run(lake, "show", "orders")
    for words in ("Plan 2 of orders", "raw/t version 3", "1 ≤ x ≤ 90", "2 ≤ x ≤ 9", "within 10 of (0, 0)", "in use"):
        assert words in shown
    data = json.loads(run(lake, "show", "orders", "--plan=1", "--json"))
    assert (data["plan"], data["in_use"], data["pinned"], data["versions"]) == (1, 2, None, [1, 2])
    assert data["fitted"]["columns"]["pieces"]["missing"]["fill"]["otherwise"] == 7


def test_diff_tells_every_number_that_differs(lake):
    found = json.loads(run(lake, "diff", "orders", "1", "--json"))["differences"]
    assert found == [
        {"rule": "amount mad", "group": "(others)", "number": "high", "from": 100.0, "to": 90.0},
        {"rule": "pieces fill median", "group": "(others)", "number": "fill", "from": 7, "to": 3},
    ]
    assert "Plans 1 and 1 of orders say the same." in run(lake, "diff", "orders", "1", "1")
    assert "plan 2" in run(lake, "diff", "orders", "1", "2")


def test_a_pinned_plan_is_in_use_until_it_is_unpinned(lake):
    run(lake, "pin", "orders", "1")
    assert json.loads(run(lake, "show", "orders", "--json"))["in_use"] == 1
    run(lake, "unpin", "orders")
    assert json.loads(run(lake, "show", "orders", "--json"))["in_use"] == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "order"], "there is no source named 'order'. Did you mean: orders?"),
        (["show", "orders", "--plan=7"], "source 'orders' has no plan 7. There are: 1, 2"),
        (["pin", "orders", "7"], "source 'orders' has no plan 7. There are: 1, 2"),
        (["diff", "orders", "0"], "source 'orders' has no plan 0. There are: 1, 2"),
    ],
)
def test_wrong_names_and_numbers_are_answered_with_the_legal_ones(lake, words, says):
    assert says in run(lake, *words, code=2)


def test_a_plan_of_other_rules_cannot_be_pinned(lake):
    changed = {**RULES, "joint_outliers": {"basket": {"columns": ["amount", "pieces"], "threshold": 3}}}
    write_shop(lake.parent / "shop.yaml", **changed)
    assert "gives at joint_outliers.basket" in run(lake, "pin", "orders", "1", code=2)
    assert json.loads(run(lake, "show", "orders", "--json"))["in_use"] is None


def test_without_a_plan_the_message_names_the_command(lake, tmp_path):
    assert "has no plan in" in run(lake.parent / "empty", "show", "orders", code=2)


def test_a_client_treats_rows_by_the_plan_in_use_and_keeps_to_it(lake):
    client = TrainingClient(shop(**RULES), load_settings({"lake": lake}, environment={}))
    rows = {"amount": [500.0, 500.0, None], "shop": ["north", "south", None], "pieces": [None, 2, 99]}
    treated = client.treat("orders", rows)
    assert isinstance(treated, pa.Table)
    assert treated["amount"].to_pylist() == [90.0, 9.0, None]
    assert treated["pieces"].to_pylist() == [3, 2, 99]
    assert treated["basket_outlier"].to_pylist() == [False, True, False]
    assert set(treated["_plan"].to_pylist()) == {2}
    run(lake, "pin", "orders", "1")
    assert set(client.treat("orders", rows)["_plan"].to_pylist()) == {2}
    again = TrainingClient(shop(**RULES), load_settings({"lake": lake}, environment={}))
    assert set(again.treat("orders", rows)["_plan"].to_pylist()) == {1}
