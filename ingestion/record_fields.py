"""Records of message format 2, field by field, in compiled code: where each one's fields lie, and their copying out.

A record is: length varint, attributes varint, timestamp delta varint, offset delta varint, key (varint length, bytes),
value (likewise), count of headers varint, headers (key, value likewise); a length below zero is a null. The code takes
what kafka-python takes and nothing else, and says no to the rest: nothing is read beyond the end of a section.
"""

from __future__ import annotations

import numpy as np
from numba import carray
from numpy.typing import NDArray

from .compiled import compiled, copy_bytes, pointer_to

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

# Columns of `fields`, one row a record: places are counted from the start of the record's section.
OFFSET, TIMESTAMP, KEY, KEY_SIZE, VALUE, VALUE_SIZE, HEADERS, HEADER_COUNT = range(8)
FIELDS = 8
# Columns of `sections`, one row a batch.
ADDRESS, SIZE, RECORDS, BASE_OFFSET, BASE_TIME_MS, FIXED_TIME = range(6)
SECTION = 6
# What `totals` holds.
KEY_BYTES, VALUE_BYTES, HEADER_TOTAL, HEADER_KEY_BYTES, HEADER_VALUE_BYTES, NULL_KEYS, NULL_VALUES, NOT_ASCII = range(8)
TOTALS = 8

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
    totals[HEADER_TOTAL] += count
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
    totals[KEY_BYTES] += max(found[KEY_SIZE], 0)
    totals[NULL_KEYS] += found[KEY_SIZE] < 0
    totals[VALUE_BYTES] += max(found[VALUE_SIZE], 0)
    totals[NULL_VALUES] += found[VALUE_SIZE] < 0
    return place if place - start == length else _BAD


@compiled
def scan(sections: Ints, fields: Ints, totals: Ints) -> int:
    """Fills `fields` and `totals` from all sections; returns how many of them were good before the first that is not.

    After a bad one both hold what is of no use: ask again with the good ones only.
    """
    row = 0
    for number in range(sections.shape[0]):
        section = sections[number]
        size = section[SIZE]
        data = carray(pointer_to(section[ADDRESS]), (size,))
        place = 0
        for _ in range(section[RECORDS]):
            place = scan_record(data, place, size, section, fields[row], totals)
            if place < 0:
                return number
            row += 1
        if place != size:
            return number
    return len(sections)


@compiled
def gather(
    sections: Ints,
    fields: Ints,
    key_ends: NDArray[np.int32],
    keys: int,
    key_valid: NDArray[np.bool_],
    value_ends: NDArray[np.int32],
    values: int,
    value_valid: NDArray[np.bool_],
) -> None:
    """Copies the keys and the values of all records behind one another to two addresses.

    The ends, `[n + 1]`, become where each begins and ends; valid, where it is not empty, whether it is not null.
    """
    row, key_end, value_end = 0, 0, 0
    key_ends[0] = value_ends[0] = 0
    for number in range(sections.shape[0]):
        address = sections[number, ADDRESS]
        for _ in range(sections[number, RECORDS]):
            found = fields[row]
            if found[KEY_SIZE] > 0:
                copy_bytes(keys + key_end, address + found[KEY], found[KEY_SIZE])
                key_end += found[KEY_SIZE]
            if found[VALUE_SIZE] > 0:
                copy_bytes(values + value_end, address + found[VALUE], found[VALUE_SIZE])
                value_end += found[VALUE_SIZE]
            if key_valid.size:
                key_valid[row] = found[KEY_SIZE] >= 0
            if value_valid.size:
                value_valid[row] = found[VALUE_SIZE] >= 0
            row += 1
            key_ends[row], value_ends[row] = key_end, value_end


@compiled
def gather_headers(
    sections: Ints,
    fields: Ints,
    counts: NDArray[np.int32],
    key_ends: NDArray[np.int32],
    keys: int,
    value_ends: NDArray[np.int32],
    values: int,
    valid: NDArray[np.bool_],
) -> None:
    """Copies the headers' keys and values to two addresses; `counts` `[n + 1]` becomes the ends of each record's."""
    row, number_of_header = 0, 0
    counts[0] = key_ends[0] = value_ends[0] = 0
    for number in range(sections.shape[0]):
        address, size = sections[number, ADDRESS], sections[number, SIZE]
        data = carray(pointer_to(address), (size,))
        for _ in range(sections[number, RECORDS]):
            place = fields[row, HEADERS]
            for _ in range(fields[row, HEADER_COUNT]):
                key_end, value_end = key_ends[number_of_header], value_ends[number_of_header]
                start, length, place = sized(data, place, size)
                copy_bytes(keys + key_end, address + start, length)
                key_ends[number_of_header + 1] = key_end + length
                start, length, place = sized(data, place, size)
                valid[number_of_header] = length >= 0
                copy_bytes(values + value_end, address + start, max(length, 0))
                value_ends[number_of_header + 1] = value_end + max(length, 0)
                number_of_header += 1
            row += 1
            counts[row] = number_of_header
