"""Records of message format 2, field by field, in compiled code, batch by batch: while one is in the processor's cache
it is checked, decompressed where it is an LZ4 frame, scanned and copied out.

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
from .lz4_frames import read_frame

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

# Columns of `fields`, one row a record of one section: places are counted from the start of its records.
OFFSET, TIMESTAMP, KEY, KEY_SIZE, VALUE, VALUE_SIZE, HEADERS, HEADERS_SIZE, HEADER_COUNT = range(9)
FIELDS = 9
# Columns of `sections`, one row a batch: its records, or the LZ4 frame that holds them, and how many bytes before them
# its CRC is of as well; -1 where it is not to be checked.
ADDRESS, SIZE, IS_LZ4, RECORDS, BASE_OFFSET, BASE_TIME_MS, FIXED_TIME, CHECKED_BEFORE, CRC = range(9)
SECTION = 9
# What `totals` holds: three of all headers, then the bytes of the headers in rows, and those of good sections.
HEADER_KEY_BYTES, HEADER_VALUE_BYTES, NOT_ASCII, HEADER_BYTES, CONTENT_BYTES = range(5)
TOTALS = 5

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
    found[HEADERS_SIZE] = place - found[HEADERS]
    found[OFFSET] = section[BASE_OFFSET] + offset_delta
    found[TIMESTAMP] = section[BASE_TIME_MS] + (0 if section[FIXED_TIME] else time_delta_ms)
    return place if place - start == length else _BAD


@compiled
def scan(address: int, size: int, section: Ints, fields: Ints, totals: Ints) -> bool:
    """Fills `fields` from the records of a section; says whether there are as many as it tells, and nothing else."""
    data = carray(pointer_to(address), (size,))
    place = 0
    for row in range(section[RECORDS]):
        place = scan_record(data, place, size, section, fields[row], totals)
        if place < 0:
            return False
    return bool(place == size)


@compiled
def opened(section: Ints, scratch: int, room: int) -> tuple[int, int]:
    """Where the records of a section are, and their size; -1 where its CRC is wrong, its frame not read, or no room."""
    address, size, before = section[ADDRESS], section[SIZE], section[CHECKED_BEFORE]
    if before >= 0 and checksum(address - before, before + size) != section[CRC]:
        return 0, _BAD
    if section[IS_LZ4]:
        return scratch, read_frame(address, size, scratch, room)
    return address, size if size <= room else _BAD


@compiled
def address_of(array: Bytes) -> int:
    """Where it begins."""
    return np.int64(array.ctypes.data)  # type: ignore[return-value]


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
    scratch: Bytes,
    room: int,
    fields: Ints,
    offsets: Ints,
    times_ms: Ints,
    key_ends: NDArray[np.int32],
    keys: Bytes,
    key_valid: NDArray[np.bool_],
    value_ends: NDArray[np.int32],
    values: Bytes,
    value_valid: NDArray[np.bool_],
    header_ends: NDArray[np.int32],
    headers: Bytes,
    totals: Ints,
) -> int:
    """Fills the columns from all sections; returns how many of them were good before the first that is not.

    `room` is for the records of all sections together, decompressed: one that needs more is not good, and whatever is
    copied out has as much. `scratch` has that and `lz4_frames.SLACK_BYTES` where there are frames, and `fields` rows
    for the largest section: what they hold of one is used while that is in the cache.
    Keys, values and the headers of records, as they are, are copied behind one another. The ends, `[n + 1]`, begin
    with 0; those of headers count them. Totals are too large where a section was not good.
    """
    row, key_texts, value_texts, header_texts = 0, address_of(keys), address_of(values), address_of(headers)
    for number in range(sections.shape[0]):
        section = sections[number]
        address, size = opened(section, address_of(scratch), room)
        if size < 0 or not scan(address, size, section, fields, totals):
            return number
        room -= size
        totals[CONTENT_BYTES] += size
        for index in range(section[RECORDS]):
            found = fields[index]
            offsets[row], times_ms[row] = found[OFFSET], found[TIMESTAMP]
            put(row, address + found[KEY], found[KEY_SIZE], key_ends, key_texts, key_valid)
            put(row, address + found[VALUE], found[VALUE_SIZE], value_ends, value_texts, value_valid)
            header_ends[row + 1] = header_ends[row] + found[HEADER_COUNT]
            if found[HEADER_COUNT]:
                copy_bytes(header_texts + totals[HEADER_BYTES], address + found[HEADERS], found[HEADERS_SIZE])
                totals[HEADER_BYTES] += found[HEADERS_SIZE]
            row += 1
    return len(sections)


@compiled
def gather_headers(
    headers: Bytes,
    key_ends: NDArray[np.int32],
    keys: Bytes,
    key_valid: NDArray[np.bool_],
    value_ends: NDArray[np.int32],
    values: Bytes,
    value_valid: NDArray[np.bool_],
) -> None:
    """Copies the keys and values of headers, which `read` has left behind one another: as many as there are ends."""
    key_texts, value_texts, place = address_of(keys), address_of(values), 0
    for header in range(len(key_ends) - 1):
        start, length, place = sized(headers, place, len(headers))
        put(header, address_of(headers) + start, length, key_ends, key_texts, key_valid)
        start, length, place = sized(headers, place, len(headers))
        put(header, address_of(headers) + start, length, value_ends, value_texts, value_valid)
