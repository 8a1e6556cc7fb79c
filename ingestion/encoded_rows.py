"""What an encoder is told of the rows of a commit, and what it makes: a file, and the bounds in its log entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .page_compression import Content, ZstdTable


@dataclass(frozen=True)
class PayloadEncoding:
    """How a payload column is written: with a dictionary if that turns out small, else compressed with this table."""

    has_dictionary: bool = False
    table: ZstdTable = ZstdTable.LARGE


PLAINLY = PayloadEncoding()


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value of a column, both None where there is none, and how many are null."""

    least: int | str | None
    greatest: int | str | None
    nulls: int


@dataclass(frozen=True)
class RawParquet:
    """A file, in parts that stand one behind the other; and the bounds of the columns before the payload."""

    parts: Sequence[Content]
    bounds: dict[str, Bounds]
