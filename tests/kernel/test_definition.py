from __future__ import annotations

import functools
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.small_pipeline import SMALL, load_text, small

from headrace.pipeline import Pipeline
from headrace.pipeline.definition import group_definition, training_set_definition
from headrace.pipeline.yaml_lines import read_yaml


@functools.cache
def pipeline_of(text: str) -> Pipeline:
    with tempfile.TemporaryDirectory() as folder:
        return load_text(text, Path(folder))


def definitions(pipeline: Pipeline) -> dict[str, str]:
    sources = {name: pipeline.definition(name) for name in pipeline.sources}
    groups = {f"group {name}": group_definition(pipeline, name) for name in pipeline.features}
    sets = {f"set {name}": training_set_definition(pipeline, name) for name in pipeline.training_sets}
    return sources | groups | sets


def test_a_definition_is_twelve_hexadecimal_digits_that_never_change_with_headrace():
    # These name folders of tables. If one changes here, everybody's tables are rebuilt.
    assert definitions(pipeline_of(SMALL)) == {
        "customers": "0fd34dbd7272",
        "group buyer_facts": "8d38ce90a10f",
        "group buyer_last": "c3ebd100f39f",
        "group buyer_orders": "5b160c1cfaca",
        "orders": "726757e3a75f",
        "returns": "6d68cf0db925",
        "set returns": "556ea3d19e67",
    }


def shuffled(value: object, order: object) -> object:
    if isinstance(value, dict):
        names = list(value)
        order.shuffle(names)
        return {name: shuffled(value[name], order) for name in names}
    if isinstance(value, list):
        return [shuffled(item, order) for item in value]
    return value


@settings(max_examples=25, deadline=None)
@given(order=st.randoms(use_true_random=False), width=st.integers(20, 200), flow=st.sampled_from([None, False, True]))
def test_layout_and_the_order_of_keys_do_not_change_a_definition(order, width, flow):
    yaml = YAML(typ="safe", pure=True)
    yaml.width, yaml.default_flow_style = width, flow
    text = io.StringIO()
    yaml.dump(shuffled(read_yaml(SMALL.encode()).value, order), text)
    assert definitions(pipeline_of(text.getvalue())) == definitions(pipeline_of(SMALL))


SAME = {
    "descriptions and owners": {4: "    topic: orders\n    description: x\n    owner: me"},
    "a column's description and unit": {16: "      pieces: {type: long, description: how many, unit: pcs}"},
    "required": {16: "      pieces: {type: long}", 14: "      paid_at: {type: timestamp, required: true}"},
    "one_of": {12: "      shop: {type: string, one_of: [north, south, east]}"},
    "between": {15: "      amount: {type: double, between: [0, 20000]}"},
    "late": {7: "    late: {after: 1d, action: quarantine}"},
    "no late": {7: ""},
    "unknown_fields": {7: "    unknown_fields: quarantine"},
    "copies_within": {8: "    copies_within: 60d"},
    "the topic's name": {4: "    topic: new_orders"},
    "fit": {20: "    fit: {from: 2024-01-01, to: 2024-07-01}"},
    "spaces and case of an expression": {
        19: "      hour_of_day: {type: long, value: 'HOUR( ordered_at )  /* of the day */'}"
    },
    "a default that is written out": {
        23: "      pieces: {missing: {fill: constant, value: 1}, "
        "outliers: {method: bounds, low: 1.0, high: 100, action: flag}}"
    },
}
OTHER = {
    "a column's type": {16: "      pieces: {type: double}"},
    "a column more": {16: "      pieces: {type: long}\n      note: {type: string}"},
    "a column less": {14: ""},
    "the event id": {5: "    event_id: [order_id, ordered_at]"},
    "the event time": {6: "    event_at: ordered_at + interval 1 second"},
    "a derived column": {19: "      hour_of_day: {type: long, value: minute(ordered_at)}"},
    "the type of a derived column": {19: "      hour_of_day: {type: double, value: hour(ordered_at)}"},
    "a literal's case": {19: "      hour_of_day: {type: boolean, value: shop = 'North'}"},
    "a bound": {
        23: "      pieces: {outliers: {method: bounds, low: 2, high: 100}, missing: {fill: constant, value: 1}}"
    },
    "an action": {
        23: "      pieces: {missing: {fill: constant, value: 1}, "
        "outliers: {method: bounds, low: 1, high: 100, action: clip}}"
    },
    "a constant": {
        23: "      pieces: {outliers: {method: bounds, low: 1, high: 100}, missing: {fill: constant, value: 0}}"
    },
    "a rule less": {23: "      pieces: {outliers: {method: bounds, low: 1, high: 100}}"},
    "a threshold": {
        22: "      amount: {outliers: {method: mad, threshold: 7, by: [shop], action: clip}, missing: {fill: median}}"
    },
}


@pytest.mark.parametrize("what", SAME)
def test_what_does_not_change_rows_does_not_change_a_source(what):
    assert pipeline_of(small(SAME[what])).definition("orders") == pipeline_of(SMALL).definition("orders")


@pytest.mark.parametrize("what", OTHER)
def test_what_changes_rows_changes_the_source_and_all_that_reads_it(what):
    before, after = definitions(pipeline_of(SMALL)), definitions(pipeline_of(small(OTHER[what])))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"orders", "group buyer_orders", "group buyer_last", "set returns"}


def test_the_changes_of_a_source_give_each_another_definition():
    every = [pipeline_of(small(change)).definition("orders") for change in OTHER.values()]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({46: "      amount: [mean, max, min]"}, {"group buyer_orders", "set returns"}),
        ({47: "    windows: [1h, 48h]", 49: ""}, {"group buyer_orders", "set returns"}),
        ({47: "    windows: [60m, 24h]"}, {"group buyer_orders", "set returns"}),  # the columns have other names
        ({48: "    hop: 1m"}, {"group buyer_orders", "set returns"}),
        ({48: ""}, set()),  # the default hop is the one that was stated
        ({48: "    hop: 300s"}, set()),
        ({54: "    carry: {amount: 4h}"}, {"group buyer_last", "set returns"}),
        ({62: ""}, set()),  # which features are left out is decided when rows are read
        ({70: "    split: {train: {until: 2024-06-01}, test: {until: 2024-08-01}, embargo: 1d}"}, {"set returns"}),
        ({70: "    split: {train: {until: 2024-06-01}, test: {until: 2024-07-01}, embargo: 24h}"}, set()),
    ],
)
def test_a_group_changes_with_its_own_block(changes, changed):
    before, after = definitions(pipeline_of(SMALL)), definitions(pipeline_of(small(changes)))
    assert {name for name in before if before[name] != after[name]} == changed
