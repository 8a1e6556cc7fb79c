"""The operators of an expression: arithmetic that gives null instead of raising, comparisons of equal types, logic."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from headrace.pipeline.column_types import NUMBERS, spoken

from .leaves import boolean, whole_number
from .typed import SqlFault, Typed, shown

if TYPE_CHECKING:
    from .checker import Checker, Rule

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "<=>",
}
_ARITHMETIC: dict[type[exp.Expr], str] = {
    exp.Add: "try_add",
    exp.Sub: "try_subtract",
    exp.Mul: "try_multiply",
    exp.Mod: "try_mod",
}


def parenthesis(checker: Checker, node: exp.Expr) -> Typed:
    return checker.check(node.this)


def arithmetic(checker: Checker, node: exp.Expr) -> Typed:
    left, right = checker.check(node.this), checker.check(node.expression)
    name = _ARITHMETIC[type(node)]
    if isinstance(node, exp.Add) and left.type == "interval":
        left, right = right, left
    if right.type == "interval" and left.type == "timestamp" and isinstance(node, exp.Add | exp.Sub):
        return Typed(f"{name}({left.sql}, {right.sql})", "timestamp")
    _need_numbers(node, left, right)
    left, right = checker.common(node, [left, right])
    return Typed(f"{name}({left.sql}, {right.sql})", left.type)


def divide(checker: Checker, node: exp.Expr) -> Typed:
    sides = [checker.check(node.this), checker.check(node.expression)]
    _need_numbers(node, *sides)
    left, right = (side.to("double") or side for side in sides)
    return Typed(f"try_divide({left.sql}, {right.sql})", "double")


def negate(checker: Checker, node: exp.Expr) -> Typed:
    if isinstance(node.this, exp.Literal) and not node.this.is_string and re.fullmatch(r"[0-9]+", node.this.name):
        return whole_number("-" + node.this.name)
    inner = checker.check(node.this)
    _need_numbers(node, inner)
    if inner.type == "double":
        return Typed(f"(- {inner.sql})", "double")
    return Typed(f"try_subtract(0L, {inner.sql})", "long")  # -(-2^63) does not exist


def comparison(checker: Checker, node: exp.Expr) -> Typed:
    left, right = checker.common(node, [checker.check(node.this), checker.check(node.expression)])
    return Typed(f"({left.sql} {_COMPARISONS[type(node)]} {right.sql})", "boolean")


def differs(checker: Checker, node: exp.Expr) -> Typed:
    left, right = checker.common(node, [checker.check(node.this), checker.check(node.expression)])
    return Typed(f"(NOT ({left.sql} <=> {right.sql}))", "boolean")


def both(checker: Checker, node: exp.Expr) -> Typed:
    return Typed(f"({truth(checker, node.this).sql} AND {truth(checker, node.expression).sql})", "boolean")


def either(checker: Checker, node: exp.Expr) -> Typed:
    return Typed(f"({truth(checker, node.this).sql} OR {truth(checker, node.expression).sql})", "boolean")


def negation(checker: Checker, node: exp.Expr) -> Typed:
    return Typed(f"(NOT {truth(checker, node.this).sql})", "boolean")


def truth(checker: Checker, node: exp.Expr) -> Typed:
    """A node that is used as a condition."""
    typed = checker.check(node).to("boolean")
    if typed is None:
        raise SqlFault(f"'{shown(node)}' is used as a condition, but is not true or false", "Compare it with something")
    return typed


def is_what(checker: Checker, node: exp.Expr) -> Typed:
    if isinstance(node.expression, exp.Null):
        return Typed(f"({checker.check(node.this).sql} IS NULL)", "boolean")
    if isinstance(node.expression, exp.Boolean):
        return Typed(f"({truth(checker, node.this).sql} <=> {boolean(checker, node.expression).sql})", "boolean")
    raise SqlFault(f"'{shown(node)}' is not allowed in an expression", "After 'is' comes null, true or false")


def between(checker: Checker, node: exp.Expr) -> Typed:
    parts = [checker.check(part) for part in (node.this, node.args["low"], node.args["high"])]
    value, low, high = checker.common(node, parts)
    return Typed(f"({value.sql} BETWEEN {low.sql} AND {high.sql})", "boolean")


def among(checker: Checker, node: exp.Expr) -> Typed:
    if not node.expressions:
        raise SqlFault(f"'{shown(node)}' is not allowed in an expression", "Write in (value, value, …)")
    value, *options = checker.common(node, [checker.check(part) for part in (node.this, *node.expressions)])
    return Typed(f"({value.sql} IN ({', '.join(option.sql for option in options)}))", "boolean")


def like(checker: Checker, node: exp.Expr) -> Typed:
    value, pattern = checker.check(node.this).to("string"), checker.check(node.expression)
    if value is None or pattern.literal is None:
        raise SqlFault(f"'{shown(node)}' does not compare text with a pattern", "Write column like 'pattern%'")
    word = "NOT LIKE" if node.args.get("negate") else "LIKE"
    return Typed(f"({value.sql} {word} {pattern.sql})", "boolean")


def join_text(checker: Checker, node: exp.Expr) -> Typed:
    return concat(node, [checker.check(node.this), checker.check(node.expression)])


def concat(node: exp.Expr, parts: list[Typed]) -> Typed:
    """Texts, one after the other; null if one is."""
    texts = [text for part in parts if (text := part.to("string"))]
    if not texts or len(texts) < len(parts):
        raise SqlFault(f"'{shown(node)}' joins what is not text", "Write cast(… as string)")
    return Typed(f"concat({', '.join(text.sql for text in texts)})", "string")


def _need_numbers(node: exp.Expr, *sides: Typed) -> None:
    for side in sides:
        if side.type not in (*NUMBERS, "null"):
            hint = _calculation_hint({other.type for other in sides})
            raise SqlFault(f"'{shown(node)}' calculates with {spoken(side.type)}", hint)


def _calculation_hint(kinds: set[str]) -> str:
    if "timestamp" in kinds:
        return "Add an interval to a timestamp, or subtract unix_micros(…) of both"
    if "date" in kinds:
        return "Use datediff(end, start), or cast the date to a timestamp and add an interval"
    return "Only numbers can be calculated with: write cast(… as double)"


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys(_ARITHMETIC, arithmetic),
    **dict.fromkeys(_COMPARISONS, comparison),
    exp.Paren: parenthesis,
    exp.Div: divide,
    exp.Neg: negate,
    exp.NullSafeNEQ: differs,
    exp.And: both,
    exp.Or: either,
    exp.Not: negation,
    exp.Is: is_what,
    exp.Between: between,
    exp.In: among,
    exp.Like: like,
    exp.DPipe: join_text,
}
