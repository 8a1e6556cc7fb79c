"""What an encoder makes of the rows of a commit: a file in parts, and the bounds that its log entry carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .parquet_pages import Content


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
