"""The headers of a raw table as Parquet chunks: a list of pairs for each row, which is mostly empty.

A list takes an entry for each of its pairs, or a single one where it is empty. The repetition level of an entry is 0
where a row begins; its definition level counts what is there: a pair (1), which is not null (2), with this value (3).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .byte_strings import ByteStrings
from .column_chunks import add_bytes, codec_of, valid
from .compiled import compiled
from .packed_integers import Bytes
from .parquet_pages import PLAIN, UNCOMPRESSED, ColumnChunk, equal_levels, levels

NO_PAIR, PAIR, VALUE_IS_KNOWN = 0, 1, 3


def header_chunks(column: pa.ChunkedArray) -> tuple[ColumnChunk, ColumnChunk]:
    """The chunks of the keys and of the values; no list is null."""
    if not any(map(_pairs, column.chunks)):
        return _without_values(len(column)), _without_values(len(column))
    pairs = pa.chunked_array([chunk.flatten() for chunk in column.chunks], column.type.value_type)
    sizes = np.concatenate([chunk.value_lengths().to_numpy() for chunk in column.chunks])
    first, second = (_chunk(sizes, valid(pairs), _field(pairs, index)) for index in range(2))
    return first, second


def _pairs(lists: pa.ListArray) -> int:
    """How many there are in all lists together."""
    offsets = np.frombuffer(lists.buffers()[1], np.int32)
    return int(offsets[lists.offset + len(lists)] - offsets[lists.offset])


def _without_values(rows: int) -> ColumnChunk:
    chunk = ColumnChunk(UNCOMPRESSED, definitions=(rows, 0, 0, 0), repetitions=(rows, 0))
    chunk.add_data(rows, PLAIN, equal_levels(rows, 0) * 2)
    return chunk


def _field(pairs: pa.ChunkedArray, index: int) -> pa.ChunkedArray:
    """One half of the pairs, null where a pair is null."""
    kind = pairs.type.field(index).type
    return pa.chunked_array([chunk.flatten()[index] for chunk in pairs.chunks], kind)


def _chunk(sizes: NDArray[np.int32], has_pair: NDArray[np.bool_], field: pa.ChunkedArray) -> ColumnChunk:
    strings, rows = ByteStrings(field), len(sizes)
    repetitions, definitions = (np.empty(rows + len(has_pair), np.uint8) for _ in range(2))
    counts = np.zeros(VALUE_IS_KNOWN + 1, np.int64)
    entries = _fill_levels(sizes, has_pair, valid(field), repetitions, definitions, counts)
    chunk = ColumnChunk(codec_of(strings), counts.tolist(), (rows, entries - rows))
    level = levels(repetitions[:entries], 1) + levels(definitions[:entries], VALUE_IS_KNOWN)
    add_bytes(chunk, entries, level, strings, 0, len(strings))
    return chunk


@compiled
def _fill_levels(
    sizes: NDArray[np.int32],
    has_pair: NDArray[np.bool_],
    has_value: NDArray[np.bool_],
    repetitions: Bytes,
    definitions: Bytes,
    counts: NDArray[np.int64],
) -> int:
    """Writes the levels of lists of these sizes and counts those of definition; returns how many entries there are."""
    entry = pair = 0
    for size in sizes:
        for place in range(max(size, 1)):
            definition = NO_PAIR
            if size:
                definition = PAIR + has_pair[pair] + has_value[pair]
                pair += 1
            repetitions[entry] = place > 0
            definitions[entry] = definition
            counts[definition] += 1
            entry += 1
    return entry
