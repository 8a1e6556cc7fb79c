"""Landing by columns from the real broker: the same rows as by kafka-python alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from support.eventually import eventually

from headrace.errors import PositionLost
from headrace.ingestion.columnar_trial import net_client, read_columns

ALL_BUT_LANDED_AT = (
    "_topic_id, _generation, _partition, _offset, timestamp, timestamp_type, leader_epoch, key, value, headers"
)


def send_everything(topic):
    """Two partitions with every codec, headers, nulls, times of long ago, and transactions of all outcomes."""
    for number, compression in enumerate([None, "gzip", "snappy", "lz4", "zstd"]):
        producer = KafkaProducer(bootstrap_servers=topic.address, compression_type=compression, linger_ms=50)
        for index in range(300):
            producer.send(
                topic.name,
                None if index % 7 == 0 else b"value %d of %d" % (index, number) * (index % 5),
                key=None if index % 3 == 0 and index % 7 else b"%d" % index,
                headers=[("trace", b"%d" % index), ("größe", b"")][: index % 3],
                partition=index % 2,
                timestamp_ms=1_357_035_300_000 + index,
            )
        producer.close()
    producer = KafkaProducer(
        bootstrap_servers=topic.address, transactional_id=topic.name, compression_type="lz4", linger_ms=50
    )
    producer.init_transactions()
    for number in range(6):
        producer.begin_transaction()
        for index in range(40):
            producer.send(topic.name, b"transaction %d, %d" % (number, index), partition=index % 2)
        producer.flush()
        (producer.abort_transaction if number % 2 else producer.commit_transaction)()
    producer.close()


def landed(topic):
    return topic.query(f"select {ALL_BUT_LANDED_AT} from t order by _partition, _offset")


def test_all_that_kafka_can_hold_lands_alike_by_columns_and_by_kafka_python(topic, tmp_path, caplog):
    topic.create(partitions=2)
    send_everything(topic)
    by_kafka_python = replace(topic, lake=tmp_path / "another lake")
    topic.land()
    by_kafka_python.land(columnar=False)
    assert landed(topic) == landed(by_kafka_python)
    assert topic.comparison().is_clean
    assert topic.comparison().records == 5 * 300 + 3 * 40
    assert [entry for entry in caplog.records if "is not as headrace" in entry.getMessage()] == []


def test_a_batch_above_the_ceiling_stops_its_partition_alone_and_lands_with_a_larger_one(topic):
    topic.create(partitions=2).send(b"before")
    topic.send(b"elsewhere", partition=1)
    producer = KafkaProducer(bootstrap_servers=topic.address, compression_type="gzip", max_request_size=5_000_000)
    producer.send(topic.name, bytes(4_000_000), partition=0).get(timeout=30)
    producer.close()
    topic.send(b"after")
    with pytest.raises(PositionLost) as stop:
        topic.land(max_batch_bytes=1_000_000)
    assert re.search(r"\[0\]: the batch at offset 1 takes [\d,]+ bytes, and more than 1,000,000 ", str(stop.value))
    assert "a larger max_batch_bytes (HEADRACE_MAX_BATCH_BYTES)" in str(stop.value)
    assert topic.values() == [b"before", b"elsewhere"]
    topic.land(max_batch_bytes=5_000_000)
    assert topic.values() == [b"before", bytes(4_000_000), b"after", b"elsewhere"]


@pytest.fixture
def consumer(topic):
    consumer = KafkaConsumer(
        bootstrap_servers=topic.address,
        group_id=None,
        auto_offset_reset="none",
        enable_auto_commit=False,
        kafka_client=net_client,
    )
    read_columns(consumer, max_batch_bytes=2**20)
    yield consumer
    consumer.close()


def polled(consumer, place, rows):
    """The offsets of one poll of at most so many rows."""
    found = eventually(lambda: consumer.poll(200, max_records=rows)).get(place, [])
    return [offset for batch in found for offset in batch.column("_offset").to_pylist()]


def test_polls_count_rows_and_a_seek_into_a_batch_begins_there(topic, consumer):
    topic.create()
    producer = KafkaProducer(bootstrap_servers=topic.address, linger_ms=500)
    for number in range(10):
        producer.send(topic.name, b"%d" % number)
    producer.close()
    place = TopicPartition(topic.name, 0)
    consumer.assign([place])
    consumer.seek(place, 0)
    assert polled(consumer, place, 4) == [0, 1, 2, 3]
    assert consumer.position(place) == 4
    consumer.seek(place, 7)
    assert polled(consumer, place, 100) == [7, 8, 9]
    consumer.seek(place, 2)
    assert polled(consumer, place, 3) == [2, 3, 4]


def test_every_connection_of_a_consumer_receives_frames(topic, consumer):
    topic.create().send(b"x")
    place = TopicPartition(topic.name, 0)
    consumer.assign([place])
    consumer.seek(place, 0)
    assert polled(consumer, place, 10) == [0]
    kinds = {type(each.transport).__name__ for each in consumer._manager._conns.values() if each.connected}
    assert kinds == {"FrameTCPTransport"}
