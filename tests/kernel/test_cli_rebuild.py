"""`headrace rebuild`: what it asks of the job, and what it says of the answer."""

from __future__ import annotations

import json

import pytest
from support.shop import ORDERS
from typer.testing import CliRunner

from headrace.cli.app import app

ROWS = {"clean": 1200, "duplicates": 2, "quarantine": 3}
BEFORE = {"clean": 1205, "duplicates": 0, "quarantine": 0}
FOUND = {
    "rebuilt": {"orders": {"number": 3, "present": 3, "plan": 2, "placed": 7, "rows": ROWS, "rows_before": BEFORE}}
}
SHOP = {
    "pipeline": "shop",
    "sources": {"orders": ORDERS},
    "entities": {"shop": {"keys": ["shop"]}},
    "features": {"sales": {"entity": "shop", "source": "orders", "latest": ["amount"]}},
}


@pytest.fixture
def rebuild(tmp_path, monkeypatch):
    """Runs the verb with a job that answers at once; what the job was asked is in `.asked`."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "shop.yaml"
    file.write_text(json.dumps(SHOP))

    def answer(settings, pipeline, entry, options, report):
        run.asked.append((entry, options))
        return FOUND

    def run(*arguments):
        run.asked = []
        return CliRunner().invoke(app, ["rebuild", *arguments, "-p", str(file)])

    monkeypatch.setattr("headrace.cli.rebuild.run_cleaning", answer)
    return run


def test_the_answer_is_a_line_a_source_with_the_rows_of_before_and_what_follows(rebuild):
    answer = rebuild("orders")
    assert rebuild.asked == [("rebuild_source", ["--source=orders"])]
    _, line, stream, features = answer.stdout.splitlines()
    assert line.split() == ["orders", "3", "3", "2", "1,200", "(1,205)", "2", "(0)", "3", "(0)"]
    assert stream == "A stream of orders ends by itself; start it again, and it goes on with the present tables."
    assert features == "The features of sales are as before; headrace build makes them anew from all rows."


def test_a_rebuild_that_is_only_made_asks_nobody_to_do_anything(rebuild):
    answer = rebuild("orders", "--no-switch", "--anew")
    assert rebuild.asked == [("rebuild_source", ["--source=orders", "--anew", "--no-switch"])]
    assert len(answer.stdout.splitlines()) == 2


def test_which_source_must_be_said(rebuild):
    assert rebuild().exit_code == 2
