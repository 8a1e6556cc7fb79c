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
    """The value of the row's group, as `read` gives it for JSON, in the Spark SQL type `kind`; null where the group is
    not listed, or a part of its key is null.
    """
    count = 1 << (len(grouped.groups) // GROUPS_A_BUCKET).bit_length()
    buckets: list[dict[str, Any]] = [{} for _ in range(count)]
    for group in grouped.groups:
        key = key_text(group.key)
        buckets[bucket_of(key, count)][key] = read(group.value)
    text = json.dumps(buckets, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    table = F.from_json(F.lit(text), f"array<map<string,{kind}>>")
    key_column = _key(grouped.by)
    bucket = F.pmod(F.crc32(key_column.cast("binary")), F.lit(count)).cast("int") + 1
    return F.try_element_at(F.try_element_at(table, bucket), key_column)


def _key(by: tuple[str, ...]) -> Column:
    """The text of `headrace.plans.treatment.key_text`; null where a part is null."""
    parts = [F.col(name).cast("string") for name in by]
    return F.concat(*[word for part in parts for word in (F.length(part).cast("string"), F.lit(":"), part)])
