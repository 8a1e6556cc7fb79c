"""A raw table's rows as a Parquet file: one row group, its columns in the order of `RAW_SCHEMA`, and the footer.

Only this schema is known, so that most of a footer stands before the rows are there. For a commit of a thousand rows
that is what matters: a general writer spends more on its columns than on their bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from headrace import __version__

from .column_chunks import number_chunk, payload_chunk, text_chunk
from .compact_thrift import TRUE, Value, array, binary, i32, i64, struct
from .encoded_rows import PLAINLY, Bounds, PayloadEncoding, RawParquet
from .header_chunks import header_chunks
from .parquet_pages import ColumnChunk
from .raw_columns import RAW_SCHEMA, STATISTICS_COLUMNS

_MAGIC = b"PAR1"
_FORMAT_VERSION = 2
_CREATED_BY = f"headrace version {__version__}".encode()

_INT32, _INT64, _BYTE_ARRAY = 1, 2, 6  # physical types
_REQUIRED, _OPTIONAL, _REPEATED = 0, 1, 2
_NOTHING = struct({})
# Of a text, a list, and an instant: the converted type of old readers, and the logical one.
_TEXT = {6: i32(0), 10: struct({1: _NOTHING})}
_LIST = {6: i32(3), 10: struct({3: _NOTHING})}
_INSTANT = {6: i32(10), 10: struct({8: struct({1: TRUE, 2: struct({2: _NOTHING})})})}


def raw_parquet(rows: pa.Table, payload: Mapping[str, PayloadEncoding]) -> RawParquet:
    """The file of rows of `RAW_SCHEMA`, at least one; `payload` says how key and value are written, if not plainly."""
    chunks: list[ColumnChunk] = []
    bounds: dict[str, Bounds] = {}
    for index, (name, bits, is_required) in enumerate(_BEFORE_PAYLOAD):
        column = rows.column(index)
        if bits:
            chunk, bounds[name] = number_chunk(column, bits=bits, is_required=is_required)
        else:
            chunk, bounds[name] = text_chunk(column, is_required=is_required)
        chunks.append(chunk)
    chunks += (payload_chunk(rows.column(name), payload.get(name, PLAINLY)) for name in ("key", "value"))
    chunks += header_chunks(rows.column("headers"))
    footer = _footer(chunks, rows.num_rows)
    pages = [page for chunk in chunks for page in chunk.pages]
    return RawParquet([_MAGIC, *pages, footer, len(footer).to_bytes(4, "little"), _MAGIC], bounds)


def _footer(chunks: Sequence[ColumnChunk], rows: int) -> bytes:
    place, columns = len(_MAGIC), []
    for (kind, path), chunk in zip(_LEAVES, chunks, strict=True):
        columns.append(_column(kind, path, chunk, place))
        place += chunk.size_bytes
    size_bytes = sum(chunk.uncompressed_bytes for chunk in chunks)
    group = struct({1: array(columns), 2: i64(size_bytes), 3: i64(rows), 6: i64(place - len(_MAGIC))})
    orders = array([struct({1: _NOTHING})] * len(chunks))
    whole = {1: i32(_FORMAT_VERSION), 2: _SCHEMA, 3: i64(rows), 4: array([group]), 6: binary(_CREATED_BY), 7: orders}
    return struct(whole)[1]


def _column(kind: Value, path: Value, chunk: ColumnChunk, place: int) -> Value:
    """What the footer says of a chunk that begins at `place`."""
    about = {
        1: kind,
        2: array([i32(encoding) for encoding in chunk.encodings]),
        3: path,
        4: i32(chunk.codec),
        5: i64(chunk.values),
        6: i64(chunk.uncompressed_bytes),
        7: i64(chunk.size_bytes),
        9: i64(place + chunk.dictionary_bytes),
    }
    if chunk.dictionary_bytes:
        about[11] = i64(place)
    if chunk.definitions:
        about[16] = _level_counts(chunk)
    return struct({2: i64(0), 3: struct(about)})


def _level_counts(chunk: ColumnChunk) -> Value:
    """By them a reader notices when a bit of the schema was flipped, and levels are no longer what they were."""
    found = {2: chunk.repetitions, 3: chunk.definitions}
    return struct({number: array([i64(count) for count in counts]) for number, counts in found.items() if counts})


def _group(name: bytes, repetition: int, children: int, about: Mapping[int, Value]) -> Value:
    return struct({3: i32(repetition), 4: binary(name), 5: i32(children), **about})


def _leaf(field: pa.Field) -> Value:
    repetition = i32(_OPTIONAL if field.nullable else _REQUIRED)
    return struct({1: _kind(field), 3: repetition, 4: binary(field.name.encode()), **_meaning(field)})


def _kind(field: pa.Field) -> Value:
    """The physical type."""
    if pa.types.is_string(field.type) or pa.types.is_binary(field.type):
        return i32(_BYTE_ARRAY)
    return i32(_INT32 if field.type.bit_width == 32 else _INT64)


def _meaning(field: pa.Field) -> Mapping[int, Value]:
    if pa.types.is_timestamp(field.type):
        return _INSTANT
    return _TEXT if pa.types.is_string(field.type) else {}


def _schema() -> Value:
    """All elements, each group before its children."""
    root = struct({4: binary(b"schema"), 5: i32(len(RAW_SCHEMA))})
    groups = [
        _group(b"headers", _REQUIRED, 1, _LIST),
        _group(b"list", _REPEATED, 1, {}),
        _group(b"element", _OPTIONAL, len(_PAIR), {}),
    ]
    return array([root, *map(_leaf, _FLAT), *groups, *map(_leaf, _PAIR)])


def _leaves() -> list[tuple[Value, Value]]:
    """The physical type and the path of every column of the file."""
    above = [binary(name) for name in (b"headers", b"list", b"element")]
    flat = [(_kind(field), array([binary(field.name.encode())])) for field in _FLAT]
    return flat + [(_kind(field), array([*above, binary(field.name.encode())])) for field in _PAIR]


_FLAT = [field for field in RAW_SCHEMA if field.name != "headers"]
_PAIR = list(RAW_SCHEMA.field("headers").type.value_type)
_SCHEMA, _LEAVES = _schema(), _leaves()
# Name, bits of a number (0: a text), and whether it is never null.
_BEFORE_PAYLOAD = [
    (field.name, 0 if pa.types.is_string(field.type) else field.type.bit_width, not field.nullable)
    for field in map(RAW_SCHEMA.field, STATISTICS_COLUMNS)
]
