"""Records of message format 2, field by field, in compiled code: each batch is checked, scanned and copied out at once.

A record is: length varint, attributes varint, timestamp delta varint, offset delta varint, key (varint length, bytes),
value (likewise), count of headers varint, headers (key, value likewise); a length below zero is a null. The code takes
what kafka-python takes and nothing else, and says no to the rest: nothing is read beyond the end of a section.
"""

from __future__ import annotations

import numpy as np
from numba import carray
from numpy.typing import NDArray

from .checksum import checksum
from .compiled import compiled, copy_bytes, pointer_to

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

# Columns of `fields`, one row a record of one section: places are counted from the start of that section.
OFFSET, TIMESTAMP, KEY, KEY_SIZE, VALUE, VALUE_SIZE, HEADERS, HEADER_COUNT = range(8)
FIELDS = 8
# Columns of `sections`, one row a batch: its records, and how many bytes before them its CRC is of as well; -1 where it
# is not to be checked.
ADDRESS, SIZE, RECORDS, BASE_OFFSET, BASE_TIME_MS, FIXED_TIME, CHECKED_BEFORE, CRC = range(8)
SECTION = 8
# What `totals` holds, of all headers.
HEADER_KEY_BYTES, HEADER_VALUE_BYTES, NOT_ASCII = range(3)
TOTALS = 3

_BAD = -1
_VARINT_BYTES = 10


@compiled
def varint(data: Bytes, place: int, end: int) -> tuple[int, int]:
    """A zigzag varint of at most 64 bits: (value, place after it), the place -1 where there is none."""
    if place < 0 or place >= end:
        return 0, _BAD
    byte = int(data[place])
    place += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), place
    raw, shift = byte & 0x7F, 7
    for _ in range(_VARINT_BYTES - 1):
        if place >= end:
            return 0, _BAD
        byte = int(data[place])
        place += 1
        if shift == 63 and byte > 1:
            return 0, _BAD
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            return ((raw >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(raw & 1), place
        shift += 7
    return 0, _BAD


@compiled
def sized(data: Bytes, place: int, end: int) -> tuple[int, int, int]:
    """A length and as many bytes: (where they begin, length, place after them), that place -1 where too few come."""
    size, start = varint(data, place, end)
    if start < 0 or size > end - start:
        return 0, 0, _BAD
    return start, size, start + max(size, 0)


@compiled
def scan_headers(data: Bytes, place: int, end: int, totals: Ints) -> tuple[int, int, int]:
    """Passes over the headers of one record: (how many, where the first begins, place after them), or that place -1."""
    count, first = varint(data, place, end)
    if first < 0 or count < 0 or count > end - first:
        return 0, 0, _BAD
    place = first
    for _ in range(count):
        start, size, place = sized(data, place, end)
        if place < 0 or size < 0:
            return 0, 0, _BAD
        for index in range(start, start + size):
            if data[index] >= 0x80:
                totals[NOT_ASCII] += 1
        totals[HEADER_KEY_BYTES] += size
        start, size, place = sized(data, place, end)
        if place < 0:
            return 0, 0, _BAD
        totals[HEADER_VALUE_BYTES] += max(size, 0)
    return count, first, place


@compiled
def scan_record(data: Bytes, place: int, end: int, section: Ints, found: Ints, totals: Ints) -> int:
    """Notes where one record's fields lie in `found`; returns the place after it, -1 where it is no record."""
    length, start = varint(data, place, end)
    if start < 0 or length < 0 or length > end - start:
        return _BAD
    _, place = varint(data, start, end)
    time_delta_ms, place = varint(data, place, end)
    offset_delta, place = varint(data, place, end)
    found[KEY], found[KEY_SIZE], place = sized(data, place, end)
    found[VALUE], found[VALUE_SIZE], place = sized(data, place, end)
    found[HEADER_COUNT], found[HEADERS], place = scan_headers(data, place, end, totals)
    found[OFFSET] = section[BASE_OFFSET] + offset_delta
    found[TIMESTAMP] = section[BASE_TIME_MS] + (0 if section[FIXED_TIME] else time_delta_ms)
    return place if place - start == length else _BAD


@compiled
def scan(section: Ints, fields: Ints, totals: Ints) -> bool:
    """Fills `fields` from one section; says whether it holds its records and nothing else, and has the right CRC."""
    address, size, before = section[ADDRESS], section[SIZE], section[CHECKED_BEFORE]
    if before >= 0 and checksum(address - before, before + size) != section[CRC]:
        return False
    data = carray(pointer_to(address), (size,))
    place = 0
    for row in range(section[RECORDS]):
        place = scan_record(data, place, size, section, fields[row], totals)
        if place < 0:
            return False
    return bool(place == size)


@compiled
def put(row: int, address: int, size: int, ends: NDArray[np.int32], texts: int, valid: NDArray[np.bool_]) -> None:
    """Copies a text of a row behind that of the row before; a size below zero is a null."""
    end = ends[row]
    if size > 0:
        copy_bytes(texts + end, address, size)
        end += size
    ends[row + 1] = end
    valid[row] = size >= 0


@compiled
def read(
    sections: Ints,
    fields: Ints,
    offsets: Ints,
    times_ms: Ints,
    key_ends: NDArray[np.int32],
    keys: int,
    key_valid: NDArray[np.bool_],
    value_ends: NDArray[np.int32],
    values: int,
    value_valid: NDArray[np.bool_],
    header_ends: NDArray[np.int32],
    headers: Ints,
    totals: Ints,
) -> int:
    """Fills the columns from all sections; returns how many of them were good before the first that is not.

    `fields` has room for the records of the largest section; what it holds of one is used while that is in the cache.
    Keys and values are copied behind one another to two addresses. The ends, `[n + 1]`, begin with 0; those of headers
    count them, and `headers` has where the first of a record lies. Totals are too large where a section was not good.
    """
    row = 0
    for number in range(sections.shape[0]):
        section = sections[number]
        if not scan(section, fields, totals):
            return number
        address = section[ADDRESS]
        for index in range(section[RECORDS]):
            found = fields[index]
            offsets[row], times_ms[row] = found[OFFSET], found[TIMESTAMP]
            put(row, address + found[KEY], found[KEY_SIZE], key_ends, keys, key_valid)
            put(row, address + found[VALUE], found[VALUE_SIZE], value_ends, values, value_valid)
            header_ends[row + 1], headers[row] = header_ends[row] + found[HEADER_COUNT], found[HEADERS]
            row += 1
    return len(sections)


@compiled
def gather_headers(
    sections: Ints,
    headers: Ints,
    header_ends: NDArray[np.int32],
    key_ends: NDArray[np.int32],
    keys: int,
    key_valid: NDArray[np.bool_],
    value_ends: NDArray[np.int32],
    values: int,
    value_valid: NDArray[np.bool_],
) -> None:
    """Copies the headers' keys and values to two addresses; `headers` and `header_ends` are as `read` has left them."""
    row = 0
    for number in range(sections.shape[0]):
        address, size = sections[number, ADDRESS], sections[number, SIZE]
        data = carray(pointer_to(address), (size,))
        for _ in range(sections[number, RECORDS]):
            place = headers[row]
            for header in range(header_ends[row], header_ends[row + 1]):
                start, length, place = sized(data, place, size)
                put(header, address + start, length, key_ends, keys, key_valid)
                start, length, place = sized(data, place, size)
                put(header, address + start, length, value_ends, values, value_valid)
            row += 1
