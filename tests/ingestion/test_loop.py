"""The loop on real tables and a fake Kafka: what it commits, drops, reads again and waits for."""

from __future__ import annotations

import itertools
import re
import threading
from collections import defaultdict

import pytest
from support.kafka_oracle import query
from support.kafka_records import record

from headrace import locks, tables
from headrace.errors import BrokerError, LockTimeout
from headrace.ingestion import FlushPolicy, LandingSettings, loop
from headrace.ingestion.cluster import Unreachable
from headrace.ingestion.landing import Landing
from headrace.ingestion.loop import Lander
from headrace.ingestion.polled import Polled
from headrace.ingestion.positions import Bounds, Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable
from headrace.ingestion.source import TopicReplaced
from headrace.ingestion.tally import Trouble
from headrace.ingestion.target import Target
from headrace.ingestion.topic_landing import TopicLanding


class FakeSource:
    """Partitions as lists of values; a poll gives up to `batch` records of each that was started and is not held."""

    def __init__(self, batch=10, **partitions):
        self.logs = {("t", int(name[1:])): list(range(size)) for name, size in partitions.items()}
        self.first = defaultdict(int)  # the oldest offset still held
        self.at, self.held, self.hints, self.batch = {}, set(), [], batch
        self.assigned, self.astray, self.script = set(self.logs), set(), []
        self.cuts, self.joined, self.silences = {}, True, []

    def poll(self, timeout_s):
        if self.script:
            step = self.script.pop(0)
            if isinstance(step, Exception):
                raise step
            step()
        if self.cuts:
            cuts, self.cuts = self.cuts, {}
            self.held |= cuts.keys()
            return Polled(astray=frozenset(cuts), cuts=cuts)
        if astray := {place for place in self.at if self.at[place] < self.first[place]} - self.held:
            self.held |= astray
            return Polled(astray=frozenset(astray))
        records = {}
        for place, at in self.at.items():
            if place not in self.held and at < len(self.logs[place]):
                end = min(at + self.batch, len(self.logs[place]))
                rows = [record(offset, partition=place[1]) for offset in range(at, end)]
                records[place] = [record_columns(place[1], rows)]
                self.at[place] = end
        return Polled(records, {place: self.at[place] for place in records})

    def prove(self):
        if self.silences and (err := self.silences.pop(0)):
            raise err

    def take_assigned(self):
        taken, self.assigned = frozenset(self.assigned), set()
        return taken

    def start(self, place, position):
        self.at[place] = position
        self.held.discard(place)

    def hold(self, places):
        self.held |= set(places)

    def resume(self, places):
        self.held -= set(places)

    def bounds(self, places):
        return {place: Bounds(self.first[place], len(self.logs[place])) for place in places}

    def hint(self, positions):
        self.hints.append(dict(positions))


class Clock:
    """A clock that goes on by a second at each look."""

    now_s = 0.0

    def __call__(self):
        self.now_s += 1.0
        return self.now_s


@pytest.fixture
def lake(tmp_path):
    return tmp_path


def table(lake):
    return Landing(RawTable.of(lake, "t", "cluster"), "ID", lock_wait_s=0.2)


def lander(lake, source, *, target=True, stop=None, clock=None, steps=None, **settings):
    policy = settings.pop("policy", FlushPolicy(max_rows=15, max_age_s=1e9))
    end = Target({place: Bounds(source.first[place], len(log)) for place, log in source.logs.items()})
    return Lander(
        source,
        {"t": TopicLanding(table(lake), policy)},
        LandingSettings(brokers="none", lake=lake, **settings),
        target=end if target else None,
        stop=stop or threading.Event(),
        report=lambda progress: None,
        on_step=steps.append if steps is not None else lambda step: None,
        clock=clock or Clock(),
    )


def landed(lake):
    rows = query(tables.raw_table(lake, "t"), "select _partition, _offset from t order by 1, 2")
    return [(row["_partition"], row["_offset"]) for row in rows]


def all_of(**partitions):
    return [(int(name[1:]), offset) for name, size in sorted(partitions.items()) for offset in range(size)]


def test_every_record_is_landed_once_and_the_positions_with_them(lake):
    source = FakeSource(p0=25, p1=7)
    lander(lake, source).run()
    assert landed(lake) == all_of(p0=25, p1=7)
    assert table(lake).positions([0, 1]) == {0: 25, 1: 7}
    assert source.hints[-1] == {("t", 0): 25}


def test_a_second_run_goes_on_where_the_table_ends_whatever_kafka_says(lake):
    lander(lake, FakeSource(p0=25)).run()
    lander(lake, FakeSource(p0=40)).run()
    assert landed(lake) == all_of(p0=40)


def test_a_run_that_is_asked_to_stop_commits_what_it_has(lake):
    source, stop = FakeSource(p0=1_000), threading.Event()
    source.script = [lambda: None, lambda: None, stop.set]
    lander(lake, source, target=False, stop=stop).run()
    assert landed(lake) == all_of(p0=len(landed(lake)))
    assert table(lake).positions([0]) == {0: len(landed(lake))}
    assert 0 < len(landed(lake)) < 1_000


def test_the_steps_of_a_turn_come_in_their_order(lake):
    steps = []
    lander(lake, FakeSource(p0=5), steps=steps).run()
    assert steps == ["after_poll", "mid_buffer", "before_kafka_commit", "after_kafka_commit"]


def test_a_partition_that_is_taken_away_is_committed_first(lake):
    source, steps = FakeSource(p0=25, p1=25), []
    run = lander(lake, source, target=False, steps=steps, policy=FlushPolicy(max_rows=10**6, max_age_s=1e9))
    run._turn()  # settles
    run._turn()  # reads ten of each
    run.give_up([("t", 0), ("t", 1)])
    assert landed(lake) == all_of(p0=10, p1=10)
    assert steps[-1] == "in_revocation"


def test_records_that_still_come_of_a_partition_that_was_taken_away_are_dropped(lake):
    source = FakeSource(p0=25, p1=25)
    run = lander(lake, source, target=False, policy=FlushPolicy(max_rows=10**6, max_age_s=1e9))
    run._turn()
    run._turn()
    run.give_up([("t", 0)])
    run._turn()  # the fake goes on giving records of both
    assert source.at["t", 0] > 10
    run._drain()
    assert landed(lake) == all_of(p0=10, p1=len([place for place in landed(lake) if place[0] == 1]))
    assert table(lake).positions([0]) == {0: 10}


def test_a_log_that_was_cut_while_it_was_read_stops_its_partition_with_what_was_read_before(lake, caplog):
    source = FakeSource(p0=50, p1=50)

    def cut():
        source.cuts = {("t", 0): 5}

    source.script = [lambda: None, lambda: None, cut]
    run = lander(lake, source)
    run.run()
    assert list(run.lost) == [("t", 0)]
    assert landed(lake) == all_of(p0=10, p1=50)
    assert "t[0]: the table asks for offset 10 next, but the broker says that its log was cut before it" in caplog.text


def test_a_run_to_the_end_of_a_log_that_was_cut_below_what_has_landed_does_not_pass_for_done(lake):
    lander(lake, FakeSource(p0=20)).run()
    run = lander(lake, FakeSource(p0=12))
    run.run()
    assert [str(lost) for lost in run.lost.values()] == [
        "t[0]: the table asks for offset 20 next, but the broker ends at 12: its log was cut or restored from an older "
        "copy; offsets 12 to 19, which the table has, will be given to other records"
    ]


def test_a_partition_that_was_lost_is_dropped_and_left_to_its_new_owner(lake):
    run = lander(lake, FakeSource(p0=25), target=False, policy=FlushPolicy(max_rows=10**6, max_age_s=1e9))
    run._turn()
    run._turn()
    run.lose([("t", 0)])
    run._drain()
    assert landed(lake) == []


def test_a_lander_that_was_overtaken_drops_its_buffer_and_goes_on_from_the_table(lake):
    source = FakeSource(p0=30)

    def overtake():
        table(lake).commit([record_columns(0, [record(o) for o in range(12)])], {0: Move(None, 12)}, lock_wait_s=1.0)

    source.script = [lambda: None, overtake]
    lander(lake, source).run()
    assert landed(lake) == all_of(p0=30)


def test_while_the_table_is_held_reading_goes_on_until_the_buffers_are_full_and_then_rests(lake):
    source = FakeSource(p0=2_000, batch=100)
    run = lander(lake, source, target=False, max_buffered_bytes=20_000, policy=FlushPolicy(max_rows=1))
    with locks.exclusive(tables.raw_lock(lake, "t"), wait_s=1, purpose="compaction"):
        for _ in range(12):
            run._turn()
        resting_at = source.at["t", 0]
        run._turn()
        assert (source.at["t", 0], source.held) == (resting_at, {("t", 0)})
        assert 100 < resting_at < 1_200
    run._turn()
    run._turn()
    assert source.held == set()
    assert landed(lake)[:resting_at] == all_of(p0=resting_at)


def test_a_table_that_is_held_for_too_long_ends_the_run_and_names_the_holder(lake):
    run = lander(lake, FakeSource(p0=20), lock_wait_s=3.0, policy=FlushPolicy(max_rows=1))
    held = locks.exclusive(tables.raw_lock(lake, "t"), wait_s=1, purpose="compaction")
    with held, pytest.raises(LockTimeout, match="compaction"):
        run.run()


def test_a_stop_does_not_wait_for_a_table_that_is_held(lake, caplog):
    source, stop = FakeSource(p0=20), threading.Event()
    source.script = [lambda: None, lambda: None, stop.set]
    run = lander(lake, source, target=False, stop=stop)
    with locks.exclusive(tables.raw_lock(lake, "t"), wait_s=1, purpose="compaction"):
        run.run()
    assert "20 rows were read and not landed; they will be read again" in caplog.text
    lander(lake, FakeSource(p0=20)).run()
    assert landed(lake) == all_of(p0=20)


def test_a_partition_whose_records_were_deleted_stops_and_the_others_go_on(lake):
    lander(lake, FakeSource(p0=10, p1=10)).run()
    source = FakeSource(p0=50, p1=20)
    source.first["t", 0] = 30
    run = lander(lake, source)
    run.run()
    assert landed(lake) == all_of(p0=10, p1=20)
    assert [str(lost) for lost in run.lost.values()] == [
        "t[0]: the table asks for offset 10 next, but the broker begins at 30: "
        "offsets 10 to 29 were deleted before they were landed"
    ]
    assert table(lake).positions([0]) == {0: 10}


def test_records_that_are_deleted_while_they_are_read_stop_their_partition_after_what_was_read(lake):
    source = FakeSource(p0=50, p1=50)

    def delete():
        source.first["t", 0] = 40

    source.script = [lambda: None, lambda: None, delete]
    run = lander(lake, source)
    run.run()
    assert landed(lake) == all_of(p0=10, p1=50)
    assert list(run.lost) == [("t", 0)]


def test_what_was_proved_is_committed_when_a_topic_is_replaced(lake):
    source = FakeSource(p0=1_000)
    source.script = [lambda: None, lambda: None, TopicReplaced({"t": "NEW"})]
    with pytest.raises(TopicReplaced):
        lander(lake, source).run()
    assert landed(lake) == all_of(p0=10)


def test_a_run_that_finds_at_its_end_that_another_was_there_first_goes_on(lake):
    source = FakeSource(p0=10)
    run = lander(lake, source)
    run._turn()
    table(lake).commit([record_columns(0, [record(o) for o in range(4)])], {0: Move(None, 4)}, lock_wait_s=1.0)
    run.run()
    assert landed(lake) == all_of(p0=10)


def test_positions_are_committed_without_rows_now_and_then(lake):
    source = FakeSource(p0=0)
    run = lander(lake, source, target=False, position_interval_s=5.0)
    for _ in range(3):
        run._turn()
    assert table(lake).positions([0]) == {0: 0}


def test_a_broker_that_is_away_is_waited_for(lake, caplog):
    source = FakeSource(p0=25)
    source.script = [Unreachable("the brokers at b:1 do not answer")] * 3
    lander(lake, source).run()
    assert landed(lake) == all_of(p0=25)
    assert caplog.text.count("do not answer") == 1


def test_of_a_broker_that_stays_away_the_log_says_every_ten_seconds_for_how_long(lake, caplog, monkeypatch):
    monkeypatch.setattr(loop, "POLL_S", 0.001)
    source = FakeSource(p0=25)
    source.script = [Unreachable("the brokers at b:1 do not answer")] * 12
    lander(lake, source).run()
    told = [int(seconds) for seconds in re.findall(r"do not answer, for (\d+) s. Still waiting for them", caplog.text)]
    assert len(told) > 2
    assert all(10 <= later - sooner < 20 for sooner, later in itertools.pairwise([0, *told]))


def test_a_broker_that_is_asked_in_vain_while_nothing_comes_is_one_outage(lake, caplog, monkeypatch):
    monkeypatch.setattr(loop, "POLL_S", 0.001)
    source = FakeSource(p0=25)
    away = Unreachable("the brokers at b:1 do not answer")
    source.silences = [None, away, away, away, None, None, away]
    run = lander(lake, source, target=False)
    for _ in range(12):
        run._turn()
    assert source.silences == []
    assert caplog.text.count(". Waiting for them") == 2
    assert run._observer.tally.troubles[Trouble.BROKER_AWAY] == 2


def test_a_run_to_the_end_gives_up_a_broker_that_is_asked_in_vain(lake, monkeypatch):
    monkeypatch.setattr(loop, "POLL_S", 0.001)
    source = FakeSource(p0=100, batch=1)
    source.silences = [None, *[Unreachable("the brokers at b:1 do not answer")] * 99]
    with pytest.raises(BrokerError, match=r"do not answer, for \d+ s"):
        lander(lake, source, outage_wait_s=9.0).run()


def test_a_run_to_the_end_does_not_wait_for_a_broker_for_ever(lake, monkeypatch):
    monkeypatch.setattr(loop, "POLL_S", 0.001)
    source = FakeSource(p0=25)
    source.script = [Unreachable("the brokers at b:1 do not answer")] * 99
    with pytest.raises(BrokerError, match=r"do not answer, for \d+ s"):
        lander(lake, source, outage_wait_s=9.0).run()


def test_a_run_to_the_end_waits_for_what_others_of_its_group_land(lake):
    source = FakeSource(p0=10, p1=10)
    source.assigned = {("t", 0)}

    def other():
        rest = FakeSource(p0=10, p1=10)
        rest.assigned = {("t", 1)}
        run = lander(lake, rest, target=False)
        run._turn()
        run._turn()
        run._drain()

    source.script = [*[lambda: None] * 5, other]
    run = lander(lake, source)
    run.run()
    assert landed(lake) == all_of(p0=10, p1=10)
    assert source.script == []


def test_a_run_to_the_end_does_not_wait_for_a_partition_of_another_that_cannot_go_on(lake):
    lander(lake, FakeSource(p0=1, p1=1)).run()
    source = FakeSource(p0=10, p1=10)
    source.assigned = {("t", 0)}
    source.first["t", 1] = 5
    run = lander(lake, source)
    run.run()
    assert list(run.lost) == [("t", 1)]
