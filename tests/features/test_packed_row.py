"""Packed rows and keys: what goes in comes out."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.features.packed_row import RowFormat, clocks, pack_key

LONGS = st.integers(-(2**63), 2**63 - 1)
VALUES = {
    "string": st.text(max_size=20),
    "long": LONGS,
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "timestamp": st.datetimes(timezones=st.just(UTC)),
    "date": st.dates(),
}


@st.composite
def rows(draw):
    types = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=20))
    return types, [draw(st.none() | VALUES[kind]) for kind in types]


@settings(max_examples=200, deadline=None)
@given(row=rows(), event_at_us=LONGS, created_at_us=LONGS)
def test_a_row_comes_out_as_it_went_in(row, event_at_us, created_at_us):
    types, values = row
    data = RowFormat(types).pack(event_at_us, created_at_us, values)
    assert RowFormat(types).unpack(data) == (event_at_us, created_at_us, tuple(values))
    assert clocks(data) == (event_at_us, created_at_us)


def test_a_double_that_is_no_number_is_not_a_null():
    form = RowFormat(["double", "double"])
    found = form.unpack(form.pack(1, 2, [math.nan, None])).values
    assert math.isnan(found[0])
    assert found[1] is None


def test_a_row_of_every_type_has_these_bytes():
    form = RowFormat(["string", "long", "double", "boolean", "timestamp", "date", "long"])
    at, day = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), date(1970, 1, 3)
    assert form.pack(1, -1, ["é", 2, 0.5, True, at, day, None]) == bytes.fromhex(
        "0100000000000000 ffffffffffffffff"  # clocks
        "40"  # the seventh value is null
        "02000000 c3a9 0200000000000000 000000000000e03f 01 40420f0000000000 02000000"
    )


@pytest.mark.parametrize(
    ("types", "values"),
    [(["long"], ["1"]), (["long"], [2**63]), (["string"], [1]), (["date"], ["2024-01-01"]), (["long"], [1, 2])],
)
def test_a_value_that_its_type_cannot_hold_is_refused(types, values):
    with pytest.raises(ValueError, match=r"not of the types|shorter|longer"):
        RowFormat(types).pack(0, 0, values)


@pytest.mark.parametrize("cut", [3, 17, 20, 24])
def test_bytes_that_are_no_row_are_refused(cut):
    form = RowFormat(["string", "long"])
    with pytest.raises(ValueError, match="types string, long"):
        form.unpack(form.pack(0, 0, ["abc", 1])[:cut])


def test_keys_that_look_alike_differ():
    keys = [(1, 11), (11, 1), (111,), ("a", "bc"), ("ab", "c"), ("abc",), ("1",), (1,), ("", "a"), ("a", ""), ()]
    assert len({pack_key(key) for key in keys}) == len(keys)


parts = st.lists(st.text(max_size=4) | st.sampled_from([0, 1, 11, 255, 256, -1, 2**63 - 1, -(2**63)]), max_size=4)


@settings(max_examples=300, deadline=None)
@given(one=parts, other=parts)
def test_equal_bytes_mean_equal_keys(one, other):
    assert (pack_key(one) == pack_key(other)) == (one == other)


def test_numbers_of_numpy_are_keys_as_those_of_python_are():
    assert pack_key([np.int64(7), np.str_("a")]) == pack_key([7, "a"])


@pytest.mark.parametrize("value", [None, True, 1.0, 2**63, b"a"])
def test_what_is_no_key_is_refused(value):
    with pytest.raises(ValueError, match="a key is text or a whole number"):
        pack_key([value])
