"""The headers of a raw table as Parquet chunks: a list of pairs for each row, which is mostly empty.

A list takes an entry for each of its pairs, or a single one where it is empty. The repetition level of an entry is 0
where a row begins; its definition level counts what is there: a pair (1), which is not null (2), with this value (3).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .byte_strings import ByteStrings
from .column_chunks import add_bytes, codec_of
from .packed_integers import Integers
from .parquet_pages import PLAIN, UNCOMPRESSED, ColumnChunk, equal_levels, levels

PAIR, VALUE_IS_KNOWN = 1, 3


def header_chunks(column: pa.ChunkedArray) -> tuple[ColumnChunk, ColumnChunk]:
    """The chunks of the keys and of the values; no list is null."""
    if not any(map(_pairs, column.chunks)):
        return _without_values(len(column)), _without_values(len(column))
    pairs = pa.chunked_array([chunk.flatten() for chunk in column.chunks], column.type.value_type)
    sizes = np.concatenate([chunk.value_lengths().to_numpy() for chunk in column.chunks])
    entries = np.maximum(sizes, 1).cumsum()
    repetitions = np.ones(entries[-1], np.int64)
    repetitions[np.concatenate([[0], entries[:-1]])] = 0
    is_pair = np.ones(entries[-1], np.bool_)
    is_pair[entries[sizes == 0] - 1] = False
    first, second = (_chunk(repetitions, is_pair, pairs, _field(pairs, index)) for index in range(2))
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


def _known(column: pa.ChunkedArray) -> Integers:
    known: Integers = column.is_valid().to_numpy().astype(np.int64)
    return known


def _chunk(
    repetitions: Integers, is_pair: NDArray[np.bool_], pairs: pa.ChunkedArray, field: pa.ChunkedArray
) -> ColumnChunk:
    definitions = np.zeros(len(is_pair), np.int64)
    definitions[is_pair] = PAIR + _known(pairs) + _known(field)
    strings = ByteStrings(field)
    counts = (np.bincount(each, minlength=size).tolist() for each, size in ((definitions, 4), (repetitions, 2)))
    chunk = ColumnChunk(codec_of(strings), *counts)
    level = levels(repetitions, 1) + levels(definitions, VALUE_IS_KNOWN)
    add_bytes(chunk, len(repetitions), level, strings, 0, len(strings))
    return chunk
