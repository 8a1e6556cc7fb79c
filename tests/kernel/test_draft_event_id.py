"""Which columns identify an event, against a search of all combinations."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.samples import iso, orders, sample_of

from headrace.draft.columns import read_columns
from headrace.draft.documents import read_documents
from headrace.draft.event_id import EventId, choose_event_id, key_column
from headrace.draft.records import TopicSample


def chosen(sample: TopicSample) -> EventId:
    documents = read_documents(sample)
    found = choose_event_id(documents, read_columns(documents.objects)[0])
    assert found is not None
    return found


def test_the_column_that_is_unique_and_named_like_an_id_is_chosen():
    assert chosen(sample_of(orders())) == EventId(("order_id",), 200, 200, None)


def test_the_column_that_the_records_key_repeats_is_preferred_to_one_that_is_unique_by_chance():
    documents = [{"serial": number, "name": f"n{number}", "at": iso(number)} for number in range(100)]
    assert chosen(sample_of(documents)).columns == ("serial",)
    assert chosen(sample_of(documents, key="name")) == EventId(("name",), 100, 100, "name")


def test_where_no_column_is_unique_two_are_and_the_key_is_one_of_them():
    hours = [
        {"temp_f": number % 7, "station": station, "observed_at": iso(number * 3_600_000_000), "wind": number % 50}
        for number in range(100)
        for station in ("EWR", "JFK", "LGA")
    ]
    assert chosen(sample_of(hours, key="station")) == EventId(("station", "observed_at"), 300, 300, "station")


def test_instants_alone_identify_nothing_as_long_as_something_else_does():
    documents = [{"at": iso(number * 1_000_000), "pump": f"p{number % 3}", "x": 0.5} for number in range(60)]
    assert chosen(sample_of(documents)).columns == ("at", "pump")


def test_a_double_is_never_part_of_an_id_and_nor_is_what_many_documents_lack():
    documents = [{"x": number + 0.5, "often": number if number % 10 else None, "n": number} for number in range(50)]
    assert chosen(sample_of(documents)).columns == ("n",)


def test_copies_of_one_event_do_not_hide_its_id_and_conflicting_ones_are_counted():
    sent = orders(300)
    sent += [*sent[:30], dict(sent[7], amount=0.0)]
    assert chosen(sample_of(sent)) == EventId(("order_id",), 300, 301, None)


def test_where_nothing_is_unique_all_columns_are_a_guess():
    documents = [{"a": number % 2, "b": number % 3, "x": number / 7} for number in range(60)]
    assert chosen(sample_of(documents)) == EventId(("a", "b"), 6, 60, None, is_guess=True)


@pytest.mark.parametrize("document", [{"x": 1.5}, {"x": None}, {"x": [1]}, {"x": True}])
def test_documents_without_a_column_that_can_identify_have_no_id(document):
    documents = read_documents(sample_of([document, dict(document, y=0.5)]))
    assert choose_event_id(documents, read_columns(documents.objects)[0]) is None


def test_a_key_that_some_records_lack_is_none():
    sample = sample_of([{"a": "k"}, {"b": "k"}, {"b": "l"}], key="a")
    documents = read_documents(sample)
    assert key_column(documents, read_columns(documents.objects)[0]) is None


COLUMNS = ("a", "b", "c", "d")
# Fields in one order: copies are told by their bytes, and Hypothesis draws dictionaries in any.
DOCUMENT = st.tuples(*(st.one_of(st.none(), st.integers(0, 3)) for _ in COLUMNS)).map(
    lambda values: dict(zip(COLUMNS, values, strict=True))
)


@given(st.lists(DOCUMENT, min_size=1, max_size=25))
@settings(max_examples=60, deadline=None)
def test_an_id_is_found_where_a_search_of_all_combinations_finds_one_and_its_counts_are_true(sent):
    documents = read_documents(sample_of(sent))
    distinct = list({tuple(sorted(each.items(), key=str)): each for each in sent}.values())
    names = [name for name in COLUMNS if any(each[name] is not None for each in sent)]

    def count(parts: tuple[str, ...]) -> tuple[int, int]:
        ids = [
            tuple(each[name] for name in parts) for each in distinct if all(each[name] is not None for name in parts)
        ]
        return len(set(ids)), len(ids)

    def is_id(parts: tuple[str, ...]) -> bool:
        ids, complete = count(parts)
        return complete >= 0.98 * len(distinct) and ids >= 0.98 * complete

    legal = [parts for size in (1, 2, 3) for parts in combinations(names, size) if is_id(parts)]
    found = choose_event_id(documents, read_columns(documents.objects)[0])
    assert (found is not None and not found.is_guess) == bool(legal)
    if found is not None:
        assert (found.distinct, found.complete) == count(found.columns)
    if legal:
        assert tuple(sorted(found.columns)) in legal
        assert len(found.columns) == min(map(len, legal))
