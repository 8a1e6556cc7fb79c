"""A plan on its way: fitted on the window from raw, stored as a version, chosen, and followed by what is cleaned."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from support.clean_shop import orders_tables
from support.delta_rows import read_rows
from support.plans import read_sorted
from support.raw_lake import Record, append_raw
from support.shop import ORDERS, order, shop, write_shop
from support.treatment_oracle import as_lists

from headrace.errors import UsageError
from headrace.jobs import clean_batch, clean_stream, fit_plan
from headrace.pinned_versions import read_pins, write_pin
from headrace.pipeline import Pipeline
from headrace.plans.columnar import treat_rows
from headrace.plans.stored import read_treatment, read_versions
from headrace.tables import plans_table

FITTED = {
    "event_at": "at",
    "fit": {"from": "2013-01-01", "to": "2013-02-01"},
    "clean": {
        "amount": {
            "outliers": {"method": "mad", "threshold": 5, "by": ["shop"], "action": "clip"},
            "missing": {"fill": "median", "by": ["shop"]},
        },
        "pieces": {"outliers": {"method": "quantile", "high": 0.99, "action": "quarantine"}},
        "gift": {"missing": {"fill": "mode"}},
    },
    "joint_outliers": {"basket": {"columns": ["amount", "pieces"], "threshold": 4, "action": "flag"}},
}
FEBRUARY = "2013-02-01T00:00:00Z"  # the first instant after the window
ARRIVED_US = 1_363_000_000_000_000


def january(number: int) -> bytes:
    """An ordinary order of January; every seventh lacks its amount, and the south sells dearer things."""
    shop, base = ("north", 10.0) if number % 2 else ("south", 30.0)
    amount = None if number % 7 == 0 else base + number % 5
    at = f"2013-01-{1 + number % 28:02}T10:00:00Z"
    return order(number, at=at, amount=amount, pieces=1 + number % 3, shop=shop)


def records(values: list[bytes]) -> list[Record]:
    return [Record(value, offset, arrived_at_us=ARRIVED_US) for offset, value in enumerate(values)]


LATER = [
    order(900, at=FEBRUARY, amount=9_000.0, shop="north"),  # clipped
    order(901, at=FEBRUARY, amount=9_000.0, pieces=500),  # quarantined
    order(902, at=FEBRUARY, amount=None, pieces=2, gift=None),  # filled
    order(903, at=FEBRUARY, amount=9_000.0, shop=None),  # by the bounds of all rows
]
WINDOW = [january(number) for number in range(120)]
NOT_FITTED = [
    january(3),  # a copy
    b"{",
    order(500, at="2012-12-31T23:59:59.999999Z", amount=8_000.0),  # before the window
]


def run(entry, lake: Path, file: Path, *options: str, capsys) -> dict:
    assert entry.main([f"--pipeline={file}", f"--lake={lake}", "--json-lines", *options]) in (0, 1, 2)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return lines[-1]


@pytest.fixture
def signals():
    """Gives back the handlers of signals, which a stream takes."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return shop(**FITTED)


@pytest.fixture(scope="module")
def landed(tmp_path_factory) -> tuple[Path, Path]:
    """A lake with the orders of a window and some after it, and the pipeline file; only to be read."""
    lake = tmp_path_factory.mktemp("landed")
    append_raw(lake, "orders", records([*WINDOW, *NOT_FITTED, *LATER]))
    return lake, write_shop(lake / "shop.yaml", **FITTED)


@pytest.fixture(scope="module")
def fitted(spark: SparkSession, landed):
    """The same lake with its first plan."""
    lake, file = landed
    assert fit_plan.main([f"--pipeline={file}", f"--lake={lake}"]) == 0
    return lake, file


def test_a_plan_is_a_row_that_says_what_it_was_made_from(fitted, pipeline):
    (version,) = read_versions(fitted[0], "shop", "orders")
    assert (version.version, version.definition) == (1, pipeline.definition("orders"))
    assert (version.from_us, version.to_us) == (1_356_998_400_000_000, 1_359_676_800_000_000)
    assert version.inputs == {"raw/orders": 0}
    assert version.plan.rows == 120  # neither the copy, nor what is rejected, nor what lies outside
    assert version.plan.statistics["amount"].nulls == 18
    assert version.plan.columns["amount"].outliers.bounds.groups[0].key == ("north",)


def test_one_run_fits_several_sources_and_each_keeps_its_plan(spark: SparkSession, tmp_path: Path):
    fitted = {"fit": FITTED["fit"], "clean": {"pieces": {"missing": {"fill": "median"}}}}
    sources = {name: {**ORDERS, **fitted, "topic": name} for name in ("orders", "returns")}
    file = tmp_path / "shop.yaml"
    file.write_text(json.dumps({"pipeline": "shop", "sources": sources}))
    for name in sources:
        append_raw(tmp_path, name, records(WINDOW[:20]))
    for versions in ([1], [1, 2]):
        assert fit_plan.main([f"--pipeline={file}", f"--lake={tmp_path}"]) == 0
        stored = {name: sorted(found.version for found in read_versions(tmp_path, "shop", name)) for name in sources}
        assert stored == {"orders": versions, "returns": versions}


@pytest.fixture(scope="module")
def cleaned(spark: SparkSession, fitted):
    assert clean_batch.main([f"--pipeline={fitted[1]}", f"--lake={fitted[0]}"]) == 0
    return orders_tables(fitted[0], **FITTED)


def test_a_clean_row_is_treated_by_the_plan_and_names_it(cleaned):
    rows = {row["id"]: row for row in read_rows(cleaned.clean)}
    assert {row["_plan"] for row in rows.values()} == {1}
    bound = rows["order-900"]["amount"]
    assert 14.0 < bound < 40.0
    assert rows["order-900"]["amount_outlier"]
    assert rows["order-900"]["amount_original"] == 9_000.0
    filled = rows["order-902"]
    assert (filled["amount"], filled["amount_missing"]) == (12.0, True)
    assert (filled["gift"], filled["gift_missing"]) == (False, True)
    assert rows["order-903"]["amount"] != bound


def test_a_row_that_a_rule_refuses_is_quarantined_as_an_outlier_with_value_and_plan(cleaned):
    rejected = {row["reason"]: row for row in read_rows(cleaned.quarantine)}
    assert sorted(rejected) == ["invalid_json", "outlier"]
    assert rejected["outlier"]["detail"] == "column 'pieces': found 500, an outlier by plan 1"
    assert b"order-901" in rejected["outlier"]["value"]


def test_a_stream_and_rows_in_memory_give_the_values_of_the_batch(spark, signals, fitted, cleaned, pipeline, tmp_path):
    lake, file = fitted
    streamed = tmp_path / "lake"
    append_raw(streamed, "orders", records([*WINDOW, *NOT_FITTED, *LATER]))
    shutil.copytree(plans_table(lake, "shop").path, plans_table(streamed, "shop").path)
    assert clean_stream.main([f"--pipeline={file}", f"--lake={streamed}", "--until-end"]) == 0
    names = [*pipeline.sources["orders"].clean_columns(), "_plan"]
    batch = as_lists(table_of(cleaned.clean, names))
    assert as_lists(table_of(orders_tables(streamed, **FITTED).clean, names)) == batch
    assert as_lists(treated_in_memory(lake, pipeline, cleaned.clean, names)) == batch


def table_of(path: Path, names: list[str]) -> pa.Table:
    return read_sorted(path, names, ["id"])


def treated_in_memory(lake: Path, pipeline: Pipeline, clean: Path, names: list[str]) -> pa.Table:
    """The rows of a clean table as they were sent, treated by the NumPy face."""
    source = pipeline.sources["orders"]
    sent = {name: f"{name}_original" if name in source.treated() else name for name in source.row_columns()}
    table = table_of(clean, ["id", *[column for column in sent.values() if column != "id"]])
    rows = pa.table({name: table[column] for name, column in sent.items()})
    return treat_rows(rows, read_treatment(pipeline, "orders", lake)).select(names)


def test_nothing_outside_the_window_influences_the_plan(spark: SparkSession, fitted, tmp_path):
    other = [order(700 + number, at=FEBRUARY, amount=1.0, shop="north", pieces=9) for number in range(50)]
    append_raw(tmp_path, "orders", records([*WINDOW, *NOT_FITTED, *other]))
    assert fit_plan.main([f"--pipeline={fitted[1]}", f"--lake={tmp_path}"]) == 0
    bodies = [read_rows(plans_table(lake, "shop").path, "body")[0]["body"] for lake in (fitted[0], tmp_path)]
    assert bodies[0] == bodies[1]


def test_without_a_plan_cleaning_stops_before_spark_and_names_rule_and_command(landed, tmp_path, capsys):
    append_raw(tmp_path, "orders", records(WINDOW[:1]))
    said = run(clean_batch, tmp_path, landed[1], capsys=capsys)
    assert said["message"] == (
        "source 'orders', column 'amount': the rule 'outliers: mad' must be fitted, and there is no fitted plan. "
        "Fit one first: headrace fit -p FILE orders"
    )


def test_a_plan_for_other_rules_is_not_taken_and_the_rule_is_named(spark: SparkSession, fitted, tmp_path, capsys):
    changed = json.loads(json.dumps(FITTED))
    changed["clean"]["amount"]["outliers"]["threshold"] = 6
    said = run(clean_batch, fitted[0], write_shop(tmp_path / "other.yaml", **changed), capsys=capsys)
    assert said["message"] == (
        "source 'orders': plan 1 was not fitted for the rule that the pipeline file now gives at "
        "clean.amount.outliers. Fit again: headrace fit -p FILE orders"
    )


def test_a_source_without_fitted_rules_is_not_fitted(landed, tmp_path, capsys):
    file = write_shop(tmp_path / "plain.yaml")
    assert run(fit_plan, landed[0], file, "--source=orders", capsys=capsys)["message"].startswith(
        "source 'orders' has no rule that must be fitted"
    )


def test_the_newest_plan_holds_until_one_is_pinned(spark: SparkSession, fitted, pipeline, tmp_path):
    lake = tmp_path / "lake"
    append_raw(lake, "orders", records([*WINDOW, *LATER]))
    arguments = [f"--pipeline={fitted[1]}", f"--lake={lake}"]
    assert [fit_plan.main(arguments), fit_plan.main(arguments)] == [0, 0]
    places = plans_table(lake, "shop")
    assert read_treatment(pipeline, "orders", lake).plan == 2
    write_pin(places.pinned, "orders", 1)
    assert read_treatment(pipeline, "orders", lake).plan == 1
    assert clean_batch.main(arguments) == 0
    assert {row["_plan"] for row in read_rows(orders_tables(lake, **FITTED).clean)} == {1}
    write_pin(places.pinned, "orders", 3)
    with pytest.raises(UsageError, match=r"plan 3 is pinned, and there is no such plan; there are: 1, 2"):
        read_treatment(pipeline, "orders", lake)
    write_pin(places.pinned, "orders", None)
    assert read_pins(places.pinned) == {}
    assert read_treatment(pipeline, "orders", lake).plan == 2


def test_fixed_bounds_refuse_a_row_without_a_plan(spark: SparkSession, tmp_path):
    bounds = {"clean": {"amount": {"outliers": {"method": "bounds", "high": 50, "action": "quarantine"}}}}
    append_raw(tmp_path, "orders", records([order(1), order(2, amount=51.0)]))
    assert clean_batch.main([f"--pipeline={write_shop(tmp_path / 's.yaml', **bounds)}", f"--lake={tmp_path}"]) == 0
    (rejected,) = read_rows(orders_tables(tmp_path, **bounds).quarantine)
    assert (rejected["reason"], rejected["detail"]) == ("outlier", "column 'amount': found 51.0, an outlier")
    assert shop(**bounds).sources["orders"].fitted_rules() == {}
