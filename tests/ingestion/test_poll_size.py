from __future__ import annotations

from support.kafka_records import record

from headrace.ingestion.poll_size import FIRST_RECORDS, PollSize
from headrace.ingestion.raw_columns import record_columns


def batch(rows, value_bytes):
    return record_columns(0, [record(offset, bytes(value_bytes)) for offset in range(rows)])


def test_it_begins_with_a_number_that_suits_most_topics_and_never_beyond_the_most():
    assert PollSize(100_000, 2**25).records == FIRST_RECORDS
    assert PollSize(10, 2**25).records == 10


def test_small_records_are_asked_for_up_to_the_most():
    size = PollSize(100_000, 2**25)
    size.observe([batch(100, 10), batch(50, 20)])
    assert size.records == 100_000


def test_of_large_records_as_many_are_asked_for_as_take_the_bytes():
    size = PollSize(100_000, 2**25)
    size.observe([batch(1, 2**20), batch(2, 2**20)])
    assert size.records in (31, 32)  # a row takes some bytes beside its value
    size.observe([batch(1, 10)])
    assert size.records == 100_000


def test_a_record_that_is_larger_than_the_bytes_is_asked_for_alone():
    size = PollSize(100_000, 2**20)
    size.observe([batch(1, 2**21)])
    assert size.records == 1


def test_a_poll_that_gave_nothing_changes_nothing():
    size = PollSize(100_000, 2**20)
    size.observe([batch(1, 2**18)])
    before = size.records
    size.observe([])
    size.observe([batch(1, 0).slice(1)])
    assert size.records == before
