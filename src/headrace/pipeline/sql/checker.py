"""Walks the tree of an expression by one rule per kind of node, from a closed list."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from headrace.pipeline.column_types import spoken

from . import calls, leaves, operators
from .typed import SqlFault, Typed, shown

MAX_DEPTH = 60
MAX_SQL_CHARS = 50_000  # floor repeats what it rounds three times: ten of them, one in the other, would be this much
LEGAL = (
    "Legal are columns, literals, + - * / %, comparisons, and, or, not, case, if, cast, in, between, like, is null "
    "and the listed functions"
)
# What a node may be made of, beside `this` and `expression`. A part that no rule reads would be dropped in silence
# (sqlglot 30.30 writes `a not like 'x'` as a Like with `negate`), so any other is refused.
_PARTS: dict[type[exp.Expr], frozenset[str]] = {
    exp.Literal: frozenset({"is_string"}),
    exp.Column: frozenset({"table", "db", "catalog"}),
    exp.Interval: frozenset({"unit"}),
    exp.Div: frozenset({"typed", "safe"}),
    exp.DPipe: frozenset({"safe"}),
    exp.Between: frozenset({"low", "high"}),
    exp.In: frozenset({"expressions"}),
    exp.Like: frozenset({"negate"}),
    exp.Case: frozenset({"ifs", "default"}),
    exp.If: frozenset({"true", "false"}),
    exp.Cast: frozenset({"to", "safe"}),
    exp.TryCast: frozenset({"to", "safe"}),
    exp.Anonymous: frozenset({"expressions"}),
}
_REFUSALS: dict[type[exp.Expr], str] = {
    exp.Subquery: "An expression has no subquery",
    exp.Exists: "An expression has no subquery",
    exp.Window: "An expression looks at one row; windows are declared in 'features'",
    exp.Concat: "Put text that holds a single quote into double quotes",
    exp.IntDiv: "Write floor(a / b)",
    exp.Alias: "Write one expression without a name after it; put text into quotes",
}


class Checker:
    """Finds the type of every node over `columns` (name to type), and writes the SQL that Spark will execute.

    `used` collects the columns that were read.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.columns = columns
        self.used: set[str] = set()
        self._depth = 0

    def check(self, node: exp.Expr) -> Typed:
        """The type and the SQL of `node`.

        Raises:
            SqlFault: something in it is not allowed, or types do not fit.
        """
        rule = _RULES.get(type(node))
        if rule is None or _unread_parts(node):
            raise SqlFault(f"'{shown(node)}' is not allowed in an expression", _REFUSALS.get(type(node), LEGAL))
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SqlFault("the expression is nested too deeply", "Derive a column for a part of it")
        typed = rule(self, node)
        self._depth -= 1
        if len(typed.sql) > MAX_SQL_CHARS:
            raise SqlFault("the expression is too complicated", "Derive a column for a part of it")
        return typed

    def common(self, node: exp.Expr, parts: list[Typed]) -> list[Typed]:
        """The `parts` of `node` as one type: nulls as any, long beside double as double, all else must be equal.

        Raises:
            SqlFault: they are of more types than that.
        """
        kinds = dict.fromkeys(part.type for part in parts if part.type != "null")
        if set(kinds) == {"long", "double"}:
            kinds = {"double": None}
        if len(kinds) > 1 or "interval" in kinds:
            words = " and ".join(spoken(kind) for kind in list(kinds)[:2])
            raise SqlFault(f"'{shown(node)}' mixes {words}", _mix_hint(set(kinds)))
        return [part.to(kind) or part for part in parts for kind in kinds] if kinds else parts


def _unread_parts(node: exp.Expr) -> set[str]:
    read = {"this", "expression"} | _PARTS.get(type(node), frozenset())
    return {name for name, part in node.args.items() if part} - read


def _mix_hint(kinds: set[str]) -> str:
    if {"timestamp", "string"} <= kinds:
        return "Write a time as timestamp '2013-01-01T00:00:00Z'"
    if {"date", "string"} <= kinds:
        return "Write a date as date '2013-01-01'"
    return "Both sides need one type: write cast(… as …)"


Rule = Callable[[Checker, exp.Expr], Typed]
_RULES: dict[type[exp.Expr], Rule] = leaves.RULES | operators.RULES | calls.RULES
