"""The same cleaning by polars, with deltalake for the tables: python benchmarks/clean_polars.py RAW LAKE.

polars has no decoder that tells a number from the text of one, so orjson reads the documents; all else is polars.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl
from clean_turn import take_turn
from deltalake import DeltaTable

TEXTS = ("flight_id", "carrier", "origin", "dest", "tailnum")
TIMES = ("scheduled_departure_at", "scheduled_arrival_at", "arrived_on_block_at")
NUMBERS = ("arr_delay", "air_time")
COLUMNS = ("flight_id", "carrier", "flight", "origin", "dest", "tailnum", *TIMES, *NUMBERS)
REQUIRED = tuple(name for name in COLUMNS if name not in ("tailnum", "air_time"))
DECLARED = frozenset(COLUMNS)
KINDS: dict[str, tuple[type, ...]] = dict.fromkeys((*TEXTS, *TIMES), (str,)) | {"flight": (int,)}
KINDS |= dict.fromkeys(NUMBERS, (int, float))
TYPES = dict.fromkeys((*TEXTS, *TIMES), pl.String) | {"flight": pl.Int64} | dict.fromkeys(NUMBERS, pl.Float64)
PLACE = ["_topic_id", "_generation", "_partition", "_offset"]
ORDER = ["_generation", "_partition", "_offset"]


def documents(values: Iterable[bytes | None]) -> tuple[list[dict[str, Any]], list[str | None]]:
    """The document of each value, empty where there is none, and why there is none."""
    found: list[dict[str, Any]] = []
    reasons: list[str | None] = []
    for value in values:
        document, reason = read(value)
        found.append(document)
        reasons.append(reason)
    return found, reasons


def read(value: bytes | None) -> tuple[dict[str, Any], str | None]:
    """One document, or an empty one and why."""
    if value is None:
        return {}, "tombstone"
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        return {}, "invalid_json" if is_text(value) else "invalid_utf8"
    if not isinstance(document, dict):
        return {}, "not_an_object"
    # As many names as colons after texts: else a name may be repeated, or a text has such a colon in it.
    if value.count(b'":') != len(document) and repeats_a_name(value):
        return {}, "invalid_json"
    return document, None


def is_text(value: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def repeats_a_name(value: bytes) -> bool:
    """Whether an object of the document has a name twice."""
    repeated = []

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        repeated.append(len(found) < len(pairs))
        return found

    json.loads(value, object_pairs_hook=look)
    return any(repeated)


def decoded(raw: pl.DataFrame) -> pl.DataFrame:
    """Raw rows with their columns, null where something else was sent, and `reason` up to `wrong_type`."""
    found, reasons = documents(raw["value"])
    missing = [any(document.get(name) is None for name in REQUIRED) for document in found]
    columns, wrong = [], [pl.col("reason").is_null() & pl.lit(False)]
    for name in COLUMNS:
        column, odd = typed(name, [document.get(name) for document in found])
        columns.append(column)
        wrong.append(odd)
    unknown = [None if document.keys() <= DECLARED else sorted(document.keys() - DECLARED) for document in found]
    rows = raw.with_columns(
        pl.Series("reason", reasons, pl.String),
        pl.Series("missing", missing, pl.Boolean),
        pl.Series("_unknown_fields", unknown, pl.List(pl.String)),
        *columns,
    )
    sent = {name: pl.col(name).is_not_null() for name in TIMES}
    rows = rows.with_columns(
        pl.col(TIMES)
        .str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", strict=False, time_zone="UTC")
        .name.prefix("at_")
    )
    no_time = [sent[name] & pl.col(f"at_{name}").is_null() for name in TIMES]
    refused = pl.when(pl.col("missing")).then(pl.lit("missing_field"))
    refused = refused.when(pl.any_horizontal(*wrong, *no_time)).then(pl.lit("wrong_type"))
    rows = rows.with_columns(pl.coalesce("reason", refused).alias("reason"))
    return rows.with_columns(pl.col(f"at_{name}").alias(name) for name in TIMES)


def typed(name: str, values: list[Any]) -> tuple[pl.Series, pl.Series]:
    """The column, null where another kind was sent, and where that is."""
    kinds = KINDS[name]
    odd = [number for number, value in enumerate(values) if value is not None and type(value) not in kinds]
    for number in odd:
        values[number] = None
    marks = [False] * len(values)
    for number in odd:
        marks[number] = True
    return pl.Series(name, values, TYPES[name], strict=False), pl.Series(marks, dtype=pl.Boolean)


def judged(raw: pl.DataFrame) -> pl.DataFrame:
    """Raw rows with their columns, clocks and reason."""
    at, arrived = pl.col("arrived_on_block_at"), pl.col("arrived_at")
    out = ~pl.col("arr_delay").is_between(-200, 2000) | ~pl.col("air_time").is_between(0, 1500)
    refused = pl.when(~pl.col("origin").is_in(["EWR", "JFK", "LGA"])).then(pl.lit("not_allowed"))
    refused = refused.when(out).then(pl.lit("out_of_range"))
    refused = refused.when(at > arrived + pl.duration(hours=1)).then(pl.lit("in_the_future"))
    rows = decoded(raw.with_columns(pl.coalesce("timestamp", "landed_at").alias("arrived_at")))
    return rows.with_columns(
        pl.coalesce("reason", refused).alias("reason"),
        at.alias("event_at"),
        (pl.col("arr_delay") >= 15).alias("late15"),
        (arrived > at + pl.duration(days=7)).fill_null(value=False).alias("_late"),
    )


def copies(events: pl.DataFrame) -> pl.DataFrame:
    """The copies among events, with their winners."""
    first = events.sort(ORDER).unique("flight_id", keep="first", maintain_order=True)
    winner = first.select(
        "flight_id", *[pl.col(name).alias(f"winner{name}") for name in PLACE], pl.col("value").alias("first")
    )
    several = events.filter(pl.col("flight_id").is_duplicated())
    pairs = several.join(winner, on="flight_id").filter(
        pl.any_horizontal(pl.col(name) != pl.col(f"winner{name}") for name in ORDER)
    )
    return pairs.select(
        *PLACE,
        *[f"winner{name}" for name in PLACE],
        (pl.col("value") == pl.col("first")).alias("same_bytes"),
        "arrived_at",
    )


def treated(events: pl.DataFrame) -> pl.DataFrame:
    """Events with odd values treated, what was sent beside them."""
    delay, air = pl.col("arr_delay"), pl.col("air_time")
    odd = {"arr_delay": (delay < -30) | (delay > 300), "air_time": (air < 25) | (air > 600)}
    odd = {name: condition.fill_null(value=False) for name, condition in odd.items()}
    return events.select(
        *[name for name in COLUMNS if name not in NUMBERS],
        *["event_at", "arrived_at", *PLACE, "late15", "_late", "_unknown_fields"],
        delay.clip(-30, 300),
        pl.when(odd["air_time"]).then(0.0).otherwise(air.fill_null(0.0)).alias("air_time"),
        *[pl.col(name).alias(f"{name}_original") for name in NUMBERS],
        *[condition.alias(f"{name}_outlier") for name, condition in odd.items()],
        *[pl.col(name).is_null().alias(f"{name}_missing") for name in NUMBERS],
    ).sort("flight_id", "event_at")


def clean(raw: str, lake: str) -> None:
    """Cleans all of raw into three new tables."""
    rows = judged(pl.read_parquet(DeltaTable(raw).file_uris()))
    refused = rows.filter(pl.col("reason").is_not_null())
    attempt = [pl.lit(1, pl.Int32).alias("attempt"), pl.lit("rejected").alias("outcome")]
    record = ["reason", "event_at", "arrived_at", "landed_at", "key", "value", "headers"]
    write(refused.select(*PLACE, *attempt, *record), f"{lake}/quarantine")
    events = rows.filter(pl.col("reason").is_null())
    placed = copies(events)
    write(placed, f"{lake}/duplicates")
    write(treated(events.join(placed, on=ORDER, how="anti")), f"{lake}/clean")


def write(rows: pl.DataFrame, table: str) -> None:
    """Adds rows to a Delta table, with the instant at which that was done."""
    rows.with_columns(pl.lit(datetime.now(UTC)).alias("_created_at")).write_delta(table, mode="append")


def main() -> None:
    raw, lake = sys.argv[1:]
    take_turn(lambda: clean(raw, lake))


if __name__ == "__main__":
    main()
