"""Spark SQL as far as expressions may use it: parsed by sqlglot, typed, written anew in forms that cannot raise."""

from .checker import Checker
from .parsing import canonical, parse
from .typed import SqlFault, Typed

__all__ = ["Checker", "SqlFault", "Typed", "canonical", "parse"]
