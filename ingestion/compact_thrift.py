"""Structs in Thrift's compact protocol, which is what Parquet's page headers and footers are written in.

A value is a pair: the code of its kind, and its bytes. Only the kinds that Parquet needs of a writer are here.
See https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

Value = tuple[int, bytes]

TRUE: Value = (1, b"")  # as a field; its kind is its value
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_BYTES = [bytes((number,)) for number in range(256)]
_SHORT = 15  # lists below this size, and steps between field ids up to it, share a byte with the kind


def varint(number: int) -> bytes:
    """A number that is not negative, seven bits a byte, the lowest first."""
    if number < 0x80:
        return bytes((number,))
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


@lru_cache(4_096)  # most numbers of a file are those of the one before it
def i32(number: int) -> Value:
    """A signed integer of 32 bits."""
    return _I32, varint(_zigzag(number))


@lru_cache(4_096)
def i64(number: int) -> Value:
    """A signed integer of 64 bits."""
    return _I64, varint(_zigzag(number))


def binary(content: bytes) -> Value:
    """Bytes, or a text in UTF-8."""
    return _BINARY, varint(len(content)) + content


def array(values: Sequence[Value]) -> Value:
    """Values of one kind, at least one."""
    kind, size = values[0][0], len(values)
    head = bytes((size << 4 | kind,)) if size < _SHORT else bytes((0xF0 | kind,)) + varint(size)
    return _LIST, head + b"".join(content for _, content in values)


def struct(fields: Mapping[int, Value]) -> Value:
    """A struct by the ids of its fields, which ascend by less than 16 each."""
    parts: list[bytes] = []
    last = 0
    for number, (kind, content) in fields.items():
        parts += _BYTES[(number - last) << 4 | kind], content
        last = number
    parts.append(b"\0")
    return _STRUCT, b"".join(parts)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else ~number << 1 | 1
