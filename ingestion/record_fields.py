"""Records of message format 2, field by field, in compiled code, batch by batch: while one is in the processor's cache
it is checked, decompressed where it is an LZ4 frame, read and copied out.

A record is: length varint, attributes varint, timestamp delta varint, offset delta varint, key (varint length, bytes),
value (likewise), count of headers varint, headers (key, value likewise); a length below zero is a null. The code takes
what kafka-python takes and nothing else, and says no to the rest: nothing is read beyond the end of a section.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .checksum import checksum
from .compiled import byte_at, compiled, copy_bytes
from .lz4_frames import read_frame

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

# Columns of `sections`, one row a batch: its records, or the LZ4 frame that holds them, and how many bytes before them
# its CRC is of as well; -1 where it is not to be checked.
ADDRESS, SIZE, IS_LZ4, RECORDS, BASE_OFFSET, BASE_TIME_MS, FIXED_TIME, CHECKED_BEFORE, CRC = range(9)
SECTION = 9
# What `totals` holds: three of all headers, then the bytes of the headers in rows, and those of good sections.
HEADER_KEY_BYTES, HEADER_VALUE_BYTES, NOT_ASCII, HEADER_BYTES, CONTENT_BYTES = range(5)
TOTALS = 5

_BAD = -1  # in place of a size
NOWHERE = 1 << 62  # in place of an address: behind every end, so that whatever is read from there is bad, too
_VARINT_BYTES = 10


@compiled
def varint(place: int, end: int) -> tuple[int, int]:
    """A zigzag varint of at most 64 bits at an address: (value, address after it), that NOWHERE where there is none."""
    if place >= end:
        return 0, NOWHERE
    byte = byte_at(place)
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), place + 1
    if place + 1 < end:
        second = byte_at(place + 1)
        if second < 0x80:  # most are of one byte or two
            return ((byte & 0x7F) >> 1 | second << 6) ^ -(byte & 1), place + 2
    return long_varint(place, end)


@compiled
def long_varint(place: int, end: int) -> tuple[int, int]:
    """Likewise, of any size."""
    raw = shift = 0
    for _ in range(_VARINT_BYTES):
        if place >= end:
            break
        byte = byte_at(place)
        place += 1
        if shift == 63 and byte > 1:
            break
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            return ((raw >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(raw & 1), place
        shift += 7
    return 0, NOWHERE


@compiled
def sized(place: int, end: int) -> tuple[int, int, int]:
    """A length and as many bytes: (where they begin, length, address after them), that NOWHERE where too few come."""
    size, start = varint(place, end)
    if size > end - start:
        return 0, 0, NOWHERE
    return start, size, start + max(size, 0)


@compiled
def scan_headers(place: int, end: int, count: int, totals: Ints) -> int:
    """Passes over so many headers of one record; the address after them, NOWHERE if they are not there."""
    if count < 0 or count > end - place:
        return NOWHERE
    for _ in range(count):
        start, size, place = sized(place, end)
        if size < 0 or place == NOWHERE:
            return NOWHERE
        for each in range(start, start + size):
            if byte_at(each) >= 0x80:
                totals[NOT_ASCII] += 1
        totals[HEADER_KEY_BYTES] += size
        start, size, place = sized(place, end)
        if place == NOWHERE:
            return NOWHERE
        totals[HEADER_VALUE_BYTES] += max(size, 0)
    return place


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
    copied out has as much. `scratch` has that and `lz4_frames.SLACK_BYTES` where there are frames. Keys, values and the
    headers of records, as they are, are copied behind one another. The ends, `[n + 1]`, begin with 0; those of headers
    count them. Where a section was not good, totals are too large, and rows that are not counted may have been written.
    """
    row, key_texts, value_texts, header_texts = 0, address_of(keys), address_of(values), address_of(headers)
    for number in range(sections.shape[0]):
        section = sections[number]
        place, size = opened(section, address_of(scratch), room)
        if size < 0:
            return number
        end = place + size
        for _ in range(section[RECORDS]):
            length, start = varint(place, end)
            if length < 0 or length > end - start:
                return number
            _, place = varint(start, end)
            time_delta_ms, place = varint(place, end)
            offset_delta, place = varint(place, end)
            key, key_size, place = sized(place, end)
            value, value_size, place = sized(place, end)
            count, first = varint(place, end)
            place = scan_headers(first, end, count, totals) if count else first
            if place - start != length:
                return number
            offsets[row] = section[BASE_OFFSET] + offset_delta
            times_ms[row] = section[BASE_TIME_MS] + (0 if section[FIXED_TIME] else time_delta_ms)
            put(row, key, key_size, key_ends, key_texts, key_valid)
            put(row, value, value_size, value_ends, value_texts, value_valid)
            header_ends[row + 1] = header_ends[row] + count
            if count:
                copy_bytes(header_texts + totals[HEADER_BYTES], first, place - first)
                totals[HEADER_BYTES] += place - first
            row += 1
        if place != end:
            return number
        room -= size
        totals[CONTENT_BYTES] += size
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
    key_texts, value_texts, place = address_of(keys), address_of(values), address_of(headers)
    end = place + len(headers)
    for header in range(len(key_ends) - 1):
        start, size, place = sized(place, end)
        put(header, start, size, key_ends, key_texts, key_valid)
        start, size, place = sized(place, end)
        put(header, start, size, value_ends, value_texts, value_valid)
