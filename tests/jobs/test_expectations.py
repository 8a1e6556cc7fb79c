"""Expectations: what is found, against a loop; and what is refused, told, held, released and dropped."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Sequence
from typing import Any

import pytest
from pyspark.sql import functions as F
from support.clean_shop import cleaner, orders_tables
from support.delta_rows import read_rows
from support.raw_lake import Record, append_raw
from support.shop import ORDERS, order, orders, shop

from headrace.errors import Held, PipelineError, UsageError
from headrace.holds import read_hold, release_hold
from headrace.jobs import clean_batch, clean_stream, drop_held
from headrace.jobs.expectations import Outcome, measure
from headrace.tables import source_tables

SEED = 20_131_001
HALF_OK = {"check": "between", "column": "pieces", "high": 5, "severity": "hold", "at_least": 0.5}

EVERY_CHECK = {
    "known": {"check": "not_null", "column": "shop", "severity": "warn", "at_least": 0.7},
    "small": {"check": "between", "column": "amount", "low": 1, "high": 9, "severity": "hold"},
    "listed": {"check": "one_of", "column": "shop", "values": ["north"], "severity": "warn"},
    "named": {"check": "matches", "column": "shop", "pattern": "n.*h", "severity": "warn"},
    "paid": {"check": "holds", "condition": "amount > pieces or gift", "severity": "warn"},
    "apart": {"check": "unique", "columns": ["shop", "pieces"], "severity": "warn", "at_least": 0.05},
    "many": {"check": "rows", "least": 300, "most": 301, "severity": "warn"},
    "young": {"check": "fresh", "within": "2h", "severity": "warn"},
    "good": {"check": "rejected", "most": 0.25, "severity": "hold"},
}


def land(lake, first: int, *changes: dict[str, Any]) -> None:
    """Lands one order for each of `changes`, at offsets from `first` on."""
    append_raw(lake, "orders", [Record(order(first + n, **each), first + n) for n, each in enumerate(changes)])


def outcomes_of(lake, **changes: Any) -> list[tuple[str, str, float | None, int]]:
    rows = read_rows(orders_tables(lake, **changes).checks)
    ordered = sorted(rows, key=lambda row: (row["_created_at"], row["expectation"]))
    return [(row["expectation"], row["outcome"], row["found"], row["records"]) for row in ordered]


class TestFound:
    """Every check at once, over random rows, against a loop in Python."""

    def drawn(self) -> list[tuple[Any, ...]]:
        draw = random.Random(SEED)
        some = draw.choice
        return [
            (
                f"order-{draw.randrange(250)}",
                some([None, "north", "south", "northern", "n\nh"]),
                some([None, 0.5, 1.0, 5.0, 9.0, 9.5]),
                some([None, 1, 2, 7]),
                some([None, True, False]),
                1_357_000_000_000_000 + draw.randrange(10**10),
                some([None, None, None, "late"]),
            )
            for _ in range(300)
        ]

    def test_all_that_is_found_is_what_a_loop_finds(self, spark):
        rows = self.drawn()
        kinds = "id string, shop string, amount double, pieces bigint, gift boolean, at_us bigint, reason string"
        frame = spark.createDataFrame(rows, kinds)
        clocks = {"event_at": F.timestamp_micros("at_us"), "arrived_at": F.timestamp_micros(F.col("at_us") + 5_000)}
        found = measure(frame.withColumns(clocks), orders(expect=EVERY_CHECK), F.col("reason").isNotNull())
        events = [row for row in rows if row[6] is None]
        newest_us, arrived_us = max(row[5] for row in events), max(row[5] for row in rows) + 5_000

        def share(good: Sequence[bool]) -> float:
            return sum(good) / len(good)

        def paid(amount: float | None, pieces: int | None, gift: bool | None) -> bool:
            more = None if amount is None or pieces is None else amount > pieces
            return True if more or gift else (more is None or gift is None)

        expected = {
            "known": share([row[1] is not None for row in events]),
            "small": share([row[2] is None or 1 <= row[2] <= 9 for row in events]),
            "listed": share([row[1] in (None, "north") for row in events]),
            "named": share([row[1] in (None, "north") for row in events]),
            "paid": share([paid(*row[2:5]) for row in events]),
            "apart": len({(row[1], row[3]) for row in events}) / len({row[0] for row in events}),
            "many": 300.0,
            "young": (arrived_us - newest_us) / 1e6,
            "good": share([row[6] is not None for row in rows]),
        }
        assert found.records == 300
        assert {each.expectation: each.found for each in found.outcomes} == pytest.approx(expected, rel=1e-12)
        passed = {each.expectation: each.passed for each in found.outcomes}
        assert passed == {
            "known": expected["known"] >= 0.7,
            "small": False,
            "listed": False,
            "named": False,
            "paid": expected["paid"] == 1,
            "apart": expected["apart"] >= 0.05,
            "many": True,
            "young": expected["young"] <= 7_200,
            "good": expected["good"] <= 0.25,
        }

    def test_where_no_event_is_left_shares_are_unknown_and_nothing_fails_but_what_counts_records(self, spark):
        frame = spark.createDataFrame([], "shop string").select(
            "shop", *[F.lit(None).cast(kind).alias(name) for name, kind in self.columns().items()]
        )
        found = measure(frame, orders(expect=EVERY_CHECK), F.lit(False))
        assert found.records == 0
        assert {each.expectation for each in found.outcomes if not each.passed} == {"many"}

    def columns(self) -> dict[str, str]:
        kinds = {"id": "string", "amount": "double", "pieces": "bigint", "gift": "boolean"}
        return kinds | {"event_at": "timestamp", "arrived_at": "timestamp"}


class TestRows:
    """`severity: quarantine` refuses the rows that fail."""

    def test_a_row_that_fails_is_refused_with_the_name_of_what_it_was_expected_to_be(self, spark, tmp_path):
        expect = {"few": {"check": "between", "column": "pieces", "high": 5, "severity": "quarantine"}}
        land(tmp_path, 0, {}, {"pieces": 6}, {"pieces": None})
        counts = cleaner(spark, tmp_path, expect=expect).clean_all()
        assert (counts.clean, counts.reasons) == (2, {"expectation": 1})
        (refused,) = read_rows(orders_tables(tmp_path, expect=expect).quarantine)
        assert (refused["reason"], refused["detail"]) == ("expectation", "expectation 'few': column 'pieces'")
        assert json.loads(refused["value"])["pieces"] == 6

    def test_expectations_are_no_part_of_the_definition(self):
        expect = {"few": {"check": "between", "column": "pieces", "high": 5, "severity": "quarantine"}}
        assert shop(expect=expect).definition("orders") == shop().definition("orders")


class TestHolds:
    """`severity: hold` stops a source before anything is written, until somebody decides."""

    def test_a_warning_is_told_and_written_down_and_everything_is_placed(self, spark, tmp_path):
        expect = {"few": HALF_OK | {"severity": "warn"}}
        said: list[str] = []
        land(tmp_path, 0, {"pieces": 6}, {"pieces": 7}, {})
        run = cleaner(spark, tmp_path, expect=expect, warn=said.append)
        assert run.clean_all().clean == 3
        assert said == ["orders: few: found 0.3333, expected at least 0.5"]
        assert outcomes_of(tmp_path, expect=expect) == [("few", "warned", pytest.approx(1 / 3), 3)]

    def test_what_is_held_waits_until_it_is_released_and_later_records_are_judged_by_themselves(self, spark, tmp_path):
        expect = {"few": HALF_OK}
        tables = orders_tables(tmp_path, expect=expect)
        land(tmp_path, 0, {})
        assert cleaner(spark, tmp_path, expect=expect, run="first").clean_all().clean == 1
        land(tmp_path, 1, {"pieces": 6}, {"pieces": 7}, {"amount": "much"})
        with pytest.raises(Held, match=r"'orders' is held since .*: few: found 0, expected at least 0.5.* 3 records"):
            cleaner(spark, tmp_path, expect=expect, run="second").clean_all()
        land(tmp_path, 4, {}, {}, {})
        with pytest.raises(Held, match="3 records"):
            cleaner(spark, tmp_path, expect=expect, run="third").clean_all()
        assert [len(read_rows(path)) for path in (tables.clean, tables.quarantine)] == [1, 0]
        release_hold(tables.hold, "orders")
        counts = cleaner(spark, tmp_path, expect=expect, run="fourth").clean_all()
        assert (counts.clean, counts.reasons) == (5, {"wrong_type": 1})
        assert read_hold(tables.hold) is None
        assert [outcome[1:] for outcome in outcomes_of(tmp_path, expect=expect)] == [
            ("passed", 1.0, 1),
            ("held", 0.0, 3),
            ("released", 0.0, 3),
            ("passed", 1.0, 3),
        ]
        with pytest.raises(UsageError, match="nothing of source 'orders' is held"):
            release_hold(tables.hold, "orders")

    def test_what_is_dropped_is_quarantined_by_hand_and_the_books_balance(self, spark, tmp_path):
        expect = {"few": HALF_OK}
        tables = orders_tables(tmp_path, expect=expect)
        land(tmp_path, 0, {"pieces": 6}, {"amount": "much"}, {"pieces": 7})
        with pytest.raises(Held):
            cleaner(spark, tmp_path, expect=expect).clean_all()
        counts = cleaner(spark, tmp_path, expect=expect, run="drop").drop_held()
        assert counts.reasons == {"dropped_by_hand": 2, "wrong_type": 1}
        dropped = [row for row in read_rows(tables.quarantine) if row["reason"] == "dropped_by_hand"]
        assert {json.loads(row["value"])["pieces"] for row in dropped} == {6, 7}
        assert {row["detail"] for row in dropped} == {"few: found 0, expected at least 0.5"}
        with pytest.raises(UsageError, match="nothing of source 'orders' is held"):
            cleaner(spark, tmp_path, expect=expect, run="again").drop_held()
        assert cleaner(spark, tmp_path, expect=expect, run="after").clean_all().rows == 0

    def test_a_run_that_dies_after_what_was_released_is_placed_places_nothing_twice(self, spark, tmp_path):
        expect = {"few": HALF_OK}
        tables = orders_tables(tmp_path, expect=expect)
        land(tmp_path, 0, {"pieces": 6})
        with pytest.raises(Held):
            cleaner(spark, tmp_path, expect=expect).clean_all()
        hold = release_hold(tables.hold, "orders")
        assert cleaner(spark, tmp_path, expect=expect, run="second").clean_all().clean == 1
        tables.hold.write_text(
            json.dumps({"last": [["topic-0", 0, 0]], "rows": 1, "failures": [], "since_us": 0, "released": True})
        )
        assert hold.last == {("topic-0", 0): 0}
        assert cleaner(spark, tmp_path, expect=expect, run="third").clean_all().rows == 0
        assert len(read_rows(tables.clean)) == 1


def test_batch_and_stream_end_with_3_where_a_source_is_held_and_the_other_sources_are_cleaned(spark, tmp_path):
    held = ORDERS | {"expect": {"few": HALF_OK}}
    file = tmp_path / "shop.yaml"
    file.write_text(
        json.dumps({"pipeline": "shop", "sources": {"orders": held, "returns": ORDERS | {"topic": "returns"}}})
    )
    land(tmp_path, 0, {"pieces": 6})
    append_raw(tmp_path, "returns", [Record(order(0), 0)])
    options = [f"--pipeline={file}", f"--lake={tmp_path}"]
    assert clean_batch.main(options) == 3
    returned = source_tables(tmp_path, "shop", "returns", shop().definition("orders"))
    assert len(read_rows(returned.clean)) == 1
    append_raw(tmp_path, "returns", [Record(order(1), 1)])
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    assert clean_stream.main([*options, "--until-end"]) == 3
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert len(read_rows(returned.clean)) == 2
    assert drop_held.main(options) == 2
    assert drop_held.main([*options, "--source=orders"]) == 0
    assert clean_batch.main(options) == 0
    assert [row["reason"] for row in read_rows(orders_tables(tmp_path).quarantine)] == ["dropped_by_hand"]


def test_an_outcome_that_cannot_be_known_is_shown_in_words():
    outcome = Outcome("x", "between", "hold", None, "all", passed=True)
    assert str(outcome.failure()) == "x: found nothing, expected all"


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"check": "betwen", "severity": "warn"}, "there is no check 'betwen'. Did you mean: between"),
        ({"check": "between", "column": "pices", "low": 1, "severity": "warn"}, "there is no column 'pices'"),
        ({"check": "between", "column": "pieces", "severity": "warn"}, "both bounds are open"),
        ({"check": "between", "column": "shop", "low": 1, "severity": "warn"}, "'between' is for numbers"),
        ({"check": "matches", "column": "shop", "pattern": "(", "severity": "warn"}, "no regular expression"),
        ({"check": "one_of", "column": "pieces", "values": ["a"], "severity": "warn"}, "values"),
        ({"check": "rows", "severity": "hold"}, "both bounds are open"),
        ({"check": "rows", "least": 2, "most": 1, "severity": "hold"}, "the least 2 is above the most 1"),
        ({"check": "unique", "columns": ["x"], "severity": "hold"}, "there is no column 'x'"),
        ({"check": "unique", "columns": ["id"], "severity": "quarantine"}, "'quarantine' is not legal"),
        ({"check": "holds", "condition": "pieces +", "severity": "warn"}, "condition"),
        (
            {"check": "not_null", "column": "shop", "severity": "quarantine", "at_least": 0.5},
            "a share has no meaning for 'quarantine'",
        ),
    ],
)
def test_a_wrong_expectation_is_an_error_of_the_file(expected, said):
    with pytest.raises(PipelineError) as raised:
        shop(expect={"named": expected})
    assert said in str(raised.value)
    assert "expect.named" in str(raised.value)
