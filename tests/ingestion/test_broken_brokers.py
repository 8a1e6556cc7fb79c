"""A broker that freezes, dies, is set back to an older copy, or is reached over a bad network."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.eventually import eventually
from support.http_answer import ask
from support.lander_process import start_lander
from support.landing_trial import Trial
from support.own_broker import proxied_broker
from support.topic import Topic

from headrace.cli.landers import landers
from headrace.errors import PositionLost
from headrace.ingestion import consumer, session, source
from headrace.ingestion.cluster import Cluster, Unreachable
from headrace.journal import open_journal
from headrace.landing_audit import audit_landing

# kafka-python leaves the socket of each attempt to connect that fails to the collector
pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with proxied_broker(tmp_path_factory.mktemp("own broker")) as running:
        yield running


@pytest.fixture
def topic(server, tmp_path):
    return Topic(f"test-{uuid.uuid4()}", server.address, tmp_path / "lake")


def rebalances(lake: Path) -> int:
    """How often the group has given partitions to the one lander of the lake."""
    (lander,) = landers(lake)
    lines = ask(f"{lander['metrics']}/metrics")[2].splitlines()
    (line,) = [line for line in lines if line.startswith('headrace_land_rebalances_total{event="assigned"}')]
    return int(float(line.split()[-1]))


@pytest.mark.timeout(240)
def test_a_broker_that_freezes_and_then_dies_loses_and_doubles_nothing(server, tmp_path):
    with Trial(server.address, tmp_path, seed=12) as trial:
        trial.start(extra={"metrics_port": 0})
        eventually(lambda: trial.landed() > 500)
        before = rebalances(tmp_path / "lake")
        server.freeze()
        try:
            with pytest.raises(AssertionError, match="in vain"):  # longer than the session lasts
                eventually(lambda: False, within_s=8)
        finally:
            server.thaw()
        grows(trial)
        assert rebalances(tmp_path / "lake") <= before + 1
        server.kill()
        server.start()
        grows(trial)
        verdict = trial.audit()
    assert verdict.is_clean, verdict


def grows(trial, within_s=30):
    """Waits until more has landed than now."""
    before = trial.landed()
    eventually(lambda: trial.landed() > before, within_s=within_s)


def journal(folder, topic, values):
    folder.mkdir()
    columns = {
        "sequence": pa.array(range(len(values)), pa.int64()),
        "topic": pa.array([topic.name] * len(values), pa.string()),
        "partition": pa.array([0] * len(values), pa.int32()),
        "offset": pa.array(range(len(values)), pa.int64()),
        "sha256": pa.array([hashlib.sha256(value).digest() for value in values], pa.binary(32)),
    }
    pq.write_table(pa.table(columns), folder / "part-0.parquet")
    return folder


@pytest.mark.timeout(120)
@pytest.mark.parametrize("question", ["require", "bounds", "refresh"])
def test_a_broker_that_goes_away_between_the_connection_and_the_first_poll_is_waited_for(
    server, topic, monkeypatch, question
):
    topic.create().send(b"a", b"b", b"c")
    ask, connect, is_away = getattr(Cluster, question), source.connect, []

    def killed_before_it(*arguments):
        if not is_away:
            server.kill()
            is_away.append(True)
        return ask(*arguments)

    def back(*arguments, **options):
        if is_away == [True]:
            server.start()
            is_away.append(False)
        return connect(*arguments, **options)

    monkeypatch.setattr(Cluster, question, killed_before_it)
    monkeypatch.setattr(source, "connect", back)
    assert topic.land(connect_wait_s=60.0).rows == {topic.name: 3}
    assert is_away == [True, False]
    assert topic.values() == [b"a", b"b", b"c"]


def test_a_broker_that_answers_no_question_is_waited_for_no_longer_than_asked(topic, monkeypatch):
    asked = []

    def unanswered(*arguments):
        asked.append(arguments)
        raise Unreachable("the brokers do not answer")

    topic.create()
    monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=lambda: 10.0 * len(asked)))
    monkeypatch.setattr(Cluster, "require", unanswered)
    with pytest.raises(Unreachable, match="do not answer"):
        topic.land(connect_wait_s=30.0)
    assert len(asked) == 3


@pytest.mark.timeout(240)
def test_a_broker_that_was_set_back_to_an_older_copy_stops_its_partitions_and_the_audit_tells(server, topic, tmp_path):
    topic.create().send(*[b"kept %d" % number for number in range(100)])
    server.stop()
    server.copy_records(tmp_path / "copy")
    server.start()
    topic.send(*[b"gone %d" % number for number in range(100)])
    lander = start_lander(topic, "--log-format", "json", folder=tmp_path)
    try:
        eventually(lambda: topic.count() == 200)
        server.stop()
        server.set_back(tmp_path / "copy")
        server.start()
        topic.send(*[b"anew %d" % number for number in range(30)])
        eventually(lambda: any(each["stopped"] for each in landers(topic.lake)), within_s=60)
    finally:
        lander.terminate()
        _, err = lander.communicate(timeout=90)
    assert lander.returncode == 3
    told = [json.loads(line)["message"] for line in err.splitlines() if "This partition stops" in line]
    assert len(told) == 1
    with pytest.raises(PositionLost, match=r"ends at 130: .* offsets 130 to 199, which the table has, will be given"):
        topic.land()
    assert topic.count() == 200
    anew = [b"kept %d" % number for number in range(100)] + [b"anew %d" % number for number in range(30)]
    with open_journal(journal(tmp_path / "journal", topic, anew)) as opened:
        books = audit_landing(opened, topic.lake, topic.name)
    assert books.faults == {"inconsistent_offset": 30, "extra": 70}


@pytest.mark.timeout(120)
def test_connections_that_hang_or_are_reset_are_given_up_in_time_and_lose_nothing(
    server, topic, background, monkeypatch
):
    monkeypatch.setitem(consumer.SETTINGS, "request_timeout_ms", 3_000)
    topic.create(partitions=2)
    through = Topic(topic.name, server.proxy.address, topic.lake)
    background(through, session_timeout_s=2.0)
    for number, trouble in enumerate((lambda: 1, server.proxy.hang, lambda: server.proxy.reset() or 1)):
        assert trouble() > 0
        topic.send(*[b"%d" % number] * 500, partition=number % 2)
        eventually(lambda number=number: topic.count() == 500 * (number + 1))
    server.proxy.delay_s = 0.05
    server.proxy.reset()
    topic.send(*[b"slow"] * 500)
    eventually(lambda: topic.count() == 2_000)
    server.proxy.delay_s = 0.0
    assert topic.comparison().is_clean
