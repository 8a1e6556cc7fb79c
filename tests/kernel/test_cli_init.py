"""`headrace init` before it asks a broker: what it refuses, and with which message."""

from __future__ import annotations

import json

import pytest
from support.samples import orders, sample_of
from typer.testing import CliRunner

from headrace.cli import init as verb
from headrace.cli.app import app
from headrace.pipeline import load_pipeline


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments: str) -> tuple[int, dict, str]:
    answer = CliRunner().invoke(app, ["init", *arguments, "--json"])
    return answer.exit_code, json.loads(answer.stdout or "{}"), answer.stderr


@pytest.fixture
def sampled(monkeypatch):
    """A broker with orders, stood in for by what a sample of it would be."""
    from headrace.ingestion import sample

    def found(topics, brokers, **bounds):
        return [sample_of(orders(), topic=name, stamped_at="ordered_at") for name in topics]

    monkeypatch.setattr(sample, "sample_topics", found)
    return ["--topic", "orders", "--brokers", "stood.in:1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Shop", "--topic", "t"], "'Shop' is not a name for a pipeline. A name begins with a letter a-z"),
        (["raw", "--topic", "t"], "the name 'raw' is reserved"),
        (["shop"], "which topics? Name each with --topic"),
        (["shop", "--topic", "a/b"], "'a/b' is no topic: Kafka's names have"),
        (["shop", "--topic", "t", "--out", "."], ". is a folder. Name the file to write with --out"),
        (["shop", "--topic", "t", "--out", "there.yaml"], "there.yaml is there already, and is not overwritten"),
        (["shop", "--topic", "t", "--out", "none/shop.yaml"], "there is no folder "),
    ],
)
def test_what_cannot_be_is_refused_before_a_broker_is_asked(folder, arguments, message):
    (folder / "there.yaml").write_text("mine")
    code, found, stderr = init(*arguments)
    assert (code, found["error"]) == (2, "UsageError")
    assert found["message"].startswith(message)
    assert stderr == f"headrace init: {found['message']}\n"
    assert (folder / "there.yaml").read_text() == "mine"


def test_without_a_broker_it_says_how_to_name_one():
    code, found, _ = init("shop", "--topic", "t")
    assert (code, found["error"]) == (1, "BrokerError")
    assert "Start one with `headrace up`, or name a cluster with --brokers" in found["message"]


def test_the_file_is_named_after_the_pipeline_and_overwritten_only_by_force(folder, sampled):
    assert init("shop", *sampled)[0] == 0
    written = (folder / "shop.yaml").read_text()
    assert load_pipeline(folder / "shop.yaml").pipeline == "shop"
    assert init("shop", *sampled)[0] == 2
    (folder / "shop.yaml").write_text("mine")
    assert init("shop", *sampled, "--force")[0] == 0
    assert (folder / "shop.yaml").read_text() == written


def test_a_file_that_somebody_made_meanwhile_is_not_overwritten(folder, sampled, monkeypatch):
    monkeypatch.setattr(verb, "_check_file", lambda file, force: file.write_text("theirs"))
    code, found, _ = init("shop", *sampled)
    assert (code, found["message"]) == (2, "shop.yaml was made by somebody else meanwhile, and is not overwritten")
    assert (folder / "shop.yaml").read_text() == "theirs"


def test_the_line_for_machines_says_what_was_chosen(sampled):
    _, found, _ = init("shop", *sampled, "--out", "first.yaml")
    assert found == {
        "pipeline": "shop",
        "file": "first.yaml",
        "sources": {
            "orders": {
                "topic": "orders",
                "documents": 200,
                "columns": {
                    "order_id": "string",
                    "customer_id": "string",
                    "ordered_at": "timestamp",
                    "pieces": "long",
                    "amount": "double",
                    "gift": "boolean",
                    "note": "string",
                },
                "event_id": ["order_id"],
                "event_at": "ordered_at",
            }
        },
        "decide": [],
    }


def test_a_person_is_shown_what_was_chosen_and_what_comes_next(sampled):
    answer = CliRunner().invoke(app, ["init", "shop", *sampled])
    assert answer.exit_code == 0
    assert "order_id" in answer.stdout
    assert "shop.yaml was written. Look at it, then: headrace pipeline check shop.yaml" in answer.stdout
