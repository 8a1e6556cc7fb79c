"""Landers that disagree with their group: too slow, too many, of another kind, or back too soon."""

from __future__ import annotations

import threading

import pytest
from kafka import KafkaConsumer
from kafka.admin import NewPartitions
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from support.eventually import eventually
from support.http_answer import ask
from support.landing_trial import Trial

from headrace.cli.landers import landers
from headrace.errors import BrokerError
from headrace.ingestion import FlushPolicy, consumer, steps
from headrace.ingestion.cluster import Cluster, Unreachable


def numbered(first, end):
    return [b"value %d" % number for number in range(first, end)]


@pytest.mark.slow
def test_a_lander_that_is_busy_for_longer_than_its_group_waits_drops_what_it_had_and_comes_back(
    topic, background, monkeypatch
):
    monkeypatch.setitem(consumer.SETTINGS, "max_poll_interval_ms", 2_000)
    busy, reached = threading.Event(), threading.Event()

    def sleep(step):
        if step == steps.MID_BUFFER and not reached.is_set():
            reached.set()
            assert busy.wait(60)

    topic.create(partitions=2).send(*numbered(0, 300))
    background(topic, on_step=sleep)
    assert reached.wait(30)
    background(topic)
    eventually(lambda: topic.count() == 300)  # the second has landed what the first holds
    busy.set()
    topic.send(*numbered(300, 600), partition=1)
    eventually(lambda: topic.count() == 600)
    background.end()
    assert topic.comparison().is_clean


@pytest.mark.slow
def test_a_lander_that_cannot_prove_what_it_read_keeps_no_newcomer_waiting_and_lands_it_once(
    topic, background, monkeypatch
):
    monkeypatch.setitem(consumer.SETTINGS, "max_poll_interval_ms", 120_000)  # how long the group would wait for it
    topic_ids, first, is_away, unanswered = Cluster.topic_ids, [], threading.Event(), threading.Event()

    def ask(cluster, topics, of=()):
        first.append(cluster)
        if cluster is first[0] and is_away.is_set():
            unanswered.set()
            raise Unreachable("the brokers do not answer")
        return topic_ids(cluster, topics, of)

    monkeypatch.setattr(Cluster, "topic_ids", ask)
    topic.create(partitions=2)
    for partition in range(2):
        topic.send(*numbered(0, 100), partition=partition)
    background(topic)
    eventually(lambda: topic.count() == 200)
    is_away.set()
    for partition in range(2):
        topic.send(*numbered(100, 200), partition=partition)
    assert unanswered.wait(30)
    background(topic)
    eventually(lambda: topic.count() == 300, within_s=40)  # the newcomer lands the partition that is now its own
    is_away.clear()
    eventually(lambda: topic.count() == 400)
    background.end()
    assert topic.comparison().is_clean


@pytest.mark.slow
def test_two_landers_with_groups_of_their_own_on_one_lake_double_nothing(topic, background):
    topic.create(partitions=2)
    for group in ("one", "two"):
        background(topic, group=f"{group}-{topic.name}", policy=FlushPolicy(max_rows=50, max_age_s=0.05))
    for turn in range(6):
        topic.send(*numbered(turn * 500, turn * 500 + 500), partition=turn % 2)
    eventually(lambda: topic.count() >= 3_000)
    background.end()
    assert topic.comparison().is_clean
    assert topic.comparison().records == 3_000


def test_a_group_whose_members_share_partitions_out_in_another_way_is_refused_with_a_message(topic):
    topic.create().send(b"x")
    group = f"mixed-{topic.name}"
    other = KafkaConsumer(
        topic.name,
        bootstrap_servers=topic.address,
        group_id=group,
        partition_assignment_strategy=[StickyPartitionAssignor],
        auto_offset_reset="earliest",
    )
    try:
        # One poll, for as long as it takes: kafka-python's leader may forget a join that a shorter one left under way.
        assert other.poll(30_000)
        with pytest.raises(BrokerError, match="InconsistentGroupProtocol"):
            topic.land(group=group)
    finally:
        other.close()


@pytest.mark.slow
def test_partitions_that_are_added_under_a_running_lander_are_landed_from_their_beginning(
    topic, background, monkeypatch
):
    monkeypatch.setitem(consumer.SETTINGS, "metadata_max_age_ms", 500)
    topic.create(partitions=2).send(*numbered(0, 100))
    background(topic)
    eventually(lambda: topic.count() == 100)
    with topic.admin() as admin:
        admin.create_partitions({topic.name: NewPartitions(4)})
        eventually(lambda: len(admin.describe_topics([topic.name])[0]["partitions"]) == 4)
    for partition in range(4):
        topic.send(*numbered(100, 200), partition=partition)
    eventually(lambda: topic.count() == 500)
    background.end()
    assert topic.comparison().is_clean


@pytest.mark.slow
def test_a_named_lander_that_restarts_within_its_session_moves_no_partition(broker, tmp_path):
    lake = tmp_path / "lake"

    def assigned(pid):
        lander = next(each for each in landers(lake) if each["pid"] == pid)
        lines = ask(f"{lander['metrics']}/metrics")[2].splitlines()
        (line,) = [line for line in lines if line.startswith('headrace_land_rebalances_total{event="assigned"}')]
        return int(float(line.split()[-1]))

    with Trial(broker, tmp_path, seed=7, session_timeout_s=40.0) as trial:
        first, second = (trial.start(extra={"metrics_port": 0, "instance": name}) for name in ("one", "two"))
        eventually(lambda: {each["pid"] for each in landers(lake)} == {first.pid, second.pid})
        eventually(lambda: [each["partitions"]["landing"] for each in landers(lake)] == [2, 2])
        before = assigned(second.pid)
        trial.stop(first)
        again = trial.start(extra={"metrics_port": 0, "instance": "one"})
        eventually(lambda: [each["partitions"]["landing"] for each in landers(lake) if each["pid"] == again.pid] == [2])
        assert assigned(second.pid) == before
        verdict = trial.audit()
    assert verdict.is_clean, verdict
