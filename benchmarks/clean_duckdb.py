"""The same cleaning by DuckDB, in SQL, with deltalake for the tables: python benchmarks/clean_duckdb.py RAW LAKE.

DuckDB's own extension for Delta is fetched from the network at run time, so it is handed the files of raw, and
deltalake writes what it streams. A document is parsed once for its kinds, once for its values and once for its names.
Without the extension for time zones, which is fetched likewise, instants are times in UTC.
"""

from __future__ import annotations

import sys

import duckdb
import pyarrow as pa
from clean_turn import CORES, take_turn
from deltalake import DeltaTable, write_deltalake

TEXTS = ("flight_id", "carrier", "origin", "dest", "tailnum")
TIMES = ("scheduled_departure_at", "scheduled_arrival_at", "arrived_on_block_at")
NUMBERS = ("arr_delay", "air_time")
COLUMNS = ("flight_id", "carrier", "flight", "origin", "dest", "tailnum", *TIMES, *NUMBERS)
REQUIRED = tuple(name for name in COLUMNS if name not in ("tailnum", "air_time"))
PLACE = "_topic_id, _generation, _partition, _offset"
ROWS_A_BATCH = 100_000
NUMBER_KINDS = "('UBIGINT', 'BIGINT', 'DOUBLE')"
NO_NUMBERS = "('NaN', 'Infinity', '-Infinity')"  # are valid JSON to DuckDB
ISO = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?"


def value(name: str) -> str:
    """In SQL, the column's value, null where something else was sent."""
    text, kind = text_of(name), f"kind_{name}"
    if name in TEXTS:
        return f"case when {kind} = 'VARCHAR' then {text} end"
    if name in TIMES:
        is_time = f"{kind} = 'VARCHAR' and regexp_full_match({text}, '{ISO}')"
        return f"case when {is_time} then try_cast({text} as timestamp) end"
    if name == "flight":
        return f"case when {kind} in ('UBIGINT', 'BIGINT') then try_cast({text} as bigint) end"
    return f"case when {kind} in {NUMBER_KINDS} then try_cast({text} as double) end"


def text_of(name: str) -> str:
    """In SQL, the text of the column's value."""
    return f"texts[{COLUMNS.index(name) + 1}]"


def judged() -> str:
    """In SQL, raw rows with their columns, clocks and reason; the record's bytes stay where there is one."""
    paths = "[" + ", ".join(f"'$.{name}'" for name in COLUMNS) + "]"
    kinds = ", ".join(f"kinds[{number}] as kind_{name}" for number, name in enumerate(COLUMNS, 1))
    values = ", ".join(f"{value(name)} as {name}" for name in COLUMNS)
    absent = " or ".join(f"coalesce(kind_{name}, 'NULL') = 'NULL'" for name in REQUIRED)
    wrong = " or ".join(f"(coalesce(kind_{name}, 'NULL') <> 'NULL' and {name} is null)" for name in COLUMNS)
    no_number = " or ".join(f"(kind_{name} = 'DOUBLE' and {text_of(name)} in {NO_NUMBERS})" for name in COLUMNS)
    return f"""
        with told as (
            select * replace (landed_at::timestamp as landed_at),
                coalesce("timestamp", landed_at)::timestamp as arrived_at,
                try(decode(value)) as text
            from raw
        ), documents as (
            select *, case when json_valid(text) then text end as doc from told
        ), parts as (
            select *, json_type(doc) as kind, case when json_type(doc) = 'OBJECT' then json_keys(doc) end as names,
                json_type(doc, {paths}) as kinds, json_extract_string(doc, {paths}) as texts
            from documents
        ), kinds as (
            select *, {kinds}, len(names) <> len(list_distinct(names)) as repeated from parts
        ), columns as (
            select *, {values} from kinds
        ), reasons as (
            select *, arrived_on_block_at as event_at, arr_delay >= 15 as late15,
                coalesce(arrived_at > arrived_on_block_at + interval 7 days, false) as _late,
                list_sort(list_filter(names, lambda name: not list_contains({list(COLUMNS)}, name))) as unknown,
                case when value is null then 'tombstone' when text is null then 'invalid_utf8'
                    when doc is null or repeated or {no_number} then 'invalid_json'
                    when kind <> 'OBJECT' then 'not_an_object'
                    when {absent} then 'missing_field' when {wrong} then 'wrong_type'
                    when origin not in ('EWR', 'JFK', 'LGA') then 'not_allowed'
                    when arr_delay not between -200 and 2000 or air_time not between 0 and 1500 then 'out_of_range'
                    when arrived_on_block_at > arrived_at + interval 1 hour then 'in_the_future' end as reason
            from columns
        )
        select {PLACE}, {", ".join(COLUMNS)}, late15, _late, reason, arrived_at, landed_at, headers,
            case when reason is distinct from 'invalid_json' then event_at end as event_at,
            case when len(unknown) > 0 then unknown end as _unknown_fields, md5_number_lower(value::varchar) as hash,
            case when reason is not null then "key" end as "key", case when reason is not null then value end as value
        from reasons
    """


def clean(raw: str, lake: str) -> None:
    """Cleans all of raw into three new tables."""
    connection = duckdb.connect(config={"threads": CORES})
    connection.read_parquet(DeltaTable(raw).file_uris()).create_view("raw")
    connection.execute(f"create table judged as {judged()}")
    connection.execute(f"create table copies as {copies()}")
    write(connection, quarantine(), f"{lake}/quarantine")
    write(connection, "from copies", f"{lake}/duplicates")
    write(connection, treated(), f"{lake}/clean")


def quarantine() -> str:
    """In SQL, what was refused."""
    return f"""
        select {PLACE}, 1::integer as attempt, 'rejected' as outcome, reason, event_at, arrived_at, landed_at,
            "key", value, headers
        from judged where reason is not null"""


def copies() -> str:
    """In SQL, the copies of events with their winners."""
    winner = ", ".join(f"winner.{name} as winner{name}" for name in PLACE.split(", "))
    return f"""
        with firsts as (
            select flight_id,
                min_by(struct_pack({PLACE}, hash), struct_pack(_generation, _partition, _offset)) as winner
            from judged where reason is null group by flight_id having count(*) > 1
        )
        select {PLACE}, {winner}, winner.hash = hash as same_bytes, arrived_at
        from judged join firsts using (flight_id)
        where reason is null and (_partition, _offset) <> (winner._partition, winner._offset)"""


def treated() -> str:
    """In SQL, events with odd values treated, what was sent beside them."""
    odd = {
        "arr_delay": "coalesce(arr_delay < -30 or arr_delay > 300, false)",
        "air_time": "coalesce(air_time < 25 or air_time > 600, false)",
    }
    beside = ", ".join(
        f"{name} as {name}_original, {odd[name]} as {name}_outlier, {name} is null as {name}_missing"
        for name in NUMBERS
    )
    return f"""
        select * exclude (reason, landed_at, headers, "key", value, hash) replace (
            greatest(-30.0, least(300.0, arr_delay))::double as arr_delay,
            case when {odd["air_time"]} then 0.0 else coalesce(air_time, 0.0) end::double as air_time), {beside}
        from judged anti join copies using (_partition, _offset)
        where reason is null order by flight_id, event_at"""


def write(connection: duckdb.DuckDBPyConnection, query: str, table: str) -> None:
    """Adds rows to a Delta table, with the instant at which that was done."""
    rows = connection.sql(f"select *, current_localtimestamp() as _created_at from ({query})")
    write_deltalake(table, in_utc(rows.to_arrow_reader(ROWS_A_BATCH)), mode="append")


def in_utc(rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The same rows, whose instants say that they are UTC, as those of Delta tables do."""
    utc = pa.timestamp("us", "UTC")
    schema = pa.schema([each.with_type(utc) if pa.types.is_timestamp(each.type) else each for each in rows.schema])
    return pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in rows))


def main() -> None:
    raw, lake = sys.argv[1:]
    take_turn(lambda: clean(raw, lake))


if __name__ == "__main__":
    main()
