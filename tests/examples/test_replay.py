"""The replay against a real broker."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import time
import uuid
from contextlib import closing

import numpy as np
import pyarrow.parquet as pq
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from support.flights_judge import judge

from headrace.errors import UsageError
from headrace.examples.flights.events import SOURCES
from headrace.examples.flights.options import ReplayOptions
from headrace.examples.flights.order import Order
from headrace.examples.flights.replay import main, prepare, replay

pytestmark = pytest.mark.broker


@pytest.fixture
def options(broker, tmp_path):
    """Gives options for a replay of its own: new topics, new journal."""
    prefix = f"test-{uuid.uuid4().hex[:8]}."

    def make(**changes):
        asked = {"brokers": broker, "journal": tmp_path / "journal", "topic_prefix": prefix, "days": 1}
        return ReplayOptions(**(asked | changes))

    return make


def consumer_of(brokers):
    return closing(KafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="none", enable_auto_commit=False))


def ends_of(consumer, asked):
    places = [TopicPartition(topic, number) for topic in asked.topics.values() for number in range(asked.partitions)]
    return consumer.end_offsets(places)


def in_the_topics(asked):
    """Every record of the replay's topics, by source, in the order of partition and offset."""
    found = {source: [] for source in SOURCES}
    with consumer_of(asked.brokers) as consumer:
        for place, end in sorted(ends_of(consumer, asked).items()):
            consumer.assign([place])
            consumer.seek(place, 0)
            while consumer.position(place) < end:
                for records in consumer.poll(timeout_ms=10_000).values():
                    found[place.topic.removeprefix(asked.topic_prefix)] += records
    return found


def journaled(asked):
    """The journal by (topic, partition, offset): sequence number and sha256."""
    rows = [row for path in asked.journal.glob("part-*.parquet") for row in pq.read_table(path).to_pylist()]
    by_position = {(row["topic"], row["partition"], row["offset"]): (row["sequence"], row["sha256"]) for row in rows}
    assert len(by_position) == len(rows)
    return by_position


def assert_complete(asked):
    """Each record of the sequence is in its topic once, in order, as the journal says."""
    sequence, _ = prepare(asked)
    sent = sequence.records(np.arange(len(sequence)))
    in_journal = journaled(asked)
    there = in_the_topics(asked)
    assert len(in_journal) == sum(map(len, there.values())) == len(sent)
    for source, records in there.items():
        numbers = [int(dict(record.headers)["replay-sequence"]) for record in records]
        expected = [r for r in sent if r.source == source]
        expected.sort(key=lambda r: r.partition)
        assert numbers == [r.number for r in expected]
        for number, record, planned in zip(numbers, records, expected, strict=True):
            assert (record.key, record.value, record.timestamp) == (planned.key, planned.value, planned.stamp_ms)
            digest = None if record.value is None else hashlib.sha256(record.value).digest()
            assert in_journal[record.topic, record.partition, record.offset] == (number, digest)


def test_a_replay_sends_every_record_once_and_a_second_one_sends_nothing(options):
    asked, told = options(defects=0.05), []
    first = replay(asked, lambda done, total: told.append((done, total)))
    assert (first.sent, first.found, first.journaled) == (first.records, 0, 0)
    assert told[0] == (0, first.records)
    assert told[-1] == (first.records, first.records)
    assert_complete(asked)
    second = replay(asked)
    assert (second.sent, second.found, second.journaled) == (0, 0, first.records)
    assert_complete(asked)


@pytest.mark.parametrize("order", list(Order))
def test_a_naive_judge_of_the_topics_finds_what_was_predicted(options, order):
    asked = options(defects=0.05, order=order, seed=11)
    result = replay(asked)
    predicted = json.loads(result.expected_file.read_text())["sources"]
    for source, records in in_the_topics(asked).items():
        found = judge(source, [(r.partition, r.offset, r.timestamp, r.value) for r in records])
        assert found == {name: predicted[source][name] for name in found}
        assert predicted[source]["topic"] == asked.topics[source]


def start_replay(asked):
    command = [sys.executable, "-m", "headrace.examples.flights.replay", "--brokers", asked.brokers]
    command += ["--journal", str(asked.journal), "--topic-prefix", asked.topic_prefix, "--days", str(asked.days)]
    command += ["--defects", str(asked.defects), "--order", asked.order.value]
    return subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | {"PYTHONWARNINGS": "ignore"})


def in_all(consumer, asked):
    """The records in all topics, once the replay has made them and begun its journal."""
    return sum(ends_of(consumer, asked).values()) if (asked.journal / "identity.json").exists() else 0


@pytest.mark.slow
def test_a_replay_that_was_killed_anywhere_goes_on_where_it_was(options):
    asked = options(days=20, defects=0.01, order=Order.PUBLISHED)
    points = sorted(random.Random(4).sample(range(1_000, 55_000), 3))
    with consumer_of(asked.brokers) as consumer:
        for point in points:
            with start_replay(asked) as process:
                wait_for(process, lambda point=point: in_all(consumer, asked) >= point)
                process.kill()
    result = replay(asked)
    assert result.sent + result.found + result.journaled == result.records == 60_634
    assert result.journaled > 0
    assert_complete(asked)
    assert replay(asked).sent == 0


def wait_for(process, condition, within_s=60):
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s
        try:
            process.wait(timeout=0.02)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"the replay ended before it was killed: {process.stderr.read().decode()}")


def test_a_replay_without_its_journal_finds_everything_in_the_topics(options):
    asked = options(defects=0.02)
    first = replay(asked)
    for path in asked.journal.iterdir():
        path.unlink()
    second = replay(asked)
    assert (second.sent, second.found) == (0, first.records)
    assert_complete(asked)


def test_a_journal_belongs_to_its_options(options):
    replay(options())
    for changes, message in (
        ({"days": 2}, "was begun with days 1, and now it is 2"),
        ({"order": Order.PUBLISHED}, "was begun with order 'event_time', and now it is 'published'"),
        ({"defects": 0.01}, "was begun with defects 0.0, and now it is 0.01"),
        ({"seed": 8}, "was begun with seed 7, and now it is 8"),
        ({"topic_prefix": "other."}, "was begun with topic_prefix 'test-.*', and now it is 'other.'"),
    ):
        with pytest.raises(UsageError, match=message):
            replay(options(**changes))


def test_topics_that_were_deleted_and_made_again_are_not_taken_for_the_old_ones(options):
    asked = options()
    replay(asked)
    topic = asked.topics["flight_arrived"]
    with closing(KafkaAdminClient(bootstrap_servers=asked.brokers)) as admin:
        admin.delete_topics([topic])
        wait_until_gone(admin, topic)
        with pytest.raises(UsageError, match=f"belongs to topic {topic} with the id .*, which is gone. To send"):
            replay(asked)
        admin.create_topics({topic: {"num_partitions": 2}}, wait_for_metadata=True)
    with pytest.raises(UsageError, match=f"belongs to topic {topic} with the id .*, which was made anew, with the id"):
        replay(asked)


def wait_until_gone(admin, topic, within_s=30):
    deadline_s = time.monotonic() + within_s
    while admin.describe_topics([topic])[0]["error_code"] == 0:
        assert time.monotonic() < deadline_s


def test_a_record_of_someone_else_is_not_taken_for_ones_own(options):
    asked = options()
    topic = asked.topics["weather_observed"]
    with closing(KafkaAdminClient(bootstrap_servers=asked.brokers)) as admin:
        admin.create_topics({topic: {"num_partitions": 2}}, wait_for_metadata=True)
    with closing(KafkaProducer(bootstrap_servers=asked.brokers)) as producer:
        producer.send(topic, b"{}", partition=1).get(timeout=10)
    with pytest.raises(
        UsageError, match=rf"{topic}\[1\] holds at offset 0 a record that this replay would not have sent"
    ):
        replay(asked)


def test_a_topic_with_another_number_of_partitions_is_refused(options):
    asked = options()
    topic = asked.topics["weather_observed"]
    with closing(KafkaAdminClient(bootstrap_servers=asked.brokers)) as admin:
        admin.create_topics({topic: {"num_partitions": 3}}, wait_for_metadata=True)
    with pytest.raises(UsageError, match=f"topic {topic} has 3 partitions, and the replay writes 2"):
        replay(asked)


def test_a_topic_that_stamps_records_by_itself_is_refused(options):
    asked = options()
    topic = asked.topics["flight_scheduled"]
    configuration = {"num_partitions": 2, "configs": {"message.timestamp.type": "LogAppendTime"}}
    with closing(KafkaAdminClient(bootstrap_servers=asked.brokers)) as admin:
        admin.create_topics({topic: configuration}, wait_for_metadata=True)
    with pytest.raises(UsageError, match=f"topic {topic} stamps records by itself"):
        replay(asked)


def test_the_topics_keep_records_of_2013_for_ever(options):
    asked = options()
    replay(asked)
    with closing(KafkaAdminClient(bootstrap_servers=asked.brokers)) as admin:
        asked_for = ConfigResource(ConfigResourceType.TOPIC, asked.topics["flight_departed"], ["retention.ms"])
        configuration = admin.describe_configs([asked_for])
    [told] = configuration["topic"].values()
    assert told["retention.ms"]["value"] == "-1"


def test_the_command_line_prints_one_json_line_and_explains_errors_without_a_stack_trace(options, capsys):
    asked = options()
    arguments = ["--brokers", asked.brokers, "--journal", str(asked.journal), "--topic-prefix", asked.topic_prefix]
    assert main([*arguments, "--days", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["records"], result["sent"]) == (2_582, 2_582)
    assert main([*arguments, "--days", "2", "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "was begun with days 1, and now it is 2" in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.slow
def test_no_broker_is_an_error_that_says_what_to_do(tmp_path, unused_port):
    asked = ReplayOptions(brokers=f"127.0.0.1:{unused_port}", journal=tmp_path, days=1)
    with start_replay(asked) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"error: the Kafka cluster at 127.0.0.1:" in told
    assert b"`headrace up` starts the embedded one" in told
    assert b"Traceback" not in told
