"""The point-in-time join against a loop."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.features.point_in_time import Status, as_of, key_codes

LEAST, GREATEST = -(2**63), 2**63 - 1
TTL_US = 10
TYPES = {"name": pa.string(), "number": pa.int64()}


def table_of(rows, clocks=True):
    """Rows (name, number, event_at, known_at, created_at) as Arrow."""
    columns = {key: pa.array([row[index] for row in rows], kind) for index, (key, kind) in enumerate(TYPES.items())}
    for index, clock in enumerate(("event_at", "known_at", "_created_at"), start=2):
        if clocks:
            columns[clock] = pa.array([row[index] for row in rows], pa.int64()).cast(pa.timestamp("us", "UTC"))
    return pa.table(columns)


def one_as_of(rows, asked, at, ttl, by_knowledge):
    """The oracle: the number of the row that answers one question, and the status."""
    best = None
    for number, (name, branch, event_at, known_at, created_at) in enumerate(rows):
        if None in asked or (name, branch) != asked or event_at > at or (by_knowledge and known_at > at):
            continue
        if best is None or (event_at, created_at) >= (rows[best][2], rows[best][4]):
            best = number
    if best is None:
        return -1, Status.NOT_FOUND
    if ttl is not None and at - rows[best][2] > ttl:
        return -1, Status.EXPIRED
    return best, Status.PRESENT


names = st.sampled_from(["a", "ab", "b", "", "é", None])
numbers = st.sampled_from([0, 1, 11, -1, LEAST, GREATEST, None])
instants = st.one_of(st.integers(-3, 25), st.sampled_from([LEAST, LEAST + 1, LEAST + TTL_US, GREATEST - 1, GREATEST]))
row_lists = st.lists(st.tuples(names, numbers, instants, instants, st.integers(0, 2)), max_size=30)
questions = st.lists(st.tuples(names, numbers, instants), max_size=30)
ttls = st.sampled_from([None, 0, 1, TTL_US, GREATEST])


@settings(max_examples=400, deadline=None)
@given(rows=row_lists, asked=questions, ttl=ttls, by_knowledge=st.booleans())
def test_the_join_answers_as_a_loop_over_all_rows_does(rows, asked, ttl, by_knowledge):
    at_us = np.array([question[2] for question in asked], dtype=np.int64)
    found = as_of(
        table_of(rows), table_of(asked, clocks=False), list(TYPES), at_us, ttl_us=ttl, by_knowledge=by_knowledge
    )
    wanted = [one_as_of(rows, question[:2], question[2], ttl, by_knowledge) for question in asked]
    assert list(zip(found.rows.tolist(), found.status.tolist(), strict=True)) == wanted


@pytest.mark.parametrize(
    ("age_us", "status"), [(-1, "NOT_FOUND"), (0, "PRESENT"), (TTL_US, "PRESENT"), (TTL_US + 1, "EXPIRED")]
)
def test_both_edges_of_the_ttl_are_inside(age_us, status):
    rows = table_of([("a", 1, 100, 100, 0)])
    found = as_of(rows, rows.select(list(TYPES)), list(TYPES), np.array([100 + age_us]), ttl_us=TTL_US)
    assert Status(found.status[0]).name == status


def test_the_greatest_age_that_there_is_does_not_overflow():
    rows = table_of([("a", 1, LEAST, LEAST, 0)])
    found = as_of(rows, rows.select(list(TYPES)), list(TYPES), np.array([GREATEST]), ttl_us=GREATEST)
    assert found.status.tolist() == [Status.EXPIRED]


def test_keys_of_dictionary_and_view_types_are_compared_by_value():
    rows = table_of([("a", 1, 5, 5, 0), ("b", 1, 5, 5, 0)])
    asked = pa.table({"name": pa.array(["b", "a", "c"], pa.string_view()), "number": pa.array([1, 1, 1])})
    found = as_of(rows, asked, list(TYPES), np.array([5, 5, 5]), ttl_us=None)
    assert found.rows.tolist() == [1, 0, -1]


def test_codes_of_many_wide_keys_stay_apart():
    """Seven columns of a thousand values each: more combinations than an int64 holds."""
    values = np.random.default_rng(5).integers(0, 1_000, (3_000, 7))
    values[:1_500] = values[1_500:]
    table = pa.table({f"k{column}": values[:, column] for column in range(7)})
    codes, none = key_codes([table, table.slice(0, 0)], table.column_names)
    places = {}
    for row, code in zip(map(tuple, values.tolist()), codes.tolist(), strict=True):
        assert places.setdefault(row, code) == code
    assert len(set(places.values())) == len(places)
    assert len(none) == 0


def test_as_of_knowledge_steps_back_to_what_was_known():
    rows = table_of([("a", 1, 10, 10, 0), ("a", 1, 20, 50, 0), ("a", 1, 30, 60, 0)])
    asked = pa.table({"name": ["a"] * 4, "number": [1] * 4})
    found = as_of(rows, asked, list(TYPES), np.array([9, 49, 50, 60]), ttl_us=None, by_knowledge=True)
    assert found.rows.tolist() == [-1, 0, 1, 2]


def test_as_of_knowledge_finds_the_one_row_that_was_known_among_many_known_late():
    """Stepping back row by row would take a thousand million steps."""
    count = 50_000
    known_at = [9] + [GREATEST] * (count - 1)
    rows = table_of([("a", 1, number, known, 0) for number, known in enumerate(known_at)])
    at_us = np.arange(count)
    found = as_of(rows, rows.select(list(TYPES)), list(TYPES), at_us, ttl_us=None, by_knowledge=True)
    assert found.rows.tolist() == [-1] * 9 + [0] * (count - 9)


def test_nothing_is_asked_of_nothing():
    found = as_of(table_of([]), table_of([], clocks=False), list(TYPES), np.zeros(0, np.int64), ttl_us=None)
    assert found.rows.tolist() == [] == found.status.tolist()
