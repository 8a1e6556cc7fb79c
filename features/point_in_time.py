"""The point-in-time join: for each row asked, the newest row of a group that was visible at the asked instant.

Keys of both sides become dense integers, rows are sorted by (key, `event_at`, `_created_at`), and a binary search runs
for all asked rows at once: 20 steps for a million rows, each over whole arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.tables import CREATED_AT, EVENT_AT, KNOWN_AT

Instants = npt.NDArray[np.int64]

MOST_CODES = 2**62  # composite codes are made dense again before they could exceed it
LEAST, GREATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


class Status(IntEnum):
    """What was found for one asked row and one group."""

    PRESENT = 0
    NOT_FOUND = 1  # no row at or before the instant, or a null key
    EXPIRED = 2  # the newest row is older than the group's ttl


@dataclass(frozen=True)
class Matches:
    """For each asked row, in its order: the number of the row found, and what was found.

    `rows` is [n] int64, -1 where `status` ([n] int8, of `Status`) is not PRESENT.
    """

    rows: Instants
    status: npt.NDArray[np.int8]


@dataclass(frozen=True)
class _Sorted:
    """Rows by (key, event_at, created_at, place), and where each asked key's run begins and ends (half open)."""

    order: Instants
    event_at_us: Instants
    begin: Instants
    end: Instants


def as_of(
    rows: pa.Table,
    asked: pa.Table,
    keys: Sequence[str],
    at_us: Instants,
    *,
    ttl_us: int | None,
    by_knowledge: bool = False,
) -> Matches:
    """Finds for each row of `asked` the newest row of `rows` that has its keys and `event_at ≤ at`.

    Args:
        rows: `keys`, event_at, known_at and _created_at (timestamp[us, UTC]); any order. Of rows with one key and
            `event_at` the greatest `_created_at` is the newest, then the last in the table.
        asked: the columns `keys`, n rows. A null key matches nothing.
        at_us: [n] int64, microseconds since 1970.
        ttl_us: a row holds while `0 ≤ at - event_at ≤ ttl_us`; None: for ever.
        by_knowledge: sees only rows with `known_at ≤ at`.
    """
    at_us = np.asarray(at_us, dtype=np.int64)
    found = _sort(rows, asked, keys)
    place = _last_at_or_before(found, at_us)
    if by_knowledge:
        known_at_us = instants_us(rows.column(KNOWN_AT), missing=GREATEST)[found.order]
        place = _last_known(found, place, known_at_us, at_us)
    present = place >= found.begin
    status = np.where(present, Status.PRESENT, Status.NOT_FOUND).astype(np.int8)
    if ttl_us is not None:
        event_at_us = found.event_at_us[place[present]]
        # Both sides as unsigned: the difference of any two int64 fits, and event_at ≤ at.
        age_us = at_us[present].view(np.uint64) - event_at_us.view(np.uint64)
        status[present] = np.where(age_us > np.uint64(ttl_us), Status.EXPIRED, Status.PRESENT)
    answer = np.full(len(at_us), -1, dtype=np.int64)
    valid = status == Status.PRESENT
    answer[valid] = found.order[place[valid]]
    return Matches(answer, status)


def instants_us(column: pa.ChunkedArray | pa.Array, *, missing: int = LEAST) -> Instants:
    """A column of timestamps as [n] int64 microseconds since 1970; null becomes `missing`."""
    zone = column.type.tz if pa.types.is_timestamp(column.type) else "UTC"
    numbers = column.cast(pa.timestamp("us", zone)).cast(pa.int64())
    return np.asarray(pc.fill_null(numbers, pa.scalar(missing, pa.int64())).to_numpy(), dtype=np.int64)


def key_codes(tables: Sequence[pa.Table], keys: Sequence[str]) -> list[Instants]:
    """Dense integers for the keys of several tables: equal for equal keys, -1 where a key is null.

    Returns one [rows of the table] int64 array a table. Codes stay below the number of all rows.
    """
    lengths = [table.num_rows for table in tables]
    total = np.zeros(sum(lengths), dtype=np.int64)
    valid = np.ones(len(total), dtype=bool)
    size = 1
    for key in keys:
        code, distinct = _codes([table.column(key) for table in tables])
        valid &= code >= 0
        if size > MOST_CODES // max(distinct, 1):
            total, size = _dense(total)
        total, size = total * distinct + code, size * max(distinct, 1)
    total[~valid] = 0
    total, _ = _dense(total)
    total[~valid] = -1
    return np.split(total, np.cumsum(lengths)[:-1])


def _codes(columns: Sequence[pa.ChunkedArray]) -> tuple[Instants, int]:
    kind = columns[0].type
    kind = pa.string() if _is_text(kind) else kind
    chunks = [chunk for column in columns for chunk in column.cast(kind).chunks]
    encoded = pa.chunked_array(chunks, kind).combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    indices = pc.fill_null(encoded.indices.cast(pa.int64()), pa.scalar(-1, pa.int64()))
    return np.asarray(indices, dtype=np.int64), len(encoded.dictionary)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _dense(codes: Instants) -> tuple[Instants, int]:
    distinct, dense = np.unique(codes, return_inverse=True)
    return dense.astype(np.int64), max(len(distinct), 1)


def _sort(rows: pa.Table, asked: pa.Table, keys: Sequence[str]) -> _Sorted:
    code, wanted = key_codes([rows, asked], keys)
    size = rows.num_rows + asked.num_rows + 1
    is_wanted = np.zeros(size, dtype=bool)
    is_wanted[wanted] = True
    kept = np.flatnonzero((code >= 0) & is_wanted[code] & _is_valid(rows.column(EVENT_AT)))
    event_at_us = instants_us(rows.column(EVENT_AT))[kept]
    created_at_us = instants_us(rows.column(CREATED_AT))[kept]
    by = np.lexsort((created_at_us, event_at_us, code[kept]))  # stable: equal rows stay in the order of the table
    ends = np.cumsum(np.bincount(code[kept], minlength=size))
    begins = np.concatenate(([0], ends[:-1]))
    begin, end = begins[wanted], np.where(wanted < 0, begins[wanted], ends[wanted])
    return _Sorted(kept[by], event_at_us[by], begin.astype(np.int64), end.astype(np.int64))


def _is_valid(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(column.is_valid().to_numpy(), dtype=bool)


def _last_at_or_before(found: _Sorted, at_us: Instants) -> Instants:
    """The place of the last row of each run with event_at ≤ at; the place before the run where there is none."""
    low, high = found.begin.copy(), found.end.copy()
    while (searching := np.flatnonzero(low < high)).size:
        middle = (low[searching] + high[searching]) >> 1
        visible = found.event_at_us[middle] <= at_us[searching]
        low[searching[visible]] = middle[visible] + 1
        high[searching[~visible]] = middle[~visible]
    return low - 1


def _last_known(found: _Sorted, place: Instants, known_at_us: Instants, at_us: Instants) -> Instants:
    """The last row of each run, at `place` or before it, that was known; the place before the run where there is none.

    A tree over all rows says when the first of each 1, 2, 4, … was known. So a long run of rows that were known late,
    as in a lake that was filled afterwards, takes some twenty steps and not one a row.
    """
    first_known_us = _least_of_blocks(known_at_us)
    height, block = _last_known_block(found, place, first_known_us, at_us)
    for level in range(len(first_known_us) - 1, 0, -1):
        inside = np.flatnonzero(height >= level)
        later = 2 * block[inside] + 1
        block[inside] = later - (first_known_us[level - 1][later] > at_us[inside])
    return np.where((height >= 0) & (block >= found.begin), block, found.begin - 1)


def _least_of_blocks(values: Instants) -> list[Instants]:
    """The least of each 1, 2, 4, … values; what does not fill a block at the end is in no block of that length."""
    levels = [values]
    while len(levels[-1]) > 1:
        even = len(levels[-1]) // 2 * 2
        levels.append(np.minimum(levels[-1][0:even:2], levels[-1][1:even:2]))
    return levels


def _last_known_block(
    found: _Sorted, place: Instants, first_known_us: Sequence[Instants], at_us: Instants
) -> tuple[Instants, Instants]:
    """Level and number of the last block, at `place` or before, in which something was known; level -1: none is."""
    end = place + 1
    height, block = np.full(len(end), -1, dtype=np.int64), np.zeros(len(end), dtype=np.int64)
    searching = np.flatnonzero(end > found.begin)
    for level, known_us in enumerate(first_known_us):
        last = searching[end[searching] >> level & 1 == 1]  # what lies before the end is a block of this length
        number = (end[last] >> level) - 1
        is_known = known_us[number] <= at_us[last]
        height[last[is_known]], block[last[is_known]] = level, number[is_known]
        end[last[~is_known]] -= 1 << level
        searching = searching[(height[searching] < 0) & (end[searching] > found.begin[searching])]
    return height, block
