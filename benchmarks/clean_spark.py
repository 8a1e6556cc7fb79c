"""The same cleaning as one would write it by hand for this one source, in plain Spark functions.

    python benchmarks/clean_spark.py RAW LAKE [MEMORY]

It cleans all of raw into new tables, once: it looks for nothing that is placed already, reads no pipeline file, and
says reasons without details. The document is a variant, since only that tells a number from the text of one, framed so
that what follows it is an error.
"""

from __future__ import annotations

import sys
from functools import reduce
from operator import or_

from clean_turn import open_spark, take_turn
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

COLUMNS = {
    "flight_id": "string",
    "carrier": "string",
    "flight": "bigint",
    "origin": "string",
    "dest": "string",
    "tailnum": "string",
    "scheduled_departure_at": "timestamp",
    "scheduled_arrival_at": "timestamp",
    "arrived_on_block_at": "timestamp",
    "arr_delay": "double",
    "air_time": "double",
}
REQUIRED = [name for name in COLUMNS if name not in ("tailnum", "air_time")]
PLACE = ["_topic_id", "_generation", "_partition", "_offset"]
ORDER = ["_generation", "_partition", "_offset"]
RECORD = ["arrived_at", "landed_at", "key", "value", "headers"]


def decoded(raw: DataFrame) -> DataFrame:
    """Raw rows with `doc`, the kind of each column as it was sent, and its value where that fits."""
    text = raw.select("*", F.expr("try_validate_utf8(cast(value as string))").alias("text"))
    framed = text.select("*", F.expr("try_parse_json(concat('[', text, ',', length(value), ']'))").alias("framed"))
    whole = F.expr("try_variant_get(framed, '$[1]', 'bigint') = length(value)")
    documents = framed.select("*", F.when(whole, F.expr("try_variant_get(framed, '$[0]', 'variant')")).alias("doc"))
    kinds = [F.expr(f"schema_of_variant(try_variant_get(doc, '$.{name}', 'variant'))") for name in COLUMNS]
    sent = documents.select(
        "*",
        F.expr("map_keys(try_variant_get(doc, '$', 'map<string,variant>'))").alias("fields"),
        *[kind.alias(f"{name}_kind") for name, kind in zip(COLUMNS, kinds, strict=True)],
    )
    return sent.select("*", *[value(name, kind).alias(name) for name, kind in COLUMNS.items()])


def value(name: str, wanted: str) -> Column:
    """The column's value, null where something else was sent."""
    kind = F.col(f"{name}_kind")
    if wanted == "timestamp":
        return F.when(kind == "STRING", F.expr(f"try_cast(try_variant_get(doc, '$.{name}', 'string') as timestamp)"))
    fits = {
        "string": kind == "STRING",
        "bigint": kind == "BIGINT",
        "double": kind.isin("BIGINT", "DOUBLE") | kind.startswith("DECIMAL"),
    }
    return F.when(fits[wanted], F.expr(f"try_variant_get(doc, '$.{name}', '{wanted}')"))


def reason() -> Column:
    """Why a record is no event; null where it is one."""
    absent = [F.col(f"{name}_kind").isNull() | (F.col(f"{name}_kind") == "VOID") for name in REQUIRED]
    wrong = [
        F.col(f"{name}_kind").isNotNull() & (F.col(f"{name}_kind") != "VOID") & F.col(name).isNull() for name in COLUMNS
    ]
    out = ~F.col("arr_delay").between(-200, 2000) | ~F.col("air_time").between(0, 1500)
    future = F.col("arrived_on_block_at") > F.col("arrived_at") + F.expr("interval 1 hour")
    return (
        F.when(F.col("value").isNull(), "tombstone")
        .when(F.col("text").isNull(), "invalid_utf8")
        .when(F.col("doc").isNull(), "invalid_json")
        .when(F.col("fields").isNull(), "not_an_object")
        .when(reduce(or_, absent), "missing_field")
        .when(reduce(or_, wrong), "wrong_type")
        .when(~F.col("origin").isin("EWR", "JFK", "LGA"), "not_allowed")
        .when(out, "out_of_range")
        .when(future, "in_the_future")
    )


def judged(raw: DataFrame) -> DataFrame:
    """Raw rows with their columns, clocks and reason; the record's bytes stay where there is one."""
    timed = decoded(raw.withColumn("arrived_at", F.coalesce("timestamp", "landed_at")))
    unknown = F.sort_array(F.array_except("fields", F.array(*map(F.lit, COLUMNS))))
    rows = timed.select(
        *PLACE,
        *COLUMNS,
        F.col("arrived_on_block_at").alias("event_at"),
        (F.col("arr_delay") >= 15).alias("late15"),
        F.coalesce(F.col("arrived_at") > F.col("arrived_on_block_at") + F.expr("interval 7 days"), F.lit(False)).alias(
            "_late"
        ),
        F.when(F.size(unknown) > 0, unknown).alias("_unknown_fields"),
        F.xxhash64("value").alias("_payload_hash"),
        reason().alias("reason"),
        *RECORD,
    )
    bytes_kept = [F.when(F.col("reason").isNotNull(), F.col(name)).alias(name) for name in ("key", "value", "headers")]
    return rows.select(*[name for name in rows.columns if name not in ("key", "value", "headers")], *bytes_kept)


def treated(events: DataFrame) -> DataFrame:
    """Events with odd values treated, what was sent beside them."""
    delay, air = F.col("arr_delay"), F.col("air_time")
    odd_delay = F.coalesce((delay < -30) | (delay > 300), F.lit(False))
    odd_air = F.coalesce((air < 25) | (air > 600), F.lit(False))
    clipped = F.when(delay < -30, F.lit(-30.0)).when(delay > 300, F.lit(300.0)).otherwise(delay)
    filled = F.coalesce(F.when(~odd_air, air), F.lit(0.0))
    untouched = [name for name in COLUMNS if name not in ("arr_delay", "air_time")]
    return events.select(
        *untouched,
        *["event_at", "arrived_at", *PLACE, "late15", "_late", "_unknown_fields", "_payload_hash"],
        clipped.alias("arr_delay"),
        filled.alias("air_time"),
        *[F.col(name).alias(f"{name}_original") for name in ("arr_delay", "air_time")],
        odd_delay.alias("arr_delay_outlier"),
        odd_air.alias("air_time_outlier"),
        *[F.col(name).isNull().alias(f"{name}_missing") for name in ("arr_delay", "air_time")],
    )


def clean(spark: SparkSession, raw: str, lake: str) -> None:
    """Cleans all of raw into three new tables."""
    rows = judged(spark.read.format("delta").load(raw)).persist()
    refused = rows.where("reason is not null")
    quarantine = refused.select(
        *PLACE, F.lit(1).alias("attempt"), F.lit("rejected").alias("outcome"), "reason", "event_at", *RECORD
    )
    append(quarantine, f"{lake}/quarantine")
    same_id = Window.partitionBy("flight_id").orderBy(*ORDER)
    first = F.first(F.struct(*PLACE, "_payload_hash")).over(same_id).alias("winner")
    ranked = rows.where("reason is null").select("*", F.row_number().over(same_id).alias("rank"), first)
    copies = ranked.where("rank > 1").select(
        *PLACE,
        *[F.col(f"winner.{name}").alias(f"winner{name}") for name in PLACE],
        (F.col("winner._payload_hash") == F.col("_payload_hash")).alias("same_bytes"),
        "arrived_at",
    )
    append(copies, f"{lake}/duplicates")
    append(treated(ranked.where("rank = 1")).sortWithinPartitions("flight_id", "event_at"), f"{lake}/clean")
    rows.unpersist()


def append(rows: DataFrame, table: str) -> None:
    """Adds rows to a Delta table, with the instant at which that was done."""
    rows.withColumn("_created_at", F.current_timestamp()).write.format("delta").mode("append").save(table)


def main() -> None:
    raw, lake, *memory = sys.argv[1:]
    spark, jvm = open_spark(raw, *memory)
    take_turn(lambda: clean(spark, raw, lake), [jvm])
    spark.stop()


if __name__ == "__main__":
    main()
