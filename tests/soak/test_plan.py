"""The plan of a soak: a seed says all of it, kills are spread over all steps, and the number of landers has bounds."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from soak.plan import AT_THE_START, FEWEST, MOST, Dose, Kind, draw_plan

from headrace.ingestion import steps

HOUR = Dose.of(3_600, session_timeout_s=10)


def test_an_hour_has_two_hundred_kills_over_nine_steps_and_a_hundred_changes():
    plan = draw_plan(HOUR, seed=1)
    assert Counter(event.kind for event in plan.blows) == {Kind.KILL: 200, Kind.BROKER_KILL: 20, Kind.STALL: 20}
    kills = Counter(event.step for event in plan.blows if event.kind is Kind.KILL)
    assert kills.keys() == set(steps.STEPS)
    assert set(kills.values()) == {22, 23}
    assert len(plan.changes) == 100


def test_a_minute_has_one_of_each_kind_at_least():
    assert Dose.of(60, session_timeout_s=6) == Dose(60, 4, 1, 1, 2, 6)


def test_the_same_seed_draws_the_same_plan_and_another_one_another():
    assert draw_plan(HOUR, seed=7) == draw_plan(HOUR, seed=7)
    assert draw_plan(HOUR, seed=7) != draw_plan(HOUR, seed=8)


@given(seed=st.integers(), seconds=st.floats(10, 7_200), session_timeout_s=st.floats(1, 45))
def test_blows_and_changes_are_in_order_and_within_the_time(seed, seconds, session_timeout_s):
    plan = draw_plan(Dose.of(seconds, session_timeout_s), seed)
    for part in (plan.blows, plan.changes):
        moments = [event.at_s for event in part]
        assert moments == sorted(moments)
        assert 0 <= moments[0] <= moments[-1] <= seconds
    assert all(event.lasts_s > session_timeout_s for event in plan.blows if event.kind is Kind.STALL)


@given(seed=st.integers())
def test_there_are_never_fewer_landers_than_two_nor_more_than_six(seed):
    landers = [AT_THE_START]
    for event in draw_plan(HOUR, seed).changes:
        landers.append(landers[-1] + (1 if event.kind is Kind.JOIN else -1))
    assert min(landers) >= FEWEST == 2
    assert max(landers) <= MOST == 6
