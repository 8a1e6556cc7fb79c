"""The verdict of a soak: each thing that can be wrong makes it wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from soak.plan import Dose, Kind
from soak.producers import Sent
from soak.report import Report, percentile
from soak.watch import Resumed
from support.journalled_producer import open_transaction
from support.kafka_oracle import Comparison

from headrace.landing_audit import LandingBooks

BOOKS = LandingBooks("t", 1_000, 900, 0, 0, 0, 0, 0, 0, 0, ())
CLEAN = Report(
    seed=1,
    dose=Dose(60, kills=1, broker_kills=1, stalls=1, changes=1, session_timeout_s=10),
    seconds=60,
    asked_events=1_000,
    happened=Counter([Kind.KILL, Kind.BROKER_KILL, Kind.STALL, Kind.JOIN]),
    kills=Counter(after_poll=1),
    resumed=[Resumed(Kind.KILL, 11.0)],
    longest_idle_s=12,
    stuck={},
    comparison=Comparison(900, 0, 0, 0, 0),
    books=BOOKS,
    transactional=Sent(300, {"committed": 8, "aborted": 2, "unknown": 0}),
    producer_deaths=1,
    landers={2, 3, 6},
    commits=60,
    peak_bytes=2**28,
    load=1.0,
    surprises=(),
)


def test_a_run_in_which_all_went_well_has_no_fault():
    assert CLEAN.faults == []
    assert not any("WRONG" in line for line in CLEAN.lines())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"comparison": Comparison(900, lost=1, doubled=0, altered=0, invented=0)}, "plain consumer"),
        ({"comparison": Comparison(900, lost=0, doubled=1, altered=0, invented=0)}, "plain consumer"),
        ({"books": replace(BOOKS, aborted_read=1)}, "'aborted_read': 1"),
        ({"stuck": {(3, 77): 31.0}}, "partition 3 stood at 77 for 31 s"),
        ({"resumed": [Resumed(Kind.STALL, 20.1)]}, "lander frozen: resumed after 20.1 s"),
        ({"happened": Counter([Kind.BROKER_KILL, Kind.STALL, Kind.JOIN])}, "lander killed: 0 times, planned 1"),
        ({"happened": Counter([Kind.KILL, Kind.BROKER_KILL, Kind.STALL])}, "0 landers joined or left, planned 1"),
        ({"transactional": Sent(299, {})}, "29.9% were sent in transactions"),
        ({"asked_events": 1_300}, "1,000 events were sent, asked 1,300"),
        ({"surprises": ("a lander ended with 3",)}, "a lander ended with 3"),
    ],
)
def test_each_thing_that_is_wrong_is_a_fault_and_stands_below_the_table(change, fault):
    wrong = replace(CLEAN, **change)
    assert [fault in text for text in wrong.faults] == [True]
    assert wrong.lines()[-1].startswith("WRONG: ")


def test_a_percentile_is_the_least_value_that_so_many_percent_do_not_exceed():
    assert percentile(range(1, 201), 99) == 198
    assert percentile(range(1, 201), 50) == 100
    assert percentile([7.0], 99) == 7.0
    assert percentile([], 99) == 0.0


SEND, END = (
    b'{"name": "producer_send_success", "transaction": "a"}',
    b'{"name": "transaction_ending", "transaction": "a"}',
)


def test_only_a_transaction_whose_end_was_not_asked_for_was_left_open():
    assert open_transaction([]) is None
    assert open_transaction([SEND, SEND]) == "a"
    assert open_transaction([SEND, END]) is None
    assert open_transaction([SEND, END, SEND.replace(b'"a"', b'"b"')]) == "b"
