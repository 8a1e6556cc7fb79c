from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.pipeline import Expression
from headrace.pipeline.sql import SqlFault

COLUMNS = {
    "pieces": "long",
    "amount": "double",
    "shop": "string",
    "gift": "boolean",
    "ordered_at": "timestamp",
    "since": "date",
    "order": "long",  # a word of SQL
}


def sql(text: str, expected: str | None = None) -> str:
    return Expression(text).bind(COLUMNS, expected).sql


@pytest.mark.parametrize(
    ("text", "executed", "kind"),
    [
        ("amount", "`amount`", "double"),
        ("pieces + 1", "try_add(`pieces`, 1L)", "long"),
        ("pieces + 1.5", "try_add(CAST(`pieces` AS DOUBLE), 1.5D)", "double"),
        ("pieces / 2", "try_divide(CAST(`pieces` AS DOUBLE), 2.0D)", "double"),
        ("- pieces % 3", "try_mod(try_subtract(0L, `pieces`), 3L)", "long"),
        ("-7", "-7L", "long"),
        ("amount >= 15 and not gift", "((`amount` >= 15.0D) AND (NOT `gift`))", "boolean"),
        ("ordered_at - interval 2 hours", "try_subtract(`ordered_at`, INTERVAL '2' HOUR)", "timestamp"),
        ("interval '1' week + ordered_at", "try_add(`ordered_at`, INTERVAL '7' DAY)", "timestamp"),
        ("ordered_at < timestamp '2013-01-01'", "(`ordered_at` < TIMESTAMP_LTZ '2013-01-01T00:00:00Z')", "boolean"),
        ("cast('2013-01-01T02:00:00+02:00' as timestamp)", "TIMESTAMP_LTZ '2013-01-01T00:00:00Z'", "timestamp"),
        ("since = date '2013-01-01'", "(`since` = DATE '2013-01-01')", "boolean"),
        ("if(gift, pieces, null)", "CASE WHEN `gift` THEN `pieces` ELSE CAST(NULL AS BIGINT) END", "long"),
        ("case shop when 'a' then 1 end", "CASE WHEN (`shop` = 'a') THEN 1L ELSE CAST(NULL AS BIGINT) END", "long"),
        ("coalesce(pieces, amount)", "coalesce(CAST(`pieces` AS DOUBLE), `amount`)", "double"),
        ("nvl(shop, 'none')", "coalesce(`shop`, 'none')", "string"),
        ("shop in ('a', \"it's\")", "(`shop` IN ('a', 'it\\'s'))", "boolean"),
        ("shop not like 'a_%'", "(`shop` NOT LIKE 'a_%')", "boolean"),
        ("not shop like 'a_%'", "(NOT (`shop` LIKE 'a_%'))", "boolean"),
        ("shop || '-' || shop", "concat(concat(`shop`, '-'), `shop`)", "string"),
        ("amount is not null", "(NOT (`amount` IS NULL))", "boolean"),
        ("gift is true", "(`gift` <=> true)", "boolean"),
        ("amount <=> null", "(`amount` <=> CAST(NULL AS DOUBLE))", "boolean"),
        ("pieces between 1 and 2", "(`pieces` BETWEEN 1L AND 2L)", "boolean"),
        ("cast(shop as bigint)", "try_cast(`shop` AS BIGINT)", "long"),
        ("cast(pieces as long)", "`pieces`", "long"),
        ("round(amount, 2)", "round(`amount`, 2)", "double"),
        ("`order` + order", "try_add(`order`, `order`)", "long"),
        ("HOUR(ordered_at)", "CAST(hour(`ordered_at`) AS BIGINT)", "long"),
    ],
)
def test_what_is_executed_is_written_anew_from_what_was_checked(text, executed, kind):
    bound = Expression(text).bind(COLUMNS)
    assert (bound.sql, bound.type) == (executed, kind)


def test_an_expression_names_the_columns_that_it_reads():
    assert Expression("if(gift, pieces, 0) > amount").bind(COLUMNS).columns == {"gift", "pieces", "amount"}


def test_a_long_is_cast_where_a_double_is_declared():
    assert sql("pieces", "double") == "CAST(`pieces` AS DOUBLE)"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shop > 5", "'shop > 5' mixes text (string) and a whole number (long)"),
        ("ordered_at > '2013-01-01'", "'ordered_at > '2013-01-01'' mixes a timestamp and text (string)"),
        ("since > ordered_at", "'since > ordered_at' mixes a date and a timestamp"),
        ("coalesce(shop, 0)", "'COALESCE(shop, 0)' mixes text (string) and a whole number (long)"),
        ("shop + 1", "'shop + 1' calculates with text (string)"),
        ("ordered_at - ordered_at", "'ordered_at - ordered_at' calculates with a timestamp"),
        ("ordered_at * interval 1 hour", "calculates with a timestamp"),
        ("since + interval 1 day", "calculates with a date"),
        ("gift + 1", "calculates with true or false (boolean)"),
        ("not pieces", "'pieces' is used as a condition, but is not true or false"),
        ("if(pieces, 1, 2)", "'pieces' is used as a condition"),
        ("if(gift, 1)", "has not three parts"),
        ("interval 1 hour", "'interval 1 hour' is a length of time (interval), not a value"),
        ("null", "'null' is always null, not a value"),
        ("ordered_at + interval 1 month", "'INTERVAL '1' MONTH' is not a length of time"),
        ("ordered_at + interval '1 day 2 hours'", "is not a length of time"),
        ("ordered_at + interval pieces hours", "is not a length of time"),
        ("ordered_at + interval 99999999 days", "is too long"),
        ("upper(pieces)", "upper was given a whole number (long)"),
        ("round(amount, pieces)", "round was given a number (double), a whole number (long)"),
        ("date_trunc('fortnight', ordered_at)", "date_trunc was given text (string), a timestamp"),
        ("from_utc_timestamp(ordered_at, 'Mars/Base')", "from_utc_timestamp was given a timestamp, text (string)"),
        ("from_utc_timestamp(ordered_at, shop)", "from_utc_timestamp was given a timestamp, text (string)"),
        ("nullif(pieces)", "nullif was given 1 values"),
        ("greatest(pieces)", "greatest was given 1 values"),
        ("isnull()", "isnull was given 0 values"),
        ("cast(shop as int)", "casts to a type that columns do not have"),
        ("cast(shop as decimal(10, 2))", "casts to a type that columns do not have"),
        ("cast(amount as timestamp)", "a number (double) cannot be cast to a timestamp"),
        ("cast(ordered_at as bigint)", "a timestamp cannot be cast to a whole number (long)"),
        ("timestamp 'yesterday'", "'yesterday' is not a timestamp"),
        ("date '2013-02-30'", "'2013-02-30' is not a date"),
        ("99999999999999999999", "the number 99999999999999999999 is too large"),
        ("1e999", "the number 1e999 is too large"),
        ("pieces.amount", "'pieces.amount' is not a column"),
        ("Pieces", "there is no column 'Pieces'"),
        ("a_piece", "there is no column 'a_piece'"),
        ("md5(shop)", "there is no function 'md5'"),
        ("now()", "'now' is not deterministic"),
        ("current_date", "'current_date' is not deterministic"),
        ("uuid()", "'uuid' is not deterministic"),
        ("avg(amount)", "'avg' looks at more than one row"),
        ("sum(amount) over ()", "is not allowed in an expression"),
        ("(select max(amount))", "is not allowed in an expression"),
        ("pieces in (select 1)", "is not allowed in an expression"),
        ("exists (select 1)", "is not allowed in an expression"),
        ("*", "is not allowed in an expression"),
        ("pieces div 2", "is not allowed in an expression"),
        ("pieces & 1", "is not allowed in an expression"),
        ("shop rlike 'a+'", "is not allowed in an expression"),
        ("x -> x + 1", "is not allowed in an expression"),
        ("array(1)[0]", "is not allowed in an expression"),
        ("'it''s'", "is not allowed in an expression"),
        ("pieces amount", "is not allowed in an expression"),
        (":name", "is not allowed in an expression"),
        ("x'ff'", "is not allowed in an expression"),
        ("shop like shop", "does not compare text with a pattern"),
        ("shop not ilike 'a'", "is not allowed in an expression"),
        ("shop like any ('a', 'b')", "is not allowed in an expression"),
        ("pieces between symmetric 2 and 1", "is not allowed in an expression"),
        ("upper(shop) ignore nulls", "is not allowed in an expression"),
        ("ordered_at + interval '1' hour to second", "is not a length of time"),
        ("ordered_at at time zone 'UTC'", "is not allowed in an expression"),
        ("`upper`(shop)", "there is no function"),
        ("pieces is 1", "is not allowed in an expression"),
        ("pieces, amount", "is not one expression"),
        ("pieces from orders", "is not one expression"),
        ("distinct pieces", "is not one expression"),
        ("pieces limit 1", "is not one expression"),
        ("pieces union select 1", "is not one expression"),
        ("pieces; drop table orders", "the expression holds the character ';'"),
        ("shop like 'a\\\\%'", "the expression holds the character"),
        ("pieces +", "'pieces +' is not SQL"),
        ("'open", "is not SQL"),
        ("(" * 400 + "1" + ")" * 400, "the expression is nested too deeply"),
        ("not " * 450 + "gift", "the expression is nested too deeply"),
        ("1" + " + 1" * 400, "the expression is nested too deeply"),
        ("x" * 2_001, "the expression has 2,001 characters"),
        ("ceil(" * 25 + "amount" + " / 2)" * 25, "the expression is too complicated"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_refused_with_what_is(text, problem):
    with pytest.raises(SqlFault) as caught:
        Expression(text).bind(COLUMNS)
    assert problem in caught.value.problem
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected", "hint"),
    [
        ("amount", "long", "State the type double, or write cast(… as bigint)"),
        ("shop", "timestamp", "Write cast(… as timestamp)"),
        ("pieces", "timestamp", "timestamp_millis(…)"),
        ("gift", "string", "State the type boolean, or write cast(… as string)"),
    ],
)
def test_another_type_than_the_stated_one_is_refused(text, expected, hint):
    with pytest.raises(SqlFault) as caught:
        Expression(text).bind(COLUMNS, expected)
    assert hint in caught.value.hint


def test_the_canonical_text_forgets_layout_comments_and_case_but_not_literals():
    written = Expression("IF( gift,\n  'A  b' , shop)  -- a gift")
    assert written.canonical == "if ( gift , 'A  b' , shop )"
    assert Expression("if(gift,'A  b',shop)").canonical == written.canonical
    assert Expression("if(gift,'a  b',shop)").canonical != written.canonical
    assert Expression("if(gift,`A  b`,shop)").canonical != written.canonical


ATOMS = st.sampled_from([*COLUMNS, "1", "2.5", "'a'", "true", "null", "interval 1 hour", "timestamp '2013-01-01'"])
SHAPES = st.sampled_from(
    [
        *("({0} + {1})", "({0} / {1})", "-{0}", "{0} || {1}", "({0} < {1})", "({0} and {1})", "not {0}"),
        *("coalesce({0}, {1})", "case when {0} then {1} end", "cast({0} as string)", "cast({0} as timestamp)"),
        *("floor({0})", "hour({0})", "f({0})", "{0} in ({1})", "{0} like {1}"),
        *("({0}", "{0} {1}", "{0}, {1}", "select {0}", "{0}[{1}]", "{0} -> {1}"),
    ]
)


def outcome(text: str) -> Expression | SqlFault:
    try:
        return Expression(text).bind(COLUMNS)
    except SqlFault as fault:
        return fault


def is_sound(result: Expression | SqlFault) -> bool:
    if isinstance(result, SqlFault):
        return bool(result.problem and result.hint)
    return result.type in COLUMNS.values() and result.columns <= set(COLUMNS)


@given(st.recursive(ATOMS, lambda inner: st.builds(str.format, SHAPES, inner, inner), max_leaves=12))
def test_any_text_is_either_checked_or_refused_with_a_hint(text):
    assert is_sound(outcome(text))


@pytest.mark.parametrize("text", ["0E", "1e+", "1.5e-", "air_time > 2E"])
def test_a_number_cut_off_in_its_exponent_is_not_a_number(text):
    fault = outcome(text)
    assert isinstance(fault, SqlFault)
    assert "is not a number" in fault.problem or "'" in fault.problem


@example("0E")
@given(st.text(max_size=60))
def test_even_garbage_is_refused_in_words(text):
    assert is_sound(outcome(text))
