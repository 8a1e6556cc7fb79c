"""An independent witness: what Kafka's own VerifiableProducer was acknowledged is in raw, by what it prints."""

from __future__ import annotations

import os
import subprocess

import pytest

from headrace.errors import MachineError
from headrace.infra.local.jars import ensure_jars
from headrace.infra.local.java import find_java
from headrace.journal import open_journal
from headrace.landing_audit import audit_landing
from headrace.settings import load_settings

RECORDS = 2_000


@pytest.mark.slow
def test_what_verifiable_producer_was_acknowledged_is_in_raw(topic, tmp_path):
    cache = load_settings().cache
    try:
        jars = [*ensure_jars("tools", cache), *ensure_jars("broker", cache)]
    except MachineError as err:
        pytest.skip(f"the jar kafka-tools is missing: {err}")
    topic.create(partitions=3)
    command = [find_java().path, "-cp", os.pathsep.join(map(str, jars)), "org.apache.kafka.tools.VerifiableProducer"]
    options = ["--bootstrap-server", topic.address, "--topic", topic.name, "--max-messages", RECORDS]
    journal = tmp_path / "journal.log"
    with journal.open("wb") as printed:
        subprocess.run([*map(str, command), *map(str, options)], stdout=printed, check=True, timeout=200)
    topic.land()
    with open_journal(journal) as opened:
        assert opened.topics() == {topic.name: RECORDS}
        books = audit_landing(opened, topic.lake, topic.name)
    assert (books.journal, books.raw, books.faults) == (RECORDS, RECORDS, {})
