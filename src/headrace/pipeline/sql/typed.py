"""A checked piece of SQL with its type, and the fault of one that cannot be used."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlglot import exp

from headrace.pipeline.column_types import SQL_TYPES

MAX_SHOWN_CHARS = 60


class SqlFault(Exception):
    """An expression cannot be used: what was found, and what is legal."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem}. {hint}")
        self.problem, self.hint = problem, hint


class Typed(NamedTuple):
    """A checked node: SQL that can stand anywhere a value can, and the type it gives.

    Beside the types of columns there are `null` (the literal, which fits anywhere) and `interval` (a length of time).
    """

    sql: str
    type: str
    literal: str | None = None  # the text, where the node is literal text

    def to(self, wanted: str) -> Typed | None:
        """This value as `wanted` where it fits: null as anything, long as double, all else only as it is."""
        if self.type == wanted:
            return self
        if self.type == "null" and wanted in SQL_TYPES:
            return Typed(f"CAST(NULL AS {SQL_TYPES[wanted]})", wanted)
        if (self.type, wanted) == ("long", "double"):
            whole = re.fullmatch(r"(-?[0-9]+)L", self.sql)
            return Typed(f"{float(whole[1])!r}D" if whole else f"CAST({self.sql} AS DOUBLE)", "double")
        return None


def quoted(text: str) -> str:
    """Text as a Spark SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def shown(node: exp.Expr) -> str:
    """A node as a message shows it: its SQL, cut where it is long."""
    text = node.sql(dialect="spark", comments=False)
    return text if len(text) <= MAX_SHOWN_CHARS else text[: MAX_SHOWN_CHARS - 1] + "…"
