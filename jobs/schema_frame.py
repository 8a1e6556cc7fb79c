"""The frame of a schema registry: a byte 0, four bytes of the writer's schema id, the greatest first, and the body."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

FRAME_BYTES = 5


def schema_id(value: str) -> Column:
    """The schema id in front of a binary column, null where it does not begin with a frame."""
    framed = F.expr(f"length({value}) >= {FRAME_BYTES} and substring({value}, 1, 1) = X'00'")
    return F.when(framed, F.expr(f"cast(conv(hex(substring({value}, 2, 4)), 16, 10) as bigint)"))


def body(value: str) -> Column:
    """What follows the frame."""
    return F.expr(f"substring({value}, {FRAME_BYTES + 1})")
