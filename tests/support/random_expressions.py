"""Random well-typed expressions over two columns of each type (`long_0`, `long_1` and so on), from a seed."""

from __future__ import annotations

import random

from headrace.pipeline.sql.functions import CASTS, FUNCTIONS

TYPES = ("long", "double", "string", "boolean", "timestamp", "date")
LITERALS = {
    "long": ["0", "-1", "9223372036854775807"],
    "double": ["0.0", "1e300", "-2.5"],
    "string": ["'2013-01-01'"],  # cast to a date, other text is refused
    "boolean": ["true", "false"],
    "timestamp": ["timestamp '0001-01-01'", "timestamp '9999-12-31T23:59:59.999999Z'"],
    "date": ["date '0001-01-01'", "date '2013-02-28'"],
    "unit": ["'week'", "'quarter'", "'second'"],
    "zone": ["'America/New_York'", "'Pacific/Apia'"],
    "digits": ["0", "19"],
}
OPERATIONS = {
    "long": ["({long} + {long})", "({long} - {long})", "({long} * {long})", "({long} % {long})", "(- {long})"],
    "double": ["({double} + {long})", "({long} / {long})", "({double} * {double})", "({double} % {double})"],
    "string": ["({string} || {string})"],
    "boolean": [
        *("({long} < {double})", "({string} = {string})", "({timestamp} >= {timestamp})", "({date} <=> {date})"),
        *("({boolean} and {boolean})", "({boolean} or not {boolean})", "({string} like 'a%')", "({double} is null)"),
        *("({long} in ({long}, {long}))", "({date} between {date} and {date})"),
    ],
    "timestamp": ["({timestamp} + interval 36500 days)", "({timestamp} - interval 59 minutes)"],
    "date": ["cast({timestamp} as date)"],
}
OF_ANY_TYPE = [
    "coalesce({0}, {0})",
    "nullif({0}, {0})",
    "greatest({0}, {0})",
    "least({0}, null, {0})",
    "if({boolean}, {0}, {0})",
    "case when {boolean} then {0} when {boolean} then null else {0} end",
]
SQL_NAMES = {"long": "bigint"}


def random_expression(order: random.Random, kind: str, depth: int) -> str:
    """An expression of type `kind`, nested at most `depth` deep."""
    if kind not in TYPES or depth == 0 or order.random() < 0.1:
        return order.choice(LITERALS[kind] + [f"{kind}_{side}" for side in (0, 1) if kind in TYPES] * 2)
    shape = order.choice(_shapes(kind))
    while (start := shape.find("{")) >= 0:
        end = shape.index("}", start)
        inner = random_expression(order, shape[start + 1 : end], depth - 1)
        shape = shape[:start] + inner + shape[end + 1 :]
    return shape


def _shapes(kind: str) -> list[str]:
    calls = [
        f"{name}({', '.join(f'{{{taken}}}' for taken in signature.takes)})"
        for name, signatures in FUNCTIONS.items()
        for signature in signatures
        if signature.gives == kind
    ]
    casts = [f"cast({{{given}}} as {SQL_NAMES.get(kind, kind)})" for given, target in CASTS if target == kind]
    return OPERATIONS[kind] + [shape.replace("{0}", f"{{{kind}}}") for shape in OF_ANY_TYPE] + calls + casts
