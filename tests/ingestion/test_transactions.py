"""Transactional producers that abort and die, under a lander that runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from kafka import KafkaProducer
from support.eventually import eventually
from support.journalled_producer import Errand
from support.rooms import REPOSITORY

from headrace.journal import open_journal
from headrace.landing_audit import audit_landing


def write(errand):
    """Sends until the producer dies in its last transaction."""
    command = [sys.executable, "-m", "support.journalled_producer", errand.text()]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "tests")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == -9, done.stderr


def committed(journal):
    """The values of the transactions that were committed, as they were sent, and how many others were aborted."""
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    ends = {line["transaction"]: line["name"] for line in lines if "topic" not in line}
    sent = [line for line in lines if "topic" in line]
    kept = [line["value"] for line in sent if ends.get(line["transaction"]) == "transaction_committed"]
    return kept, sum(1 for name in ends.values() if name == "transaction_aborted")


@pytest.mark.slow
def test_of_producers_that_abort_and_die_only_what_was_committed_is_landed(topic, background, tmp_path):
    topic.create()
    background(topic)
    journal, last = tmp_path / "journal.jsonl", b"the last"
    for life in (1, 2):  # the second has the transaction of the first aborted
        pace = {"records_per_s": 10_000.0, "aborted": 0.3, "transactions": 20, "transactional": True}
        write(Errand(topic.address, topic.name, str(journal), topic.name, seed=7, life=life, **pace))
    after = KafkaProducer(bootstrap_servers=topic.address, transactional_id=topic.name)
    after.init_transactions()
    after.close()
    topic.send(last)
    eventually(lambda: topic.values()[-1:] == [last] if topic.is_made else None)
    kept, aborted = committed(journal)
    assert len(kept) > 400
    assert aborted > 5
    assert [value.decode() for value in topic.values()[:-1]] == kept
    assert topic.comparison().is_clean
    with open_journal(journal) as opened:
        assert audit_landing(opened, topic.lake, topic.name).faults == {"extra": 1}  # the last, which has no journal
