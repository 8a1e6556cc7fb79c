from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.kafka_records import record

from headrace.ingestion.buffer import TopicBuffer
from headrace.ingestion.raw_columns import record_columns


def columns(partition, *offsets):
    return record_columns(partition, [record(offset, partition=partition) for offset in offsets])


def places(buffer):
    return [(row["_partition"], row["_offset"]) for batch in buffer.batches() for row in batch.to_pylist()]


def test_records_come_out_by_partition_and_offset_in_whatever_order_the_polls_came():
    buffer = TopicBuffer()
    for partition, offsets in ((1, (5, 6)), (0, (9,)), (1, (7,))):
        buffer.add(partition, columns(partition, *offsets), now_s=0.0)
    assert places(buffer) == [(0, 9), (1, 5), (1, 6), (1, 7)]
    assert buffer.rows == 4
    assert buffer.size_bytes > 0


def test_the_age_is_that_of_the_oldest_record_and_starts_anew_after_a_commit():
    buffer = TopicBuffer()
    assert buffer.age_s(99.0) == 0.0
    buffer.add(0, columns(0, 1), now_s=10.0)
    buffer.add(0, columns(0, 2), now_s=12.0)
    assert buffer.age_s(13.0) == 3.0
    buffer.committed()
    assert (buffer.age_s(20.0), buffer.rows) == (0.0, 0)


@settings(deadline=None)
@given(st.lists(st.one_of(st.tuples(st.integers(0, 3), st.integers(1, 5)), st.integers(0, 3), st.none()), max_size=20))
def test_rows_and_memory_are_those_of_the_records_that_are_there_whatever_came_and_went(events):
    buffer = TopicBuffer()
    for event in events:
        if event is None:
            buffer.committed()
        elif isinstance(event, int):
            buffer.forget([event])
        else:
            buffer.add(event[0], columns(event[0], *range(event[1])), now_s=0.0)
    batches = list(buffer.batches())
    assert buffer.rows == sum(batch.num_rows for batch in batches)
    assert buffer.size_bytes == sum(batch.nbytes for batch in batches)


def test_the_oldest_timestamp_is_the_least_of_the_first_records_that_have_one():
    buffer = TopicBuffer()
    assert buffer.oldest_at_s() is None
    for partition, timestamp in ((0, -1), (1, 5_500), (2, 7_000)):
        batch = record_columns(partition, [record(0, partition=partition, timestamp=timestamp)])
        buffer.add(partition, batch, now_s=0.0)
    assert buffer.oldest_at_s() == 5.5
    buffer.committed()
    assert buffer.oldest_at_s() is None


def test_a_commit_keeps_the_positions_and_giving_up_a_partition_drops_all_of_it():
    buffer = TopicBuffer()
    buffer.add(0, columns(0, 1), now_s=0.0)
    buffer.add(1, columns(1, 1), now_s=0.0)
    buffer.positions |= {0: 2, 1: 2}
    buffer.forget([0])
    assert (places(buffer), buffer.positions) == ([(1, 1)], {1: 2})
    buffer.committed()
    assert (places(buffer), buffer.positions) == ([], {1: 2})
