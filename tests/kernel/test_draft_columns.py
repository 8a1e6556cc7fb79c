"""From documents to columns: types by what nearly all values are, and what cannot be a column."""

from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.samples import sample_of

from headrace.draft.columns import Column, read_columns
from headrace.draft.documents import read_document, read_documents
from headrace.draft.instants import date_us, timestamp_us
from headrace.errors import UsageError
from headrace.jobs import decode


def columns(*values: object) -> dict[str, str]:
    """The type of the column `x` with these values, or why it is none."""
    found, left = read_columns([{"x": value} for value in values])
    return {each.name: each.type for each in found} | {each.name: each.why for each in left}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3], "long"),
        ([1, 2.5, 3], "double"),
        ([1.0, 2.0], "double"),
        ([2**63, 1], "double"),
        ([True, False], "boolean"),
        (["a", ""], "string"),
        (["2013-01-01T10:15:00Z", "2013-01-01 10:15"], "timestamp"),
        (["2013-01-01", "2013-02-28"], "date"),
        (["2013-01-01", "2013-02-30"], "string"),
        (["2013-01-01T10:15:00Z", "soon"], "string"),
        ([None, 5, None], "long"),
    ],
)
def test_a_column_has_the_type_of_its_values(values, expected):
    assert columns(*values) == {"x": expected}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([{"a": 1}], "an object: no type of a column"),
        ([[1, 2]], "a list: no type of a column"),
        ([None, None], "always null"),
        (["a", 1], "values of several kinds: string 1, long 1"),
        ([math.inf, math.inf], "numbers beyond a double"),
    ],
)
def test_a_field_that_is_no_column_says_why(values, why):
    assert columns(*values)["x"].startswith(why)


@pytest.mark.parametrize("name", ["orderId", "_id", "with space", "9th", "ü", "a" * 64, "event_at", "arrived_at"])
def test_a_field_whose_name_cannot_be_declared_is_left_out(name):
    found, left = read_columns([{name: 1, "fine": 1}])
    assert [each.name for each in found] == ["fine"]
    assert [each.name for each in left] == [name]


def test_a_few_values_of_another_kind_leave_the_type_and_are_counted():
    found, _ = read_columns([{"x": number if number else "none"} for number in range(100)])
    assert (found[0].type, found[0].unfit, found[0].present, found[0].never_missing) == ("long", 1, 99, True)


def test_of_more_fields_than_fit_those_that_most_documents_have_are_kept():
    rare = {f"rare_{number}": 1 for number in range(150)}
    found, left = read_columns([rare | {"common": 1}, {"common": 2}])
    assert len(found) == 100
    assert "common" in {each.name for each in found}
    assert {each.why for each in left} == {"more than 100 columns"}


def test_what_is_taken_for_a_time_is_what_cleaning_takes_for_one():
    from headrace.draft import instants

    forms = {name: form.replace(r"\z", r"\Z") for name, form in decode._TEXT_FORMS.items()}  # Java's word, and Python's
    assert forms == {"timestamp": instants.TIMESTAMP_FORM, "date": instants.DATE_FORM}


@pytest.mark.parametrize(
    "text",
    [
        "2013-01-01T10:15:00Z\n",
        "2013-13-01T10:15:00Z",
        "2013-01-01T25:00:00Z",
        "2013-01-01T10:15:00+19:00",
        "0001-01-01T00:00:00+10:00",
        "٢٠١٣-01-01T10:15:00Z",
        "2013-01-01",
    ],
)
def test_what_is_no_instant_is_none(text):
    assert timestamp_us(text) is None


def test_a_zone_counts_and_digits_beyond_a_microsecond_do_not():
    assert timestamp_us("1970-01-01T01:00:00.1234567+01:00") == 123_456
    assert (date_us("1970-01-02"), date_us("1970-01-02 ")) == (86_400_000_000, None)


def naive_type(values: list[object]) -> str | None:
    """The type by trying each one on every value."""
    there = [value for value in values if value is not None]

    def fits(value: object, kind: str) -> bool:
        if isinstance(value, bool):
            return kind == "boolean"
        if isinstance(value, int):
            return kind == "double" or (kind == "long" and -(2**63) <= value < 2**63)
        if isinstance(value, float):
            return kind == "double"
        forms = {"timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "date": r"\d{4}-\d\d-\d\d", "string": r"(?s).*"}
        return isinstance(value, str) and kind in forms and bool(re.fullmatch(forms[kind], value))

    order = ("boolean", "long", "double", "timestamp", "date", "string")
    return next((kind for kind in order if there and all(fits(value, kind) for value in there)), None)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["2013-01-01T10:15:00Z", "2013-01-01", "x", ""]),
)


@given(st.lists(SCALARS, max_size=19))
def test_where_all_values_agree_the_type_is_the_one_that_a_trial_of_each_finds(values):
    expected = naive_type(values)
    found, _ = read_columns([{"x": value} for value in values])
    if expected is not None:
        assert [each.type for each in found] == [expected]
    else:
        assert found == []


@given(st.lists(st.one_of(SCALARS, st.lists(st.integers()), st.dictionaries(st.text(), st.integers())), max_size=30))
def test_a_column_has_the_values_that_fit_and_counts_the_others(values):
    found, left = read_columns([{"x": value} for value in values])
    assert len(found) + len(left) == (1 if values else 0)
    for column in found:
        missing = sum(value is None for value in values)
        assert column.present + column.unfit + missing == len(values)
        assert column.unfit <= 0.05 * (len(values) - missing)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"\xff", "invalid_utf8"),
        (b"", "invalid_json"),
        (b"{} {}", "invalid_json"),
        (b'{"x": NaN}', "invalid_json"),
        (b'{"x": 1, "x": 2}', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b'{"x": ' + b"9" * 5_000 + b"}", "invalid_json"),
        (b"[1]", "not_an_object"),
        (b'"text"', "not_an_object"),
    ],
)
def test_what_is_no_object_has_the_reason_for_which_cleaning_would_reject_it(value, reason):
    assert read_document(value) == reason


def test_copies_are_left_out_and_counted_and_so_is_what_is_no_object():
    found = read_documents(sample_of([{"a": 1}, {"a": 1}, {"a": 2}, None, b"x", b"[]"]))
    assert [dict(each) for each in found.objects] == [{"a": 1}, {"a": 2}]
    assert (found.copies, found.odd) == (1, {"tombstone": 1, "invalid_json": 1, "not_an_object": 1})


def test_an_empty_topic_says_so():
    with pytest.raises(UsageError, match="the topic 'orders' holds no record"):
        read_documents(sample_of([]))


def test_a_topic_without_documents_says_what_it_holds_instead():
    with pytest.raises(
        UsageError, match=r"of 3 records .* none is a JSON object: 2 are not one JSON document, 1 are tom"
    ):
        read_documents(sample_of([b"a,b", b"c,d", None]))


def test_a_topic_of_avro_is_recognised_by_its_frame():
    with pytest.raises(UsageError, match=r"2 begin as what is written with a schema registry does"):
        read_documents(sample_of([b"\x00\x00\x00\x00\x01ab", b"\x00\x00\x00\x00\x01cd"]))


def test_a_column_knows_what_it_has():
    column = Column("x", "long", [1, None, 1, 2])
    assert (column.present, column.distinct, column.never_missing) == (3, 2, False)
    assert json.dumps(column.values) == "[1, null, 1, 2]"
