"""The calls of an expression: case and if, casts, and functions by their signatures."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from headrace.errors import near_names
from headrace.pipeline.column_types import spoken

from .functions import AGGREGATES, CASTS, FUNCTIONS, GENERIC, NOT_DETERMINISTIC, UNITS, Signature
from .leaves import known_zone, not_deterministic, time_literal
from .operators import comparison, concat, truth
from .typed import SqlFault, Typed, shown

if TYPE_CHECKING:
    from .checker import Checker, Rule

_CAST_TARGETS = {
    "BIGINT": "long",
    "DOUBLE": "double",
    "TEXT": "string",
    "BOOLEAN": "boolean",
    "TIMESTAMPTZ": "timestamp",
    "DATE": "date",
}
_CAST_TARGETS_HINT = "Legal are string, bigint, double, boolean, timestamp and date"


def case(checker: Checker, node: exp.Expr) -> Typed:
    branches, default = node.args["ifs"], node.args.get("default")
    tests = [_case_test(checker, node.this, branch.this) for branch in branches]
    results = [checker.check(branch.args["true"]) for branch in branches]
    results.append(checker.check(default) if default else Typed("NULL", "null"))
    *values, otherwise = checker.common(node, results)
    whens = " ".join(f"WHEN {test.sql} THEN {value.sql}" for test, value in zip(tests, values, strict=True))
    return Typed(f"CASE {whens} ELSE {otherwise.sql} END", otherwise.type)


def _case_test(checker: Checker, subject: exp.Expr | None, test: exp.Expr) -> Typed:
    if subject is None:
        return truth(checker, test)
    return comparison(checker, exp.EQ(this=subject.copy(), expression=test.copy()))


def if_else(checker: Checker, node: exp.Expr) -> Typed:
    test = truth(checker, node.this)
    chosen, otherwise = node.args.get("true"), node.args.get("false")
    if chosen is None or otherwise is None:
        raise SqlFault(f"'{shown(node)}' has not three parts", "Write if(condition, value, other value)")
    value, other = checker.common(node, [checker.check(chosen), checker.check(otherwise)])
    return Typed(f"CASE WHEN {test.sql} THEN {value.sql} ELSE {other.sql} END", value.type)


def cast(checker: Checker, node: exp.Expr) -> Typed:
    target = _CAST_TARGETS.get(getattr(node.args["to"].this, "name", ""))
    if target is None or node.args["to"].expressions:
        raise SqlFault(f"'{shown(node)}' casts to a type that columns do not have", _CAST_TARGETS_HINT)
    value = checker.check(node.this)
    if value.literal is not None and target in ("timestamp", "date"):
        return time_literal(value.literal, target)
    if same := value.to(target):
        return same
    if (value.type, target) not in CASTS:
        hint = _impossible_cast_hint(value.type, target)
        raise SqlFault(f"{spoken(value.type)} cannot be cast to {spoken(target)}", hint)
    return Typed(CASTS[value.type, target].format(value.sql), target)


def call(checker: Checker, node: exp.Expr) -> Typed:
    name = str(node.this).lower()
    if name in _OF_ANY_TYPE:
        return _OF_ANY_TYPE[name](checker, node, [checker.check(part) for part in node.expressions])
    if name not in FUNCTIONS:
        raise _unknown_function(name)
    arguments = [checker.check(part) for part in node.expressions]
    for signature in FUNCTIONS[name]:
        if fitting := _fit(arguments, signature):
            return Typed(signature.sql.format(*fitting), signature.gives)
    given = ", ".join(spoken(argument.type) for argument in arguments) or "nothing"
    raise SqlFault(f"{name} was given {given}", _signature_hint(name))


def choose(checker: Checker, node: exp.Expr, parts: list[Typed]) -> Typed:
    """coalesce, nullif, greatest and least: values of one type, of which one is given."""
    name = str(node.this).lower()
    spark_name = {"ifnull": "coalesce", "nvl": "coalesce"}.get(name, name)
    if spark_name == "nullif" and len(parts) != 2:
        raise SqlFault(f"nullif was given {len(parts)} values", "It takes two")
    if len(parts) < (1 if spark_name == "coalesce" else 2):
        raise SqlFault(f"{name} was given {len(parts)} values", "It takes two or more")
    same = checker.common(node, parts)
    return Typed(f"{spark_name}({', '.join(part.sql for part in same)})", same[0].type)


def null_test(checker: Checker, node: exp.Expr, parts: list[Typed]) -> Typed:
    """isnull and isnotnull."""
    if len(parts) != 1:
        raise SqlFault(f"{node.this} was given {len(parts)} values", "It takes one")
    word = "IS NOT NULL" if str(node.this).lower() == "isnotnull" else "IS NULL"
    return Typed(f"({parts[0].sql} {word})", "boolean")


def _concat(checker: Checker, node: exp.Expr, parts: list[Typed]) -> Typed:
    return concat(node, parts)


def _fit(arguments: list[Typed], signature: Signature) -> list[str] | None:
    if len(arguments) != len(signature.takes):
        return None
    fitted = [
        sql for argument, kind in zip(arguments, signature.takes, strict=True) if (sql := _fit_one(argument, kind))
    ]
    return fitted if len(fitted) == len(arguments) else None


def _fit_one(argument: Typed, kind: str) -> str | None:
    if kind == "unit":
        return argument.sql.lower() if (argument.literal or "").lower() in UNITS else None
    if kind == "zone":
        return argument.sql if argument.literal and known_zone(argument.literal) else None
    if kind == "digits":
        return argument.sql.removesuffix("L") if re.fullmatch(r"1?[0-9]L", argument.sql) else None
    typed = argument.to(kind)
    return typed.sql if typed else None


def _impossible_cast_hint(given: str, target: str) -> str:
    if target == "timestamp":
        return "Use timestamp_millis(…), timestamp_micros(…) or timestamp_seconds(…)"
    if given == "timestamp":
        return "Use unix_micros(…), unix_millis(…) or unix_seconds(…)"
    return "Compare it with something, or leave it as it is"


def _unknown_function(name: str) -> SqlFault:
    if name in NOT_DETERMINISTIC:
        return not_deterministic(name)
    if name in AGGREGATES:
        return SqlFault(f"'{name}' looks at more than one row", "An expression is scalar; aggregate in 'features'")
    return SqlFault(f"there is no function '{name}'", f"Did you mean: {near_names(name, (*FUNCTIONS, *GENERIC))}?")


def _signature_hint(name: str) -> str:
    takes = [signature.takes for signature in FUNCTIONS[name]]
    kinds = {kind for types in takes for kind in types}
    hint = "It takes " + " or ".join(f"{name}({', '.join(types)})" for types in takes)
    if "unit" in kinds:
        return f"{hint}, the unit one of {', '.join(UNITS)}"
    if "zone" in kinds:
        return f"{hint}, the zone a name such as 'America/New_York' or 'UTC'"
    return f"{hint}, digits from 0 to 19" if "digits" in kinds else hint


_OF_ANY_TYPE: dict[str, Callable[[Checker, exp.Expr, list[Typed]], Typed]] = {
    **dict.fromkeys(("coalesce", "ifnull", "nvl", "nullif", "greatest", "least"), choose),
    **dict.fromkeys(("isnull", "isnotnull"), null_test),
    "concat": _concat,
}
RULES: dict[type[exp.Expr], Rule] = {
    exp.Case: case,
    exp.If: if_else,
    exp.Cast: cast,
    exp.TryCast: cast,
    exp.Anonymous: call,
}
