"""The leaves of an expression: columns, literals, lengths of time."""

from __future__ import annotations

import re
import zoneinfo
from typing import TYPE_CHECKING

from sqlglot import exp

from headrace.errors import near_names
from headrace.pipeline.times import INSTANT_HINT, LONGEST_US, UNIT_US, date_days, instant_us, iso

from .functions import NOT_DETERMINISTIC
from .typed import SqlFault, Typed, quoted, shown

if TYPE_CHECKING:
    from .checker import Checker, Rule

LONG_LIMIT = 2**63
INTERVAL_HINT = "Write a whole number and second, minute, hour, day or week: interval 2 hours"
_UNITS_US = {
    "SECOND": UNIT_US["s"],
    "MINUTE": UNIT_US["m"],
    "HOUR": UNIT_US["h"],
    "DAY": UNIT_US["d"],
    "WEEK": 7 * UNIT_US["d"],
}


def column(checker: Checker, node: exp.Expr) -> Typed:
    name = node.name
    if node.args.get("table"):
        raise SqlFault(f"'{shown(node)}' is not a column", "Write the column's name alone")
    if name not in checker.columns:
        if name.lower() in NOT_DETERMINISTIC:
            raise not_deterministic(name)
        raise SqlFault(f"there is no column '{name}'", f"Did you mean: {near_names(name, checker.columns)}?")
    checker.used.add(name)
    return Typed(f"`{name}`", checker.columns[name])


def literal(checker: Checker, node: exp.Expr) -> Typed:
    text = str(node.this)
    if node.is_string:
        return Typed(quoted(text), "string", text)
    if re.fullmatch(r"[0-9]+", text):
        return whole_number(text)
    if not re.fullmatch(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise SqlFault(f"'{text}' is not a number", "Write a number as 3, 0.5 or 1e-3")
    number = float(text)
    if number == float("inf"):
        raise SqlFault(f"the number {text} is too large", "A double holds at most 1.7976931348623157e308")
    return Typed(f"{number!r}D", "double")


def whole_number(text: str) -> Typed:
    """A literal long; `text` has digits and perhaps a minus."""
    if len(text) > 20 or not -LONG_LIMIT < int(text) < LONG_LIMIT:
        raise SqlFault(f"the number {text} is too large", "A whole number has at most 63 bits; 1e20 is a double")
    return Typed(f"{int(text)}L", "long")


def boolean(checker: Checker, node: exp.Expr) -> Typed:
    return Typed("true" if node.this else "false", "boolean")


def null(checker: Checker, node: exp.Expr) -> Typed:
    return Typed("NULL", "null")


def interval(checker: Checker, node: exp.Expr) -> Typed:
    amount, unit = node.this, str(node.args.get("unit") or "").upper().removesuffix("S")
    text = amount.name if isinstance(amount, exp.Literal) else ""
    if not re.fullmatch(r"[0-9]{1,12}", text) or unit not in _UNITS_US:
        raise SqlFault(f"'{shown(node)}' is not a length of time", INTERVAL_HINT)
    if int(text) * _UNITS_US[unit] > LONGEST_US:
        raise SqlFault(f"'{shown(node)}' is too long", "At most 36500 days")
    number, spark_unit = (int(text) * 7, "DAY") if unit == "WEEK" else (int(text), unit)
    return Typed(f"INTERVAL '{number}' {spark_unit}", "interval")


def time_literal(text: str, target: str) -> Typed:
    """Literal text as a date or a timestamp; checked now, so that a misprint is not null in every row."""
    try:
        if target == "date":
            date_days(text)
            return Typed(f"DATE '{text}'", "date")
        return Typed(f"TIMESTAMP_LTZ '{iso(instant_us(text))}'", "timestamp")
    except ValueError as err:
        raise SqlFault(f"'{text}' is not a {target}", INSTANT_HINT) from err


def known_zone(name: str) -> bool:
    """Whether `name` is a time zone that Java knows, too: `UTC`, or an IANA name with its region."""
    known = zoneinfo.available_timezones()
    legal = re.fullmatch(r"UTC|[A-Z][A-Za-z]+(/[A-Z][A-Za-z0-9_+-]*)+", name)
    return bool(legal) and (name in known or not known)  # a slim machine may have no list


def not_deterministic(name: str) -> SqlFault:
    hint = "An expression depends on the row alone, so that a rerun gives the same; use a column"
    return SqlFault(f"'{name}' is not deterministic", hint)


RULES: dict[type[exp.Expr], Rule] = {
    exp.Column: column,
    exp.Literal: literal,
    exp.Boolean: boolean,
    exp.Null: null,
    exp.Interval: interval,
}
