"""`headrace replay`: what it asks of the job, and what it says of the answer."""

from __future__ import annotations

import pytest
from support.shop import write_shop
from typer.testing import CliRunner

from headrace.cli.app import app

FOUND = {"replayed": {"orders": {"cleaned": 2, "duplicates": 1, "rejected": 3, "reasons": {"late": 3}, "attempts": 4}}}


@pytest.fixture
def replay(tmp_path, monkeypatch):
    """Runs the verb with a job that answers at once; what the job was asked is in `.asked`."""
    monkeypatch.chdir(tmp_path)
    file = write_shop(tmp_path / "shop.yaml")

    def answer(settings, pipeline, entry, options, report):
        run.asked.append((entry, options))
        return FOUND

    def run(*arguments):
        run.asked = []
        return CliRunner().invoke(app, ["replay", *arguments, "-p", str(file)])

    monkeypatch.setattr("headrace.cli.replay.run_cleaning", answer)
    return run


def test_sources_and_reasons_are_passed_to_the_job_and_its_answer_is_a_line_a_source(replay):
    answer = replay("orders", "--reason", "late", "--reason", "missing_field")
    assert replay.asked == [("replay_quarantine", ["--source=orders", "--reason=late", "--reason=missing_field"])]
    assert [line.split() for line in answer.stdout.splitlines()] == [
        ["source", "cleaned", "duplicates", "still", "rejected", "reasons"],
        ["orders", "2", "1", "3", "late", "3"],
    ]


def test_all_sources_are_replayed_only_when_that_is_said(replay):
    assert replay("--all").exit_code == 0
    assert replay.asked == [("replay_quarantine", [])]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say which sources to replay, or --all"),
        (["orders", "--all"], "say which sources to replay, or --all"),
        (["orders", "--reason", "missing"], "nothing is rejected for 'missing'. Did you mean: missing_field?"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_starts(replay, arguments, message):
    answer = replay(*arguments)
    assert (answer.exit_code, replay.asked) == (2, [])
    assert message in answer.stderr
