"""What was fitted for the group of a row, looked up by an expression: no join, and no function of Python.

The groups are one literal, an array of maps. A key is looked for in the map that its checksum names, so that ten
thousand groups cost about as much as ten.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from pyspark.sql import Column
from pyspark.sql import functions as F

from headrace.plans import Grouped
from headrace.plans.treatment import bucket_of, key_text

GROUPS_A_BUCKET = 4

T = TypeVar("T")


def look_up(grouped: Grouped[T], kind: str, read: Callable[[T], Any]) -> Column:
    """What was fitted for the row's group, as `read` gives it for JSON, in the Spark SQL type `kind`.

    Where the group is not listed, or a part of its key is null: what holds for all rows; null where that is nothing.
    """
    nothing = grouped.otherwise is None
    general = literal(None if nothing else read(grouped.otherwise), kind)  # type: ignore[arg-type]
    if not grouped.groups:
        return general
    count = 1 << (len(grouped.groups) // GROUPS_A_BUCKET).bit_length()
    buckets: list[dict[str, Any]] = [{} for _ in range(count)]
    for group in grouped.groups:
        key = key_text(group.key)
        buckets[bucket_of(key, count)][key] = read(group.value)
    key_sql = _key(grouped.by)
    bucket = F.expr(f"cast(pmod(crc32(cast({key_sql} as binary)), {count}) as int) + 1")
    found = F.try_element_at(F.try_element_at(literal(buckets, f"array<map<string,{kind}>>"), bucket), F.expr(key_sql))
    return found if nothing else F.coalesce(found, general)


def literal(value: Any, kind: str) -> Column:
    """A value that JSON can hold as a constant of the Spark SQL type `kind`; null for None."""
    text = json.dumps({"v": value}, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return F.from_json(F.lit(text), f"struct<v:{kind}>")["v"]


def _key(by: tuple[str, ...]) -> str:
    """In SQL the text of `headrace.plans.treatment.key_text`; null where a part is null."""
    texts = [f"cast(`{name}` as string)" for name in by]
    parts = [f"cast(length({text}) as string), ':', {text}" for text in texts]
    return f"concat({', '.join(parts)})"
