"""Transactional producers that abort and die, under a lander that runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from kafka import KafkaProducer
from support.eventually import eventually
from support.rooms import REPOSITORY


def write(topic, transactions):
    """The values that a writer committed before it was killed in its last transaction."""
    command = [sys.executable, "-m", "support.transactional_writer", topic.address, topic.name, topic.name]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "tests")}
    done = subprocess.run([*command, str(transactions)], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == -9, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_of_producers_that_abort_and_die_only_what_was_committed_is_landed(topic, background):
    topic.create()
    background(topic)
    committed = [*write(topic, 20), *write(topic, 20)]  # the second has the transaction of the first aborted
    after = KafkaProducer(bootstrap_servers=topic.address, transactional_id=topic.name)
    after.init_transactions()
    after.close()
    topic.send(b"the last")
    eventually(lambda: topic.values()[-1:] == [b"the last"] if topic.table.exists() else None)
    assert [value.decode() for value in topic.values()] == [*committed, "the last"]
    assert topic.comparison().is_clean
