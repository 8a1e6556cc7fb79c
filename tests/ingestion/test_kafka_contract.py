"""What landing counts on kafka-python for, much of it private: an upgrade that breaks it must be noticed."""

from __future__ import annotations

import inspect

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.errors import UnknownTopicOrPartitionError
from support.eventually import eventually


@pytest.fixture
def consumer(topic):
    consumer = KafkaConsumer(
        bootstrap_servers=topic.address, group_id=None, auto_offset_reset="none", enable_auto_commit=False
    )
    yield consumer
    consumer.close()


def read(consumer, place):
    """The next records of one partition, by their values."""
    return [record.value for record in eventually(lambda: consumer.poll(200)).get(place, [])]


def test_the_metadata_know_the_cluster_id_and_the_topic_ids(topic, consumer):
    topic.create()
    eventually(lambda: consumer.partitions_for_topic(topic.name))  # asks until the broker has heard of it
    topic_id = consumer._cluster.topic_id(topic.name)
    assert len(topic_id.bytes) == 16
    assert consumer._cluster.cluster_id


def test_a_consumer_reads_on_into_a_topic_that_was_created_again_and_does_not_notice(topic, consumer):
    """What `Cluster.topic_ids` is there for: fetches go by name, and the known topic id stays the old one."""
    topic.create().send(b"old 0", b"old 1")
    place = TopicPartition(topic.name, 0)
    consumer.assign([place])
    consumer.seek(place, 0)
    assert read(consumer, place) == [b"old 0", b"old 1"]
    known = consumer._cluster.topic_id(topic.name)
    topic.recreate()
    topic.send(b"new 0", b"new 1", b"new 2")
    assert read(consumer, place) == [b"new 2"]
    assert consumer._cluster.topic_id(topic.name) == known


def test_asking_for_a_topic_creates_it_unless_the_metadata_are_told_not_to(topic, consumer):
    """`allow_auto_create_topics=False` of the consumer does not reach them, so landing sets it where it counts."""
    assert consumer._cluster.config["allow_auto_create_topics"] is True
    consumer._cluster.config["allow_auto_create_topics"] = False
    consumer._cluster.add_topic(topic.name)
    with pytest.raises(UnknownTopicOrPartitionError):
        consumer._net.run(consumer._manager.wait_for, consumer._cluster.request_update(), 5_000)
    with topic.admin() as admin:
        assert topic.name not in admin.list_topics()


def test_a_position_can_be_looked_at_without_asking_the_broker(topic, consumer):
    topic.create()
    place = TopicPartition(topic.name, 0)
    consumer.assign([place])
    assert consumer._subscription.position(place) is None
    consumer.seek(place, 5)
    assert consumer._subscription.position(place).offset == 5


def test_a_coordinator_that_is_polled_joins_its_group_and_fetches_nothing(topic):
    """What `KafkaSource` does while it must not read on."""
    topic.create().send(b"x")
    place = TopicPartition(topic.name, 0)
    member = KafkaConsumer(
        topic.name, bootstrap_servers=topic.address, group_id=topic.name, auto_offset_reset="earliest"
    )
    try:
        eventually(lambda: member._coordinator.poll(timeout_ms=200) and member.assignment())
        member.seek(place, 0)
        assert member._coordinator.poll(timeout_ms=200)
        assert member._coordinator.rejoining is False
        assert member.position(place) == 0
        assert read(member, place) == [b"x"]
    finally:
        member.close()


def test_joining_is_still_forgotten_by_a_leader_whose_poll_times_out():
    """When this fails, `KafkaSource._keep_joining` may have become needless."""
    assert "self._assignment_snapshot != self._metadata_snapshot" in inspect.getsource(ConsumerCoordinator.need_rejoin)
    assert "while self.need_rejoin():" in inspect.getsource(ConsumerCoordinator.join_group_async)
