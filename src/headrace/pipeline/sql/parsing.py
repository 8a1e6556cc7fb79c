"""From text to a tree: Spark's grammar, and nothing taken for more than one expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from .typed import SqlFault

MAX_CHARS = 2_000

if TYPE_CHECKING:  # sqlglot's metaclass makes these attributes; a type checker sees them as variables
    from sqlglot.parser import Parser as _SparkParser
else:
    _SparkParser = Spark.Parser


class _Verbatim(Spark):
    """Spark's grammar, with every function left as it was written instead of translated to sqlglot's own idea of it."""

    class Parser(_SparkParser):
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar = {name: _SparkParser.FUNCTION_PARSERS[name] for name in ("CAST", "TRY_CAST")}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}


def parse(text: str) -> exp.Expr:
    """The tree of one expression: parsed as what a SELECT selects, so that nothing is taken for a statement.

    Raises:
        SqlFault: not SQL, too long or too deep, or not one expression.
    """
    if len(text) > MAX_CHARS:
        raise SqlFault(f"the expression has {len(text):,} characters", f"At most {MAX_CHARS:,} are read")
    if odd := re.search(r"[\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f;]", text):
        raise SqlFault(f"the expression holds the character {odd[0]!r}", "No expression needs it: leave it out")
    try:
        statements = sqlglot.parse(f"SELECT {text}\n", dialect=_Verbatim)
    except SqlglotError as err:
        raise SqlFault(f"'{text}' is not SQL", _syntax_hint(err)) from err
    except RecursionError as err:
        raise SqlFault("the expression is nested too deeply", "Derive a column for a part of it") from err
    select = statements[0]
    clauses = [name for name, value in select.args.items() if value and name != "expressions"] if select else []
    if not isinstance(select, exp.Select) or clauses or len(select.expressions) != 1:
        raise SqlFault(f"'{text}' is not one expression", "Write one scalar expression: no query, no list, no clause")
    tree: exp.Expr = select.expressions[0]
    return tree


def canonical(text: str) -> str:
    """The text without comments, with single spaces, and in lower case outside of literals."""
    tokens = _Verbatim().tokenize(text)
    return " ".join(
        repr(token.text) if token.token_type == TokenType.STRING else token.text.lower() for token in tokens
    )


def _syntax_hint(error: SqlglotError) -> str:
    details = getattr(error, "errors", None) or [{}]
    near = details[0].get("highlight")
    return f"The trouble is near '{near}'" if near else "Check quotes and parentheses"
