"""One online row as bytes: its two clocks, which values are null, and the values.

    event_at  int64   microseconds since 1970        } the header, which compare-and-set reads
    created   int64   microseconds since 1970        }
    nulls     1 bit a value, first value lowest
    values    long, timestamp (us): int64; double: float64; date (days since 1970): int32; boolean: 1 byte;
              string: uint32 length, UTF-8; nothing for a null

All little-endian. Types are not stored: the place of a row names the definition, which says them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from numbers import Integral
from typing import Any, NamedTuple

_HEADER = struct.Struct("<qq")
_LONG, _DOUBLE, _DATE, _BOOLEAN, _LENGTH = (struct.Struct(form) for form in ("<q", "<d", "<i", "<?", "<I"))
_FIXED = {"long": _LONG, "double": _DOUBLE, "boolean": _BOOLEAN, "timestamp": _LONG, "date": _DATE}

_EPOCH, _EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC), date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)

_TEXT_KEY, _LONG_KEY = b"s", b"i"


class OnlineRow(NamedTuple):
    """One row as it was packed: clocks in microseconds since 1970, values in the order of the types."""

    event_at_us: int
    created_at_us: int
    values: tuple[Any, ...]


class RowFormat:
    """Packs and unpacks the rows of one feature group.

    `types` are those of a pipeline file: string, long, double, boolean, timestamp (an aware datetime), date.
    """

    def __init__(self, types: Sequence[str]) -> None:
        self._types = tuple(types)
        self._writers = [_writer(kind) for kind in self._types]
        self._readers = [_reader(kind) for kind in self._types]
        self._null_bytes = (len(self._types) + 7) // 8

    def pack(self, event_at_us: int, created_at_us: int, values: Sequence[Any]) -> bytes:
        """The bytes of one row; None is a null.

        Raises:
            ValueError: another number of values, or a value that its type cannot hold.
        """
        nulls, parts = 0, []
        try:
            for index, (write, value) in enumerate(zip(self._writers, values, strict=True)):
                if value is None:
                    nulls |= 1 << index
                else:
                    parts.append(write(value))
            header = _HEADER.pack(event_at_us, created_at_us)
        except (struct.error, TypeError, AttributeError) as err:
            raise ValueError(f"the values {list(values)!r} are not of the types {', '.join(self._types)}") from err
        return b"".join((header, nulls.to_bytes(self._null_bytes, "little"), *parts))

    def unpack(self, data: bytes) -> OnlineRow:
        """The row that `data` was packed from.

        Raises:
            ValueError: `data` is not a row of these types.
        """
        place = _HEADER.size + self._null_bytes
        nulls = int.from_bytes(data[_HEADER.size : place], "little")
        values: list[Any] = []
        try:
            for index, read in enumerate(self._readers):
                value = None
                if not nulls >> index & 1:
                    value, place = read(data, place)
                values.append(value)
            event_at_us, created_at_us = clocks(data)
        except (struct.error, UnicodeDecodeError) as err:
            raise ValueError(f"these bytes are not a row of the types {', '.join(self._types)}") from err
        if place != len(data):
            raise ValueError(f"found {len(data)} bytes instead of {place}, of the types {', '.join(self._types)}")
        return OnlineRow(event_at_us, created_at_us, tuple(values))


def clocks(data: bytes) -> tuple[int, int]:
    """`event_at` and `_created_at` of a packed row, in microseconds since 1970: what decides which row is newer."""
    event_at_us, created_at_us = _HEADER.unpack_from(data)
    return event_at_us, created_at_us


def pack_key(values: Sequence[str | int]) -> bytes:
    """The bytes of a key, its values in the entity's order. Two different keys never give the same bytes.

    Raises:
        ValueError: a value is neither text nor a whole number of 64 bits.
    """
    return b"".join(_packed_key(value) for value in values)


def _packed_key(value: object) -> bytes:
    if isinstance(value, str):
        text = value.encode()
        return _TEXT_KEY + _LENGTH.pack(len(text)) + text
    if isinstance(value, Integral) and not isinstance(value, bool) and -(2**63) <= int(value) < 2**63:
        return _LONG_KEY + struct.pack(">q", int(value))
    raise ValueError(f"a key is text or a whole number of 64 bits; found {value!r}")


def _writer(kind: str) -> Callable[[Any], bytes]:
    if kind == "string":
        return _text
    if kind == "timestamp":
        return lambda at: _LONG.pack((at - _EPOCH) // _MICROSECOND)
    if kind == "date":
        return lambda day: _DATE.pack(day.toordinal() - _EPOCH_DAY)
    return _FIXED[kind].pack


def _reader(kind: str) -> Callable[[bytes, int], tuple[Any, int]]:
    if kind == "string":
        return _read_text
    form = _FIXED[kind]

    def read(data: bytes, place: int) -> tuple[Any, int]:
        value = form.unpack_from(data, place)[0]
        if kind == "timestamp":
            value = _EPOCH + timedelta(microseconds=value)
        elif kind == "date":
            value = date.fromordinal(value + _EPOCH_DAY)
        return value, place + form.size

    return read


def _text(value: str) -> bytes:
    data = value.encode()
    return _LENGTH.pack(len(data)) + data


def _read_text(data: bytes, place: int) -> tuple[str, int]:
    begin = place + _LENGTH.size
    end = begin + _LENGTH.unpack_from(data, place)[0]
    if end > len(data):
        raise struct.error("the text ends after the row")
    return data[begin:end].decode(), end
