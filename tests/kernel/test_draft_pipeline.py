"""The draft of a pipeline file: it passes the check whatever was sent, and says what speaks for each choice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pages import Page
from support.samples import HOUR_US, MINUTE_US, START_US, iso, orders, sample_of

from headrace.draft import Draft, TopicSample, draft_pipeline
from headrace.draft.entities import entity_names
from headrace.draft.findings import source_name
from headrace.errors import UsageError
from headrace.pipeline import Pipeline, load_pipeline
from headrace.pipeline.yaml_lines import read_yaml


def loaded(draft: Draft) -> Pipeline:
    return Pipeline(**read_yaml(draft.text.encode()).value)


PAGE = Page.read("starting.md")


def test_a_plain_topic_gives_the_file_of_the_page_in_which_nothing_is_left_to_decide():
    draft = draft_pipeline("shop", [sample_of(orders(), key="order_id", stamped_at="ordered_at")])
    (shown,) = [text for language, text in PAGE.blocks if language == "yaml"]
    assert draft.text == shown
    assert draft.decisions() == []
    assert loaded(draft).pipeline == "shop"


def test_topics_share_the_entities_that_their_columns_name():
    payments = [{"payment": n, "customer_id": f"c-{n % 5}", "paid_at": iso(START_US + n * HOUR_US)} for n in range(50)]
    visits = [{"customer_id": f"c-{n % 7}", "shop": f"s{n % 2}", "at": iso(START_US + n * HOUR_US)} for n in range(50)]
    samples = [
        sample_of(orders(), stamped_at="ordered_at"),
        sample_of(payments, topic="payments", stamped_at="paid_at"),
        sample_of(visits, topic="Visits.v2", stamped_at="at"),
    ]
    found = loaded(draft_pipeline("shop", samples))
    assert {name: entity.keys for name, entity in found.entities.items()} == {"customer": ("customer_id",)}
    assert [group.entity for group in found.features.values()] == ["customer"] * 3
    assert found.topics == {"orders": "orders", "payments": "payments", "visits_v2": "Visits.v2"}
    assert found.services["shop"].features == ("orders_by_customer", "payments_by_customer", "visits_v2_by_customer")
    assert [group.windows[0].text for group in found.features.values()] == ["1h", "24h", "24h"]


def test_a_topic_too_small_to_repeat_a_value_takes_the_entity_that_comes_again_in_another():
    refunds = [{"refund": f"r{n}", "customer_id": f"c-{n}", "at": iso(START_US + n * HOUR_US)} for n in range(4)]
    samples = [sample_of(orders(), stamped_at="ordered_at"), sample_of(refunds, topic="refunds", stamped_at="at")]
    draft = draft_pipeline("shop", samples)
    assert [group.entity for group in loaded(draft).features.values()] == ["customer", "customer"]
    assert draft.decisions() == []


def test_a_key_that_has_another_type_in_another_topic_is_not_shared_with_it():
    text = [{"id": f"a{n}", "user_id": f"u{n % 3}", "at": iso(START_US + n * MINUTE_US)} for n in range(40)]
    numbers = [{"id": n, "user_id": n % 3, "room": f"r{n % 4}", "at": iso(START_US + n * MINUTE_US)} for n in range(40)]
    samples = [sample_of(text, topic="a", stamped_at="at"), sample_of(numbers, topic="b", stamped_at="at")]
    found = loaded(draft_pipeline("p", samples))
    assert [group.entity for group in found.features.values()] == ["user", "room"]


def test_where_no_value_comes_again_the_id_is_the_entity_and_a_person_must_decide():
    sent = [{"reading": f"r{number}", "at": iso(START_US + number * MINUTE_US)} for number in range(30)]
    draft = draft_pipeline("p", [sample_of(sent, stamped_at="at")])
    assert loaded(draft).entities["reading"].keys == ("reading",)
    assert [what for _, what in draft.decisions()] == [
        "whom do features describe? No column's values come again in the sample"
    ]


def test_where_no_column_can_be_a_key_a_constant_is_one():
    sent = [{"everything": number / 3, "at": iso(START_US + number * MINUTE_US)} for number in range(30)]
    found = loaded(draft_pipeline("p", [sample_of(sent, stamped_at="at")]))
    assert found.sources["orders"].derive["everything_2"].type == "string"
    assert found.entities["everything_2"].keys == ("everything_2",)


def test_what_must_be_decided_is_told_with_its_line():
    sent = [{"station": f"s{n % 3}", "hour": iso(START_US + n * HOUR_US), "x": n / 7} for n in range(60)]
    stamps = [START_US + (number + 1) * HOUR_US for number in range(60)]
    draft = draft_pipeline("p", [sample_of(sent, topic="weather", key="station", stamps_us=stamps)])
    ((line, what),) = draft.decisions()
    assert what == "are records stamped 1 hour after hour because the fact is known only then?"
    assert draft.text.splitlines()[line].strip().startswith("event_at: hour + interval 1 hour")


def test_fields_that_cannot_be_declared_are_named_and_cannot_break_the_file():
    evil = "x\n  y: 1 # \u2028 decide: \x1b[2J\u202e"
    sent = [dict(order, **{evil: 1, "camelCase": 2, "tags": ["a"]}) for order in orders(120)]
    draft = draft_pipeline("shop", [sample_of(sent, stamped_at="ordered_at")])
    assert (
        "# camelCase: the name cannot be declared: a column has a-z, 0-9 and _, at most 63 (in 120 of 120)"
        in draft.text
    )
    assert "# tags: a list: no type of a column. It stays in raw (in 120 of 120)" in draft.text
    assert all(character.isprintable() or character == "\n" for character in draft.text)
    assert list(loaded(draft).sources["orders"].columns) == list(orders(1)[0])


def test_a_value_that_is_sent_cannot_break_the_file():
    sent = [dict(order, kind=['a"]}', "b\nc: d", "\u2028", "#"][number % 4]) for number, order in enumerate(orders())]
    draft = draft_pipeline("shop", [sample_of(sent, stamped_at="ordered_at")])
    (line,) = [line for line in draft.text.splitlines() if "kind takes few values" in line]
    assert line.endswith(r'one_of: ["#", "a\"]}", "b\nc: d", "\u2028"]')


def test_topics_that_say_nothing_are_refused_with_what_they_have():
    with pytest.raises(UsageError, match=r"'orders' have no field that can identify .* They have: x \(double\)"):
        draft_pipeline("p", [sample_of([{"x": 1.5}])])
    with pytest.raises(
        UsageError, match=r"'orders' do not say when: .* They have: n \(long\), 'tagS' \(the name cannot"
    ):
        draft_pipeline("p", [sample_of([{"n": 1, "tagS": 2}])])


def test_more_topics_than_a_file_can_hold_are_refused():
    wide = [order | {f"column_{'x' * 50}_{n}": n for n in range(90)} for order in orders(3)]
    samples = [sample_of(wide, topic=f"topic_{number}", stamped_at="ordered_at") for number in range(25)]
    with pytest.raises(UsageError, match=r"a file for 25 topics: the file has .* bytes\. Name fewer topics"):
        draft_pipeline("p", samples)


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("orders", "orders"),
        ("Shop.Orders-v2", "shop_orders_v2"),
        ("2013", "topic_2013"),
        ("...", "topic"),
        ("_", "topic"),
    ],
)
def test_a_source_is_named_after_its_topic(topic, name):
    assert source_name(topic, []) == name


def test_topics_of_one_name_give_sources_of_two():
    assert source_name("shop-orders", ["shop_orders", "shop_orders_2"]) == "shop_orders_3"


def test_entities_have_names_of_their_own():
    keys = ["user_id", "user", "a__id", "a_id", "_id", "id"]
    assert entity_names(keys) == {
        "user_id": "user_id",
        "user": "user",
        "a__id": "a",
        "a_id": "a_id",
        "_id": "_id",
        "id": "id",
    }


def test_a_file_that_was_written_is_read_as_any_other(tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(draft_pipeline("shop", [sample_of(orders(), stamped_at="ordered_at")]).text)
    assert list(load_pipeline(file).sources) == ["orders"]


ODD_NAMES = (
    "null",
    "true",
    "timestamp",
    "order",
    "events",
    "interval",
    "case",
    "event_at",
    "camelCase",
    "a__b",
    "key_id",
)
VALUES = {
    "text": st.sampled_from(["a", "b", "null", "x: y", "#", "\n", "\u0085", "'"]),
    "whole": st.integers(-3, 2**65),
    "number": st.floats(allow_nan=False),
    "yes": st.booleans(),
    "instant": st.integers(0, 10**15).map(iso),
    "date": st.dates().map(str),
    "nested": st.lists(st.integers(), max_size=2),
    "any": st.one_of(st.none(), st.text(max_size=5), st.integers(), st.booleans()),
}


@st.composite
def topic_samples(draw: st.DrawFn) -> TopicSample:
    """A topic whose documents have the same fields, by odd names, each with values of one kind and some missing."""
    fields = draw(st.dictionaries(st.sampled_from(ODD_NAMES), st.sampled_from(sorted(VALUES)), max_size=6))
    document = st.fixed_dictionaries(
        {name: VALUES[kind] if draw(st.booleans()) else st.none() | VALUES[kind] for name, kind in fields.items()}
    )
    sent = draw(st.lists(document, min_size=1, max_size=8))
    key = draw(st.sampled_from([None, *fields]))
    stamps = draw(st.lists(st.none() | st.integers(0, 10**15), min_size=len(sent), max_size=len(sent)))
    return sample_of(sent, topic=draw(st.sampled_from(["a.b", "a-b", "null", "9", "T"])), key=key, stamps_us=stamps)


def drafted(samples: list[TopicSample]) -> Draft | str:
    """The draft, or what was wrong."""
    try:
        return draft_pipeline("null", samples)
    except UsageError as err:
        return str(err)


@given(st.lists(topic_samples(), min_size=1, max_size=2, unique_by=lambda sample: sample.topic))
@settings(max_examples=60, deadline=None)
def test_whatever_was_sent_the_draft_passes_the_check_or_says_what_is_wrong_with_the_topic(samples):
    draft = drafted(samples)
    if isinstance(draft, str):
        assert any(f"'{sample.topic}'" in draft for sample in samples)
        return
    found = loaded(draft)
    assert list(found.topics.values()) == [sample.topic for sample in samples]
    assert len(found.features) == len(samples)
    for source, findings in zip(found.sources.values(), draft.found, strict=True):
        assert {name: column.type for name, column in source.columns.items()} == findings.types()
        for name, column in source.columns.items():
            there = all(each.get(name) is not None for each in findings.documents.objects)
            assert column.required == there
