"""Expressions: scalar, deterministic Spark SQL over the columns of one event, checked without Spark.

sqlglot parses; what Spark executes is written anew from the checked tree, node by node from a closed list, so that it
is exactly what was checked and cannot raise: arithmetic in its `try_` forms, columns back-quoted, literals typed. A
value that does not exist (a division by zero, an overflow, a text that is no number) is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .column_types import SQL_TYPES, spoken
from .sql import Checker, SqlFault, canonical, parse
from .sql.parsing import MAX_CHARS
from .sql.typed import MAX_SHOWN_CHARS


@dataclass(frozen=True)
class Expression:
    """A piece of Spark SQL. A pipeline that was loaded or built holds only checked ones.

    `sql` expects the session time zone UTC and `columns` of their declared types; it gives a column of `type`, null
    where there is no answer, and never raises. Two expressions are equal if their text is.
    """

    text: str
    sql: str = field(default="", compare=False, repr=False)
    columns: frozenset[str] = field(default=frozenset(), compare=False)
    type: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.text if len(self.text) <= MAX_SHOWN_CHARS else self.text[: MAX_SHOWN_CHARS - 1] + "…"

    @property
    def canonical(self) -> str:
        """The text without comments, with single spaces, in lower case outside of literals."""
        return canonical(self.text)

    def bind(self, columns: Mapping[str, str], expected: str | None = None) -> Expression:
        """The checked expression over `columns` (name to type), giving `expected` where that is stated.

        Raises:
            SqlFault: not SQL, not allowed, an unknown column, or types that do not fit.
        """
        checker = Checker(columns)
        typed = checker.check(parse(self.text))
        if typed.type in ("null", "interval"):
            raise SqlFault(f"'{self}' is {spoken(typed.type)}, not a value", "Write an expression over the columns")
        result = typed.to(expected) if expected else typed
        if result is None:
            problem = f"'{self}' gives {spoken(typed.type)}, not {spoken(expected)}"
            raise SqlFault(problem, _type_hint(typed.type, str(expected)))
        return Expression(self.text, result.sql, frozenset(checker.used), result.type)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_expression)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": MAX_CHARS, "description": "An expression in Spark SQL."}


def _type_hint(given: str, expected: str) -> str:
    if expected != "timestamp":
        return f"State the type {given}, or write cast(… as {SQL_TYPES[expected].lower()})"
    if given in ("string", "date"):
        return "Write cast(… as timestamp)"
    return "Of a number make one by timestamp_millis(…), timestamp_micros(…) or timestamp_seconds(…)"


def _expression(value: object) -> Expression:
    if isinstance(value, Expression):
        return value
    if not isinstance(value, str) or not value.strip():
        hint = "Write Spark SQL over the columns, in quotes where it is one number or word"
        raise PydanticCustomError("expression", "is not an expression", {"hint": hint})
    return Expression(value.strip())
