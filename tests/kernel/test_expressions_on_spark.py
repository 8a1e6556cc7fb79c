"""What the checker promises, on real Spark with its raising defaults: nothing raises, and types are as inferred."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.random_expressions import TYPES, random_expression

from headrace.pipeline import Expression
from headrace.pipeline.sql.functions import CASTS, FUNCTIONS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.slow

# Values that break naive SQL; every pair of two of a type stands in one row.
HOSTILE = {
    "long": "null 0 1 -1 2 7 9223372036854775807 -9223372036854775807 9007199254740993 2147483648 -100000000000000000",
    "double": "null 0 -0.0 1.5 -1.5 'NaN' 'Infinity' '-Infinity' 1.7976931348623157e308 4.9e-324 9.3e18 -1e300",
    "string": "null '' 'abc' '12' '\u200012.5' '10:15:00' '2013-01-01T10:15:00Z' '99999-01-01' 'NaN' 'é☃𝄞' 'yes'",
    "boolean": "null true false",
    "timestamp": "null 0 -1 9223372036854775807 -9223372036854775807 253402300799999999 253402300800000000 "
    "-62135596800000001 -62135596800000000 1362900600000000 -2717647200000000 9223372033254775807",
    "date": "null 0 -719162 2932896 2147483647 -2147483648 15764 106751991 106751992 -106751993",
}
MAKERS = {"timestamp": "timestamp_micros({})", "date": "date_from_unix_date({})", "double": "cast({} as double)"}
SPARK_TYPES = {"long": "bigint"}
# Two columns of each type: string_0, string_1 and so on.
COLUMNS = {f"{kind}_{side}": kind for kind in HOSTILE for side in (0, 1)}
LITERALS = {
    "unit": [f"'{unit}'" for unit in ("year", "quarter", "month", "week", "day", "hour", "minute", "second")],
    "zone": ["'America/New_York'", "'UTC'", "'Pacific/Apia'"],
    "digits": ["0", "2", "19"],
}


def function_calls() -> Iterator[str]:
    for name, signatures in FUNCTIONS.items():
        for signature in signatures:
            choices = [LITERALS.get(kind, [f"{kind}_{at % 2}"]) for at, kind in enumerate(signature.takes)]
            yield from (f"{name}({', '.join(chosen)})" for chosen in itertools.product(*choices))


def casts() -> Iterator[str]:
    for given, target in CASTS:
        yield f"cast({given}_0 as {SPARK_TYPES.get(target, target)})"


def operations() -> Iterator[str]:
    for operator, (left, right) in itertools.product("+-*/%", itertools.product(("long", "double"), repeat=2)):
        yield f"{left}_0 {operator} {right}_1"
        yield f"{left}_0 {operator} 0"
    for operator, kind in itertools.product(("=", "<>", "<", "<=>", "is distinct from"), HOSTILE):
        yield f"{kind}_0 {operator} {kind}_1"
    for kind in HOSTILE:
        yield from (f"{name}({kind}_0, {kind}_1)" for name in ("coalesce", "nullif", "greatest", "least"))
        yield f"if(boolean_0, {kind}_0, {kind}_1)"
        yield f"case {kind}_0 when {kind}_1 then {kind}_0 end"
        yield f"{kind}_0 between {kind}_1 and {kind}_0"
        yield f"{kind}_0 in ({kind}_1, null)"
        yield f"isnull({kind}_0) or {kind}_1 is not null"


OTHERS = [
    "-long_0",
    "-(-double_0)",
    "boolean_0 and not boolean_1 or boolean_0 is true",
    "timestamp_0 + interval 36500 days",
    "timestamp_0 - interval 5214 weeks",
    "string_0 || string_1",
    "concat(string_0, 'x', string_1)",
    "string_0 like '%1_'",
    "string_0 not like '%'",
    "substring(string_0, -2147483647, 2147483647)",
    "substring(string_0, long_0, long_1)",
    "hour(from_utc_timestamp(timestamp_millis(long_0), 'America/New_York'))",
    "date_trunc('week', timestamp_seconds(long_0))",
    "(unix_micros(timestamp_0) - unix_micros(timestamp_1)) / 60000000",
    "floor(minute(timestamp_0) / 15)",
    "floor(double_0 * 1e10) % 7",
    "cast(cast(timestamp_0 as string) as timestamp)",
    "cast(cast(double_0 as string) as bigint)",
    "datediff(cast(timestamp_0 as date), date_0)",
]
EXPRESSIONS = [*function_calls(), *casts(), *operations(), *OTHERS]


@pytest.fixture(scope="module")
def hostile(spark: SparkSession) -> DataFrame:
    def value(kind: str, at: int) -> str:
        words = HOSTILE[kind].split(" ")
        word = words[at % len(words)].replace("\u2000", " ")
        if word == "null" or kind not in MAKERS:
            return f"cast({word} as {SPARK_TYPES.get(kind, kind)})"
        return MAKERS[kind].format(f"{word}L" if kind == "timestamp" else word)

    size = max(len(words.split(" ")) for words in HOSTILE.values())
    rows = [
        ", ".join(value(kind, (left, right)[int(name[-1])]) for name, kind in COLUMNS.items())
        for left, right in itertools.product(range(size), repeat=2)
    ]
    frame = spark.sql(f"select * from values ({'), ('.join(rows)}) as t({', '.join(COLUMNS)})")
    return frame.repartition(1).cache()


def execute(frame: DataFrame, selected: list[str]) -> None:
    frame.selectExpr(*(f"{sql} as c{at}" for at, sql in enumerate(selected))).write.format("noop").mode(
        "overwrite"
    ).save()


@pytest.fixture(params=["CODEGEN_ONLY", "NO_CODEGEN"])
def evaluation(request: pytest.FixtureRequest, spark: SparkSession) -> Iterator[str]:
    """Spark's two ways to evaluate an expression: compiled, and interpreted (its fall-back)."""
    options = {
        "spark.sql.codegen.factoryMode": request.param,
        "spark.sql.codegen.wholeStage": str(request.param != "NO_CODEGEN").lower(),
    }
    for key, option in options.items():
        spark.conf.set(key, option)
    yield request.param
    for key in options:
        spark.conf.unset(key)


@pytest.mark.parametrize(
    "sql",
    [
        "long_0 + long_1",
        "double_0 / 0",
        "cast(string_0 as bigint)",
        "abs(long_0 - 1)",
        "date_trunc('year', timestamp_0)",
    ],
)
def test_plain_sql_does_raise_on_these_values(hostile: DataFrame, sql: str):
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    with pytest.raises((PySparkException, Py4JJavaError)):
        execute(hostile, [sql])


def test_no_expression_raises_for_any_value(hostile: DataFrame, evaluation: str):
    checked = [Expression(text).bind(COLUMNS).sql for text in EXPRESSIONS]
    assert len(checked) > 200
    for start in range(0, len(checked), 25):
        execute(hostile, checked[start : start + 25])


def test_no_generated_expression_raises_and_its_type_is_the_inferred_one(hostile: DataFrame):
    order = random.Random(11)
    bound = [Expression(random_expression(order, kind, depth=3)).bind(COLUMNS) for kind in TYPES for _ in range(30)]
    given = [field.dataType.simpleString() for field in hostile.selectExpr(*(each.sql for each in bound)).schema]
    assert given == [SPARK_TYPES.get(each.type, each.type) for each in bound]
    for start in range(0, len(bound), 15):
        execute(hostile, [each.sql for each in bound[start : start + 15]])


def test_the_inferred_type_is_the_one_that_spark_gives(hostile: DataFrame):
    bound = {text: Expression(text).bind(COLUMNS) for text in EXPRESSIONS}
    schema = hostile.selectExpr(*(expression.sql for expression in bound.values())).schema
    given = [field.dataType.simpleString() for field in schema]
    assert given == [SPARK_TYPES.get(expression.type, expression.type) for expression in bound.values()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7 / 2", 3.5),
        ("1 / 0", None),
        ("9223372036854775807 + 1", None),
        ("-9223372036854775807 - 2", None),
        ("-7 % 3", -1),
        ("abs(-7)", 7),
        ("floor(-0.5)", -1),
        ("ceil(0.1)", 1),
        ("floor(1e300)", None),
        ("floor(sqrt(-1))", None),
        ("round(2.345, 2)", 2.35),
        ("round(-2.5)", -3.0),
        ("cast('12' as bigint) + 1", 13),
        ("cast('twelve' as bigint)", None),
        ("cast(trim(' 10:15:00') as timestamp)", None),  # Spark alone would say: today at 10:15
        ("cast('2013-01-01 10:15:00+02:00' as timestamp)", datetime(2013, 1, 1, 8, 15, tzinfo=UTC)),
        ("cast(trim('2013-01-01 10:15:00') as timestamp)", datetime(2013, 1, 1, 10, 15, tzinfo=UTC)),
        ("cast(2.9 as bigint)", 2),
        ("cast(true as bigint)", 1),
        ("substring('Spark', 2, 3)", "par"),
        ("upper(trim('  ab '))", "AB"),
        ("concat('a', \"it's\")", "ait's"),
        ("length('é☃𝄞')", 3),
        ("'abc' like '_b%'", True),
        ("'abc' not like '_b%'", False),
        ("dayofweek(date '2013-01-06')", 1),  # Sunday
        ("weekday(date '2013-01-06')", 6),
        ("hour(from_utc_timestamp(timestamp '2013-07-01T16:30:00Z', 'America/New_York'))", 12),
        ("hour(from_utc_timestamp(timestamp '2013-01-01T16:30:00Z', 'America/New_York'))", 11),
        ("date_trunc('week', timestamp '2013-01-06T16:30:00Z')", datetime(2012, 12, 31, tzinfo=UTC)),
        ("timestamp '2013-01-01' + interval 36 hours", datetime(2013, 1, 2, 12, tzinfo=UTC)),
        ("timestamp_millis(1357000000123)", datetime(2013, 1, 1, 0, 26, 40, 123_000, tzinfo=UTC)),
        ("unix_micros(timestamp '1970-01-01T00:00:01Z')", 1_000_000),
        ("datediff(date '2013-03-01', date '2013-02-27')", 2),
        ("cast(timestamp '2013-01-01T23:59:59Z' as date)", date(2013, 1, 1)),
        ("nullif(3, 3)", None),
        ("greatest(1, null, 2.5)", 2.5),
        ("case 3 when 1 then 'a' else 'b' end", "b"),
        ("3 in (1, null)", None),
        ("null and false", False),
        ("1 <=> null", False),
        ("`order` + 1", 6),
    ],
)
def test_an_expression_gives_what_its_reader_expects(spark: SparkSession, text: str, expected: Any):
    bound = Expression(text).bind({"order": "long"})
    instant = bound.type == "timestamp"  # read as microseconds, so that this machine's zone plays no part
    [[value]] = spark.sql(
        f"select {f'unix_micros({bound.sql})' if instant else bound.sql} from values (5L) as t(`order`)"
    ).collect()
    if isinstance(expected, datetime):
        expected = round(expected.timestamp() * 1_000_000)
    assert value == expected
    assert type(value) is type(expected)
