"""The memory of a lander stays under its ceiling, whatever comes and however slow the lake is."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError
from support.eventually import eventually
from support.lander_process import peak_memory_bytes, start_lander

from headrace import locks, tables
from headrace.cli.landers import landers

MIB = 2**20
CEILING_MIB = 32
COPIES_MIB = 100  # what decoding takes for a moment: an answer of the broker, its records as objects, their columns

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, which only Linux has"),
]


@pytest.fixture
def lander(topic, tmp_path):
    """Starts a lander of the topic, and stops it at the end."""
    started = []

    def start(*more):
        started.append(start_lander(topic, "--max-buffered-mib", CEILING_MIB, *more, folder=tmp_path))
        eventually(lambda: landers(topic.lake), within_s=90)
        return started[0]

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=90)
        assert process.returncode == 0


def producer(topic, **settings):
    return KafkaProducer(bootstrap_servers=topic.address, acks="all", **settings)


def test_a_lake_that_is_held_pauses_the_partitions_and_memory_stays_under_the_ceiling(topic, lander):
    topic.create(partitions=2).send(b"first")
    process = lander()
    eventually(lambda: topic.count() == 1)
    before = peak_memory_bytes(process)
    with locks.exclusive(tables.raw_lock(topic.lake, topic.name), wait_s=30, purpose="a test"):
        sender = producer(topic, batch_size=MIB, linger_ms=20)
        for number in range(20_000):  # 200 MB: six times the ceiling
            sender.send(topic.name, os.urandom(10_000), partition=number % 2)
        sender.close()
        eventually(lambda: landers(topic.lake)[0]["partitions"]["paused"] == 2)
        held = peak_memory_bytes(process)
    eventually(lambda: topic.count() == 20_001, within_s=60)
    print(f"before {before / MIB:.0f} MiB, held {held / MIB:.0f}, at the end {peak_memory_bytes(process) / MIB:.0f}")
    assert held - before < (CEILING_MIB + COPIES_MIB) * MIB
    assert topic.comparison().is_clean


def test_a_message_of_ten_megabytes_is_landed_under_a_gibibyte_and_one_over_the_limit_is_the_producers(topic, lander):
    topic.create(max_message_bytes="12000000")
    process = lander()
    sender = producer(topic, max_request_size=20_000_000)
    large = [os.urandom(10_000_000) for _ in range(3)]
    for value in large:
        sender.send(topic.name, value)
    with pytest.raises(MessageSizeTooLargeError):
        sender.send(topic.name, os.urandom(13_000_000)).get(timeout=30)
    sender.close()
    eventually(lambda: topic.count() == 3)
    assert topic.values() == large
    assert peak_memory_bytes(process) < 1_024 * MIB


def test_a_batch_that_is_a_thousand_times_larger_than_it_looks_is_landed_under_a_gibibyte(topic, lander):
    topic.create(max_message_bytes="1000000")
    process = lander()
    sender = producer(topic, max_request_size=200_000_000, compression_type="gzip", linger_ms=0)
    bomb = bytes(60_000_000)
    assert len(zlib.compress(bomb)) < 60_000
    sender.send(topic.name, bomb).get(timeout=60)
    sender.send(topic.name, b"after").get(timeout=60)
    sender.close()
    eventually(lambda: topic.count() == 2, within_s=60)
    assert topic.query("select length(value) as n from t order by _offset") == [{"n": 60_000_000}, {"n": 5}]
    assert peak_memory_bytes(process) < 1_024 * MIB
