"""An independent witness: what Kafka's own VerifiableProducer was acknowledged is in raw, by what it prints."""

from __future__ import annotations

import pytest
from support.kafka_tools import run_tool

from headrace.journal import open_journal
from headrace.landing_audit import audit_landing

RECORDS = 2_000


@pytest.mark.slow
def test_what_verifiable_producer_was_acknowledged_is_in_raw(topic, tmp_path):
    topic.create(partitions=3)
    journal = tmp_path / "journal.log"
    options = ["--bootstrap-server", topic.address, "--topic", topic.name, "--max-messages", RECORDS]
    run_tool("VerifiableProducer", *options, printed=journal, within_s=200)
    topic.land()
    with open_journal(journal) as opened:
        assert opened.topics() == {topic.name: RECORDS}
        books = audit_landing(opened, topic.lake, topic.name)
    assert (books.journal, books.raw, books.faults) == (RECORDS, RECORDS, {})
