"""The functions that an expression may call: their types, and the Spark SQL that cannot raise for any value.

`{0}`, `{1}` in a template are arguments that are checked, typed and in parentheses where they need them. The session's
time zone is UTC. Beside these the checker itself knows coalesce, nullif, greatest, least, if, case and cast, which take
any type.
"""

from __future__ import annotations

from typing import NamedTuple

LONG_RANGE = "{0} >= -9.223372036854775808E18D AND {0} < 9.223372036854775808E18D"  # false for NaN
# Calendar arithmetic raises outside of these years; a timestamp of microseconds reaches year 294247.
CALENDAR_RANGE = "{0} >= TIMESTAMP_LTZ '0001-01-02 00:00:00Z' AND {0} < TIMESTAMP_LTZ '9999-12-31 00:00:00Z'"

UNIT, ZONE = "unit", "zone"  # kinds of literal text
UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")


class Signature(NamedTuple):
    """One way to call a function: the types it takes, the type it gives, and its SQL."""

    takes: tuple[str, ...]
    gives: str
    sql: str


def _on(takes: str, gives: str, sql: str) -> Signature:
    return Signature(tuple(takes.split()), gives, sql)


def _rounding(name: str) -> tuple[Signature, ...]:
    return _on("long", "long", "{0}"), _on("double", "long", f"CASE WHEN {LONG_RANGE} THEN {name}({{0}}) END")


def _part(name: str, *takes: str) -> tuple[Signature, ...]:
    return tuple(_on(kind, "long", f"CAST({name}({{0}}) AS BIGINT)") for kind in takes)


def _zone_shift(name: str) -> tuple[Signature, ...]:
    return (_on("timestamp zone", "timestamp", f"CASE WHEN {CALENDAR_RANGE} THEN {name}({{0}}, {{1}}) END"),)


_SUBSTRING = (
    _on("string long", "string", "substring({0}, try_cast({1} AS INT))"),
    _on("string long long", "string", "substring({0}, try_cast({1} AS INT), try_cast({2} AS INT))"),
)
_POW = (_on("double double", "double", "pow({0}, {1})"),)
_DAYS_BETWEEN = (_on("date date", "long", "CAST(datediff({0}, {1}) AS BIGINT)"),)

FUNCTIONS: dict[str, tuple[Signature, ...]] = {
    # numbers
    "abs": (
        _on("long", "long", "try_cast(abs(CAST({0} AS DECIMAL(20, 0))) AS BIGINT)"),
        _on("double", "double", "abs({0})"),
    ),
    "floor": _rounding("floor"),
    "ceil": _rounding("ceil"),
    "ceiling": _rounding("ceil"),
    "round": (
        _on("long", "long", "{0}"),
        _on("double", "double", "round({0})"),
        _on("double digits", "double", "round({0}, {1})"),
    ),
    "sqrt": (_on("double", "double", "sqrt({0})"),),
    "exp": (_on("double", "double", "exp({0})"),),
    "ln": (_on("double", "double", "ln({0})"),),
    "log10": (_on("double", "double", "log10({0})"),),
    "pow": _POW,
    "power": _POW,
    "isnan": (_on("double", "boolean", "isnan({0})"),),
    # text
    "upper": (_on("string", "string", "upper({0})"),),
    "lower": (_on("string", "string", "lower({0})"),),
    "trim": (_on("string", "string", "trim({0})"),),
    "ltrim": (_on("string", "string", "ltrim({0})"),),
    "rtrim": (_on("string", "string", "rtrim({0})"),),
    "substring": _SUBSTRING,
    "substr": _SUBSTRING,
    "length": _part("length", "string"),
    # calendars and clocks
    "year": _part("year", "date", "timestamp"),
    "quarter": _part("quarter", "date", "timestamp"),
    "month": _part("month", "date", "timestamp"),
    "day": _part("dayofmonth", "date", "timestamp"),
    "dayofmonth": _part("dayofmonth", "date", "timestamp"),
    "dayofweek": _part("dayofweek", "date", "timestamp"),
    "weekday": _part("weekday", "date", "timestamp"),
    "dayofyear": _part("dayofyear", "date", "timestamp"),
    "hour": _part("hour", "timestamp"),
    "minute": _part("minute", "timestamp"),
    "second": _part("second", "timestamp"),
    "datediff": _DAYS_BETWEEN,
    "date_diff": _DAYS_BETWEEN,
    "date_trunc": (
        _on(
            "unit timestamp",
            "timestamp",
            f"CASE WHEN {CALENDAR_RANGE.replace('0}', '1}')} THEN date_trunc({{0}}, {{1}}) END",
        ),
    ),
    "unix_seconds": (_on("timestamp", "long", "unix_seconds({0})"),),
    "unix_millis": (_on("timestamp", "long", "unix_millis({0})"),),
    "unix_micros": (_on("timestamp", "long", "unix_micros({0})"),),
    "timestamp_seconds": (_on("long", "timestamp", "timestamp_micros(try_multiply({0}, 1000000L))"),),
    "timestamp_millis": (_on("long", "timestamp", "timestamp_micros(try_multiply({0}, 1000L))"),),
    "timestamp_micros": (_on("long", "timestamp", "timestamp_micros({0})"),),
    "to_utc_timestamp": _zone_shift("to_utc_timestamp"),
    "from_utc_timestamp": _zone_shift("from_utc_timestamp"),
}

# Casts that mean something for every value, or null: (from, to) → SQL. A string that is only a time of day would be
# read as today's, which is not deterministic, so it must begin with a year.
CASTS: dict[tuple[str, str], str] = {
    ("string", "long"): "try_cast({0} AS BIGINT)",
    ("string", "double"): "try_cast({0} AS DOUBLE)",
    ("string", "boolean"): "try_cast({0} AS BOOLEAN)",
    ("string", "timestamp"): "CASE WHEN {0} RLIKE '^[0-9]{{4}}-' THEN try_cast({0} AS TIMESTAMP_LTZ) END",
    ("string", "date"): "try_cast({0} AS DATE)",
    ("long", "double"): "CAST({0} AS DOUBLE)",
    ("long", "string"): "CAST({0} AS STRING)",
    ("long", "boolean"): "({0} != 0L)",
    ("double", "long"): "try_cast({0} AS BIGINT)",
    ("double", "string"): "CAST({0} AS STRING)",
    ("boolean", "long"): "CAST({0} AS BIGINT)",
    ("boolean", "double"): "CAST({0} AS DOUBLE)",
    ("boolean", "string"): "CAST({0} AS STRING)",
    ("timestamp", "date"): "CAST({0} AS DATE)",
    ("timestamp", "string"): "CAST({0} AS STRING)",
    ("date", "timestamp"): "try_cast({0} AS TIMESTAMP_LTZ)",
    ("date", "string"): "CAST({0} AS STRING)",
}

GENERIC = (
    "cast",
    "try_cast",
    "coalesce",
    "concat",
    "greatest",
    "if",
    "ifnull",
    "isnotnull",
    "isnull",
    "least",
    "nullif",
    "nvl",
)
NOT_DETERMINISTIC = frozenset(
    [
        "rand",
        "random",
        "randn",
        "uuid",
        "now",
        "current_timestamp",
        "current_date",
        "current_time",
        "localtimestamp",
        "curdate",
        "unix_timestamp",
        "monotonically_increasing_id",
        "spark_partition_id",
        "shuffle",
        "input_file_name",
        "current_user",
        "user",
    ]
)
AGGREGATES = frozenset(
    [
        "count",
        "sum",
        "avg",
        "mean",
        "min",
        "max",
        "stddev",
        "stddev_samp",
        "stddev_pop",
        "variance",
        "first",
        "last",
        "any_value",
        "collect_list",
        "collect_set",
        "median",
        "percentile",
        "approx_count_distinct",
        "count_if",
        "bool_and",
        "bool_or",
        "every",
        "some",
        "lag",
        "lead",
        "row_number",
        "rank",
    ]
)
