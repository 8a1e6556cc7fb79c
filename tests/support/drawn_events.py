"""Hypothesis draws the events of one key; a batch of such cases shares one run of Spark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .feature_oracle import LONGS, Event

MOST_EVENTS = 10
GREATEST_LONG, LEAST_LONG = LONGS[-1], LONGS[0]

# Doubles beyond 1e150 have squares that are no doubles.
VALUES = {
    "x": st.sampled_from([None, 0.0, -0.0, 0.1, 1e150, -1e150, 5e-324]) | st.floats(-1e3, 1e3),
    "n": st.sampled_from([None, 0, GREATEST_LONG, LEAST_LONG, 2**53 + 1]) | st.integers(-100, 100),
    "flag": st.sampled_from([None, True, False]),
    "text": st.sampled_from([None, "", "a", "ab", "b", "é", "𐍈", "\uffff"]),
    "seen": st.sampled_from([None, -1, 0, 1]) | st.integers(-(10**15), 10**15),
    "day": st.sampled_from([None, -1, 0, 15_000]),
}


def instants(base_us: int, hop_us: int, span_us: int) -> st.SearchStrategy[int]:
    """Instants within `span_us` after the base: on hops, beside them, and anywhere."""
    within = st.sampled_from([0, 0, 1, hop_us - 1, hop_us // 2]) | st.integers(0, hop_us - 1)
    tiles = st.integers(0, span_us // hop_us)
    return st.builds(lambda tile, rest: base_us + tile * hop_us + rest, tiles, within)


@st.composite
def histories(draw: st.DrawFn, at_us: st.SearchStrategy[int], delays_us: Sequence[int], builds: int) -> list[Event]:
    """The events of one key in no order, many at the same instant; the offsets of their places are 0, 1, 2 …

    An event can be seen from a drawn build on, whatever its instant.
    """
    pool = draw(st.lists(at_us, min_size=1, max_size=6))
    count = draw(st.integers(0, MOST_EVENTS))
    offsets = draw(st.permutations(range(count)))
    values = st.fixed_dictionaries(VALUES)
    return [
        Event(
            at_us=(found := draw(st.sampled_from(pool))),
            arrived_us=found + draw(st.sampled_from(delays_us)),
            place=(draw(st.integers(0, 1)), draw(st.integers(0, 1)), offset),
            values=draw(values),
            build=draw(st.sampled_from([0, 0, *range(builds)])),
        )
        for offset in offsets
    ]


def drawn(strategy: st.SearchStrategy[Any], count: int, seed_of_batch: int) -> list[Any]:
    """`count` cases, each drawn by Hypothesis on its own; equal for equal seeds."""
    cases: list[Any] = []

    @seed(seed_of_batch)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Any) -> None:
        cases.append(case)

    collect()
    return cases
