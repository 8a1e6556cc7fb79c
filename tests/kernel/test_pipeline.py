from __future__ import annotations

import pytest
from pydantic import ValidationError
from support.small_pipeline import SMALL, load_text, small

from headrace.pipeline import (
    Bounds,
    Column,
    ColumnCleaning,
    Constant,
    Entity,
    Expression,
    FeatureGroup,
    Late,
    Pipeline,
    Source,
    describe,
)
from headrace.pipeline.feature import default_hop_us

MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000


@pytest.fixture
def pipeline(tmp_path) -> Pipeline:
    return load_text(SMALL, tmp_path)


def test_a_source_says_where_events_come_from_and_when_they_are_late(pipeline):
    orders = pipeline.sources["orders"]
    assert (orders.name, orders.topic, orders.table, orders.format) == ("orders", "orders", None, "json")
    assert orders.event_id == ("order_id",)
    assert (orders.late.after_us, orders.late.action) == (7 * DAY_US, "keep")
    assert orders.copies_within_us == 30 * DAY_US
    assert (orders.unknown_fields, pipeline.sources["customers"].table) == ("keep", "customers")
    assert pipeline.topics == {"orders": "orders", "returns": "returns"}


def test_a_column_has_its_type_and_its_rules_of_admission(pipeline):
    columns = pipeline.sources["orders"].columns
    assert (columns["shop"].type, columns["shop"].one_of, columns["shop"].required) == (
        "string",
        ("north", "south"),
        False,
    )
    assert columns["amount"].between == (0, 10_000)


def test_an_expression_is_checked_and_typed_by_the_time_a_pipeline_is_there(pipeline):
    event_at = pipeline.sources["returns"].event_at
    assert (event_at.text, event_at.sql, event_at.type) == ("returned_at", "`returned_at`", "timestamp")
    derived = pipeline.sources["orders"].derive["hour_of_day"]
    assert derived.value.sql == "CAST(hour(`ordered_at`) AS BIGINT)"
    assert derived.value.columns == {"ordered_at"}
    assert pipeline.training_sets["returns"].label.known_at == Expression("event_at")
    assert pipeline.training_sets["returns"].label.known_at.columns == {"event_at"}


def test_an_interval_is_in_microseconds_since_1970(pipeline):
    fit = pipeline.sources["orders"].fit
    assert (fit.from_us, fit.to_us) == (1_704_067_200_000_000, 1_717_200_000_000_000)


def test_times_are_utc_unless_they_say_otherwise(tmp_path):
    changed = small({20: "    fit: {from: 2024-01-01T00:00:00, to: 2024-01-01T02:00:00.5+02:00}"})
    fit = load_text(changed, tmp_path).sources["orders"].fit
    assert fit.to_us - fit.from_us == 500_000


def test_only_rules_that_must_be_fitted_are_named_as_such(pipeline):
    assert pipeline.sources["orders"].fitted_rules() == {"amount": "outliers: mad"}
    bounds, fill = (
        pipeline.sources["orders"].clean["pieces"].outliers,
        pipeline.sources["orders"].clean["pieces"].missing,
    )
    assert bounds == Bounds(method="bounds", low=1, high=100)
    assert (bounds.action, fill) == ("flag", Constant(fill="constant", value=1))


def test_a_fill_that_must_be_fitted_is_named_where_the_bounds_are_stated(tmp_path):
    changed = small({22: "      amount: {outliers: {method: bounds, low: 0}, missing: {fill: median}}"})
    assert load_text(changed, tmp_path).sources["orders"].clean["amount"].fitted_rule() == "missing: median"


def test_cleaning_adds_the_original_and_two_flags(pipeline):
    orders = pipeline.sources["orders"]
    assert list(orders.row_columns()) == [*orders.columns, "hour_of_day"]
    added = {name: kind for name, kind in orders.clean_columns().items() if name not in orders.row_columns()}
    assert added == {
        "amount_original": "double",
        "amount_outlier": "boolean",
        "amount_missing": "boolean",
        "pieces_original": "long",
        "pieces_outlier": "boolean",
        "pieces_missing": "boolean",
    }


def test_feature_columns_are_named_by_column_aggregation_and_window(pipeline):
    orders = pipeline.sources["orders"]
    columns = pipeline.features["buyer_orders"].feature_columns(orders)
    assert {name: feature.type for name, feature in columns.items()} == {
        "orders_count_1h": "long",
        "orders_count_24h": "long",
        "amount_mean_1h": "double",
        "amount_mean_24h": "double",
        "amount_max_1h": "double",
        "amount_max_24h": "double",
    }
    assert columns["orders_count_1h"].column is None
    assert (columns["amount_max_24h"].column, columns["amount_max_24h"].window.us) == ("amount", DAY_US)
    latest = pipeline.features["buyer_last"].feature_columns(orders)
    assert {name: feature.type for name, feature in latest.items()} == {
        "amount": "double",
        "amount_carried": "boolean",
        "shop": "string",
    }


def test_flags_and_originals_become_features_when_they_are_listed(tmp_path):
    changed = small({46: "      amount_outlier: [mean, count]", 53: "    latest: [amount, pieces_original]"})
    pipeline = load_text(changed, tmp_path)
    aggregates = pipeline.features["buyer_orders"].feature_columns(pipeline.sources["orders"])
    assert (aggregates["amount_outlier_mean_1h"].type, aggregates["amount_outlier_count_1h"].type) == ("double", "long")
    assert "pieces_original" in pipeline.features["buyer_last"].feature_columns(pipeline.sources["orders"])


@pytest.mark.parametrize(
    ("windows_us", "hop_us"),
    [
        ([HOUR_US, 3 * HOUR_US, DAY_US], 5 * MINUTE_US),
        ([DAY_US, 7 * DAY_US], 120 * MINUTE_US),
        ([10 * MINUTE_US], MINUTE_US),  # a twelfth is less than a minute
        ([HOUR_US, 90 * MINUTE_US], 5 * MINUTE_US),
        ([HOUR_US, 61 * MINUTE_US], MINUTE_US),
        ([100 * MINUTE_US], 5 * MINUTE_US),  # 8 minutes would be a twelfth, but do not divide
        ([90_000_000], None),
        ([], None),
    ],
)
def test_without_a_hop_it_is_the_largest_whole_minute_divisor_up_to_a_twelfth(windows_us, hop_us):
    assert default_hop_us(windows_us) == hop_us


def test_a_ttl_of_the_longest_window_and_a_hop_is_just_enough(tmp_path):
    assert load_text(small({49: "    ttl: 1445m"}), tmp_path).features["buyer_orders"].ttl_us == 1445 * MINUTE_US


def test_anchors_and_merges_unfold_and_own_keys_win(tmp_path):
    changed = small(
        {
            10: "      <<: &common {order_id: {type: string}, customer: {type: long}}",
            29: "      <<: [*common]",
            30: "      customer: {type: string}",
        }
    )
    pipeline = load_text(changed, tmp_path)
    assert pipeline.sources["orders"].columns["customer"].type == "string"
    assert {name: column.type for name, column in pipeline.sources["returns"].columns.items()} == {
        "order_id": "string",
        "customer": "string",
        "returned_at": "timestamp",
    }


def test_words_of_old_yaml_stay_text(tmp_path):
    changed = small({12: "      shop: {type: string, one_of: [NO, yes, on, 2024-01-01, 1_000, 0x1F, '7']}"})
    options = load_text(changed, tmp_path).sources["orders"].columns["shop"].one_of
    assert options == ("NO", "yes", "on", "2024-01-01", "1_000", "0x1F", "7")


def test_a_pipeline_can_be_built_in_python():
    pipeline = Pipeline(
        pipeline="shop",
        sources={
            "orders": Source(
                topic="orders",
                event_id=["order_id"],
                event_at="ordered_at",
                late=Late(after="1h"),
                columns={
                    "order_id": Column(type="string"),
                    "ordered_at": Column(type="timestamp"),
                    "amount": Column(type="double"),
                },
                clean={"amount": ColumnCleaning(outliers=Bounds(method="bounds", low=0))},
            )
        },
        entities={"order": Entity(keys=["order_id"])},
        features={"last": FeatureGroup(entity="order", source="orders", latest=["amount"], ttl="7d")},
    )
    assert (pipeline.sources["orders"].name, pipeline.features["last"].name) == ("orders", "last")
    assert pipeline.sources["orders"].late.after_us == HOUR_US
    assert pipeline.sources["orders"].event_at.sql == "`ordered_at`"


def test_a_part_that_two_pipelines_share_is_left_as_it_was():
    shared = Source(
        topic="t", event_id=["a"], event_at="b", columns={"a": Column(type="long"), "b": Column(type="timestamp")}
    )
    pipeline = Pipeline(pipeline="one", sources={"first": shared, "second": shared.model_copy(update={"topic": "u"})})
    assert (shared.name, shared.event_at.sql) == ("", "")
    assert [source.name for source in pipeline.sources.values()] == ["first", "second"]


def test_nothing_of_a_pipeline_can_be_set(pipeline):
    with pytest.raises(ValidationError):
        pipeline.sources["orders"].topic = "other"


def test_a_pipeline_describes_itself_one_line_a_part(pipeline):
    lines = describe(pipeline).splitlines()
    assert lines[0] == "shop"
    assert lines[1:3] == [
        "sources (3)",
        "  orders: topic orders, 9 columns, cleans amount, pieces, amount needs a plan (outliers: mad), "
        f"definition {pipeline.definition('orders')}",
    ]
    assert "  buyer_orders: 6 features of buyer from orders over 1h, 24h, hop 5m" in lines
