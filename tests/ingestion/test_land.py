"""Landing from the real broker."""

from __future__ import annotations

import time

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import NewPartitions
from kafka.coordinator.consumer import ConsumerCoordinator
from kafka.errors import GroupAuthorizationFailedError
from support.eventually import eventually

from headrace.errors import (
    BrokerError,
    ForeignCluster,
    MachineError,
    PositionLost,
    SettingsError,
    UsageError,
)
from headrace.ingestion import FlushPolicy, LandingSettings, consumer, land


def numbered(*numbers):
    return [b"value %d" % number for number in numbers]


def test_every_record_arrives_with_its_bytes_and_landing_again_adds_only_what_is_new(topic):
    topic.create(partitions=2)
    topic.send(*numbered(*range(1_200)), partition=0)
    topic.send(*numbered(*range(700)), partition=1)
    assert topic.land().rows == {topic.name: 1_900}
    assert topic.land().rows == {topic.name: 0}
    topic.send(*numbered(1_200), partition=0)
    assert topic.land().rows == {topic.name: 1}
    assert topic.comparison().is_clean
    assert topic.comparison().records == 1_901


def test_nulls_headers_and_timestamps_arrive_as_they_were_sent(topic):
    topic.create().send(None, key=b"k", headers=[("h", b"\xff"), ("h", b"")], timestamp_ms=1_357_035_300_000)
    topic.send(b"")
    topic.land()
    tombstone, empty = topic.query("select * from t order by _offset")
    assert (tombstone["key"], tombstone["value"]) == (b"k", None)
    assert [tuple(header.values()) for header in tombstone["headers"]] == [("h", b"\xff"), ("h", b"")]
    assert tombstone["timestamp"].isoformat() == "2013-01-01T10:15:00+00:00"
    assert (tombstone["timestamp_type"], tombstone["leader_epoch"], tombstone["_generation"]) == ("create", 0, 0)
    assert (empty["key"], empty["value"], empty["headers"]) == (None, b"", [])


def test_every_compression_that_kafka_knows_is_read(topic):
    topic.create()
    for compression in ("gzip", "snappy", "lz4", "zstd"):
        producer = KafkaProducer(bootstrap_servers=topic.address, compression_type=compression)
        producer.send(topic.name, compression.encode() * 1_000)
        producer.close()
    topic.land()
    assert [value[:4] for value in topic.values()] == [b"gzip", b"snap", b"lz4l", b"zstd"]
    assert topic.comparison().is_clean


def test_a_topic_whose_broker_gives_the_time_says_so(topic):
    topic.create(message_timestamp_type="LogAppendTime").send(b"x", timestamp_ms=1_357_035_300_000)
    topic.land()
    (row,) = topic.query("select timestamp, timestamp_type from t")
    assert row["timestamp_type"] == "append"
    assert row["timestamp"].year > 2013


def test_aborted_records_never_arrive_and_the_position_passes_over_them(topic):
    topic.create()
    producer = KafkaProducer(bootstrap_servers=topic.address, transactional_id=topic.name)
    producer.init_transactions()
    for number, end in enumerate([producer.commit_transaction, producer.abort_transaction] * 2):
        producer.begin_transaction()
        producer.send(topic.name, b"value %d" % number)
        producer.flush()
        end()
    producer.close()
    topic.land()
    assert topic.values() == [b"value 0", b"value 2"]
    # four records and four markers; a second run finds nothing left to do
    assert topic.query("select max(_offset) as last from t") == [{"last": 4}]
    assert topic.land().commits == 0


def test_an_open_transaction_delays_only_what_comes_after_it(topic):
    topic.create().send(b"before")
    producer = KafkaProducer(bootstrap_servers=topic.address, transactional_id=topic.name)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic.name, b"open")
    producer.flush()
    topic.send(b"after")
    topic.land()
    assert topic.values() == [b"before"]
    producer.commit_transaction()
    producer.close()
    topic.land()
    assert topic.values() == [b"before", b"open", b"after"]


def test_a_record_that_was_sent_twice_is_two_rows_of_raw(topic):
    topic.create().send(b"once", b"twice", b"twice")
    topic.land()
    assert topic.values() == [b"once", b"twice", b"twice"]


def test_a_clock_that_jumps_by_days_touches_nothing_but_landed_at(topic, background, monkeypatch):
    two_days_s, now_s, now_ns = 172_800, time.time, time.time_ns

    def jump_s():
        return two_days_s * (int(now_s() * 4) % 3 - 1)  # four times a second: two days back, right, two days ahead

    monkeypatch.setattr(time, "time", lambda: now_s() + jump_s())
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + jump_s() * 10**9)
    topic.create()
    background(topic)
    for turn in range(8):
        topic.send(*numbered(*range(turn * 200, turn * 200 + 200)), timestamp_ms=1_357_035_300_000)
        eventually(lambda turn=turn: topic.count() == (turn + 1) * 200)
    background.end()
    assert topic.comparison().is_clean
    (found,) = topic.query(
        "select count(distinct timestamp) as sent, min(landed_at) as first, max(landed_at) as last from t"
    )
    assert found["sent"] == 1
    assert (found["last"] - found["first"]).days >= 1


def test_partitions_that_are_added_are_landed_from_their_beginning(topic):
    topic.create().send(b"first")
    topic.land()
    with topic.admin() as admin:
        admin.create_partitions({topic.name: NewPartitions(3)})
        eventually(lambda: len(admin.describe_topics([topic.name])[0]["partitions"]) == 3)
    topic.send(b"second", partition=2)
    topic.land()
    assert topic.values() == [b"first", b"second"]


def test_records_that_were_deleted_before_they_were_landed_stop_their_partition_and_no_other(topic):
    topic.create(partitions=2).send(*numbered(*range(10)), partition=0)
    topic.land()
    topic.send(*numbered(*range(10, 30)), partition=0)
    topic.send(*numbered(0, 1), partition=1)
    with topic.admin() as admin:
        admin.delete_records({TopicPartition(topic.name, 0): 20})
    with pytest.raises(PositionLost, match=r"\[0\]: .* offsets 10 to 19 were deleted before they were landed") as lost:
        topic.land()
    assert lost.value.exit_code == 3
    assert topic.query("select _partition as p, count(*) as n from t group by 1 order by 1") == [
        {"p": 0, "n": 10},
        {"p": 1, "n": 2},
    ]


def test_a_topic_that_was_created_again_is_landed_as_the_next_generation_with_one_warning(topic, caplog):
    topic.create().send(*numbered(0, 1, 2))
    topic.land()
    topic.recreate()
    topic.send(b"again")
    topic.land()
    topic.land()
    rows = topic.query("select _generation as g, _offset as o, value as v from t order by 1, 2")
    assert [tuple(row.values()) for row in rows] == [
        (0, 0, b"value 0"),
        (0, 1, b"value 1"),
        (0, 2, b"value 2"),
        (1, 0, b"again"),
    ]
    warnings = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert len([text for text in warnings if "was deleted and created again" in text]) == 1
    assert len({row["i"] for row in topic.query("select _topic_id as i from t")}) == 2


def test_a_topic_that_is_created_again_under_a_running_lander_is_never_taken_for_the_old_one(topic, background):
    topic.create().send(*numbered(*range(100)))
    background(topic)
    eventually(lambda: topic.count() == 100)
    topic.recreate()
    topic.send(*[b"new %d" % number for number in range(200)])  # more than before: the old position exists again
    eventually(lambda: topic.count() == 300)
    rows = topic.query("select _generation as g, min(_offset) as a, max(_offset) as b, count(*) as n from t group by 1")
    assert sorted(tuple(row.values()) for row in rows) == [(0, 0, 99, 100), (1, 0, 199, 200)]
    assert topic.comparison(generation=1).is_clean
    old = topic.query("select value from t where _generation = 0")
    assert {row["value"][:5] for row in old} == {b"value"}


def test_a_topic_that_is_deleted_does_not_stop_the_others_and_is_landed_when_it_is_back(topic, background):
    gone = type(topic)(f"{topic.name}-gone", topic.address, topic.lake).create()
    topic.create().send(b"first")
    background(topic, gone)
    eventually(lambda: topic.count() == 1)
    gone.delete()
    topic.send(b"second")
    eventually(lambda: topic.count() == 2)
    gone.recreate()
    gone.send(b"back")
    eventually(lambda: gone.count() == 1)


def names(topic):
    with topic.admin() as admin:
        return admin.list_topics()


def test_several_topics_are_landed_by_one_lander(topic):
    topic.create().send(b"one")
    other = type(topic)(topic.name + "-other", topic.address, topic.lake).create()
    other.send(b"two")
    result = land([topic.name, other.name], settings=topic.settings(), until_end=True)
    assert result.rows == {topic.name: 1, other.name: 1}
    assert (topic.values(), other.values()) == ([b"one"], [b"two"])


def test_an_unknown_topic_is_answered_with_the_nearest_names_and_is_not_created(topic):
    topic.create()
    wrong = topic.name[:-1] + "x"
    with pytest.raises(BrokerError, match=f"there is no topic '{wrong}' .* Did you mean: .*{topic.name}"):
        land([wrong], settings=topic.settings(), until_end=True)
    assert wrong not in names(topic)
    assert not topic.lake.exists()


def test_a_lake_of_another_cluster_is_refused_before_anything_is_landed(topic, monkeypatch):
    topic.create().send(b"x")
    monkeypatch.setattr("headrace.ingestion.cluster.Cluster.cluster_id", lambda self: "OTHER")
    topic.land()
    monkeypatch.undo()
    topic.send(b"y")
    with pytest.raises(ForeignCluster, match="of the Kafka cluster OTHER, but the brokers given are of cluster "):
        topic.land()
    assert topic.values() == [b"x"]


def test_an_address_that_is_none_is_told(tmp_path):
    with pytest.raises(SettingsError, match="'nowhere:port' is not an address of brokers"):
        land(["t"], settings=LandingSettings(brokers="nowhere:port", lake=tmp_path), until_end=True)


def test_landing_refuses_to_start_without_the_fast_checksum(tmp_path, monkeypatch):
    monkeypatch.setattr(consumer.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MachineError, match=r"pip install 'kafka-python\[crc32c\]'"):
        land(["t"], settings=LandingSettings(brokers="b:1", lake=tmp_path), until_end=True)


def test_landing_no_topic_is_a_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="no topic"):
        land([], settings=LandingSettings(brokers="b:1", lake=tmp_path), until_end=True)


def test_offsets_that_kafka_does_not_take_are_a_warning_only(topic, caplog, monkeypatch):
    async def refused(self, offsets):
        raise GroupAuthorizationFailedError("no")

    monkeypatch.setattr(ConsumerCoordinator, "_send_offset_commit_request", refused)
    topic.create().send(*numbered(*range(2_000)))
    assert topic.land(policy=FlushPolicy(max_rows=100)).rows == {topic.name: 2_000}
    assert topic.comparison().is_clean


def test_a_name_that_is_no_topic_is_no_path_either(topic):
    with pytest.raises(BrokerError, match=r"there is no topic '\.\./evil'"):
        land(["../evil"], settings=topic.settings(), until_end=True)
    assert not topic.lake.exists()


def test_a_message_of_ten_megabytes_is_landed_byte_for_byte(topic):
    large = bytes(range(256)) * 40 * 1_024
    topic.create(max_message_bytes="12000000")
    producer = KafkaProducer(bootstrap_servers=topic.address, max_request_size=12_000_000)
    producer.send(topic.name, large).get(timeout=30)
    producer.close()
    topic.send(b"small")
    topic.land()
    assert topic.values() == [large, b"small"]
