"""The columns of a data file against those of its table: a name that one bit has changed reads as nulls elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa


def columns_of_table(schema_string: str) -> dict[str, str]:
    """The primitive columns of a Delta schema: dotted names, with those inside structs, to Delta's types."""
    return dict(_of_delta(json.loads(schema_string), ""))


def columns_of_file(schema: pa.Schema) -> dict[str, str]:
    """The same of a data file; types without a name in Delta come by Arrow's."""
    return dict(found for field in schema for found in _of_arrow(field.type, field.name))


def _of_delta(kind: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(kind, str):
        yield name, kind
    elif kind["type"] == "struct":
        for field in kind["fields"]:
            yield from _of_delta(field["type"], f"{name}.{field['name']}".lstrip("."))
    elif kind["type"] == "array":
        yield from _of_delta(kind["elementType"], f"{name}.[]")
    else:
        yield from _of_delta(kind["keyType"], f"{name}.key")
        yield from _of_delta(kind["valueType"], f"{name}.value")


def _of_arrow(kind: pa.DataType, name: str) -> Iterator[tuple[str, str]]:
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _of_arrow(field.type, f"{name}.{field.name}")
    elif pa.types.is_map(kind):
        yield from _of_arrow(kind.key_type, f"{name}.key")
        yield from _of_arrow(kind.item_type, f"{name}.value")
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _of_arrow(kind.value_type, f"{name}.[]")
    else:
        yield name, _delta_name(kind)


_DELTA_NAMES = {
    pa.string(): "string", pa.large_string(): "string", pa.string_view(): "string",
    pa.binary(): "binary", pa.large_binary(): "binary", pa.binary_view(): "binary",
    pa.int8(): "byte", pa.int16(): "short", pa.int32(): "integer", pa.int64(): "long",
    pa.float32(): "float", pa.float64(): "double", pa.bool_(): "boolean", pa.date32(): "date",
}  # fmt: skip

# Unit, and whether it is of UTC. The last is how Arrow shows what Spark writes by default, in 96 bits.
_TIMESTAMPS = {("us", True): "timestamp", ("us", False): "timestamp_ntz", ("ns", False): "timestamp"}


def _delta_name(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return _TIMESTAMPS.get((kind.unit, kind.tz is not None), str(kind))
    if pa.types.is_dictionary(kind):
        return _delta_name(kind.value_type)
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    return _DELTA_NAMES.get(kind, str(kind))
