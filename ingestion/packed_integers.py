"""Integers as Parquet packs them: as differences, and as runs. Compiled, since every row of every column passes here.

Both are defined in https://github.com/apache/parquet-format/blob/master/Encodings.md, as DELTA_BINARY_PACKED and as the
RLE/bit-packing hybrid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Unsigned = Integers | Bytes  # none of them negative

_BLOCK, _MINIBLOCK = 128, 32  # values; what parquet-java and Arrow write
_BLOCK_HEAD_BYTES = 16  # at most: the least difference, and the widths
_LITERAL = 8  # values that are packed together where they do not repeat; and how many repeat before that pays


def differences(values: Integers, bits: int) -> Bytes:
    """DELTA_BINARY_PACKED of numbers of 32 or 64 `bits`."""
    blocks = len(values) // _BLOCK + 1
    out = np.empty((blocks + 1) * (_BLOCK_HEAD_BYTES + 8 * _BLOCK), np.uint8)
    return out[: _differences(values, bits, out)]


def runs(values: Unsigned, width: int) -> Bytes:
    """The hybrid of numbers of `width` bits, 32 at most, that are not negative; without its length in front."""
    out = np.empty(len(values) * 10 + 64, np.uint8)
    return out[: _runs(values, width, out)]


@compiled
def _varint(number: int, out: Bytes, place: int) -> int:
    """Writes the bits of an int64 as of an unsigned one; the place behind."""
    rest = np.uint64(number)
    while rest >= np.uint64(0x80):
        out[place] = np.uint8(rest & np.uint64(0x7F)) | np.uint8(0x80)
        rest >>= np.uint64(7)
        place += 1
    out[place] = np.uint8(rest)
    return place + 1


@compiled
def _packed(values: Unsigned, begin: int, end: int, count: int, width: int, out: Bytes, place: int) -> int:
    """Writes the lowest `width` bits, 32 at most, of values; zeros for what they lack of `count`, a multiple of 8."""
    held, held_bits = np.uint64(0), 0
    mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    for index in range(begin, begin + count):
        if index < end:
            held |= (np.uint64(values[index]) & mask) << np.uint64(held_bits)
        held_bits += width
        while held_bits >= 8:
            out[place] = np.uint8(held & np.uint64(0xFF))
            held >>= np.uint64(8)
            held_bits -= 8
            place += 1
    return place


@compiled
def _differences(values: Integers, bits: int, out: Bytes) -> int:
    unused = 64 - bits  # bits of an int64; differences wrap around as those of the type do
    place = _varint(_BLOCK, out, 0)
    place = _varint(_BLOCK // _MINIBLOCK, out, place)
    place = _varint(len(values), out, place)
    first = values[0] if len(values) else 0
    place = _varint((first << 1) ^ (first >> 63), out, place)
    steps = np.empty(_BLOCK, np.int64)
    for start in range(1, len(values), _BLOCK):
        count = min(_BLOCK, len(values) - start)
        least = ((values[start] - values[start - 1]) << unused) >> unused
        for index in range(count):
            steps[index] = ((values[start + index] - values[start + index - 1]) << unused) >> unused
            least = min(least, steps[index])
        place = _varint((least << 1) ^ (least >> 63), out, place)
        place = _block(steps, count, least, bits, out, place)
    return place


@compiled
def _block(steps: Integers, count: int, least: int, bits: int, out: Bytes, place: int) -> int:
    """Writes the widths of the miniblocks and then their differences, above the least; the place behind."""
    mask = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - bits)
    widths = place
    place += _BLOCK // _MINIBLOCK
    for mini in range(_BLOCK // _MINIBLOCK):
        begin, end = mini * _MINIBLOCK, min((mini + 1) * _MINIBLOCK, count)
        together = np.uint64(0)
        for index in range(begin, end):
            above = np.uint64(steps[index] - least) & mask
            steps[index] = np.int64(above)
            together |= above
        width = 0
        while width < 64 and together >> np.uint64(width) != np.uint64(0):
            width += 1
        out[widths + mini] = width
        if width > 32:
            place = _wide(steps, begin, end, width, out, place)
        elif width:
            place = _packed(steps, begin, end, _MINIBLOCK, width, out, place)
    return place


@compiled
def _wide(values: Integers, begin: int, end: int, width: int, out: Bytes, place: int) -> int:
    """As `_packed` of a miniblock, for more than 32 bits, of which a value has its lower 32 in front."""
    held, held_bits = np.uint64(0), 0
    for index in range(begin, begin + _MINIBLOCK):
        for part in range(2):
            part_bits = 32 if part == 0 else width - 32
            if index < end:
                bits = (np.uint64(values[index]) >> np.uint64(32 * part)) & np.uint64(0xFFFFFFFF)
                held |= bits << np.uint64(held_bits)
            held_bits += part_bits
            while held_bits >= 8:
                out[place] = np.uint8(held & np.uint64(0xFF))
                held >>= np.uint64(8)
                held_bits -= 8
                place += 1
    return place


@compiled
def _runs(values: Unsigned, width: int, out: Bytes) -> int:
    place, start = 0, 0
    while start < len(values):
        end = _end_of_run(values, start)
        if end - start >= _LITERAL or end == len(values):
            place = _varint((end - start) << 1, out, place)
            for byte in range((width + 7) // 8):
                out[place] = np.uint8((values[start] >> (8 * byte)) & 0xFF)
                place += 1
        else:
            end = _end_of_literals(values, start)
            groups = (end - start + _LITERAL - 1) // _LITERAL
            place = _varint(groups << 1 | 1, out, place)
            place = _packed(values, start, end, groups * _LITERAL, width, out, place)
        start = end
    return place


@compiled
def _end_of_run(values: Unsigned, start: int) -> int:
    end = start + 1
    while end < len(values) and values[end] == values[start]:
        end += 1
    return end


@compiled
def _end_of_literals(values: Unsigned, start: int) -> int:
    """Behind the groups that go before one whose values are all the same."""
    end = start + _LITERAL
    while end < len(values) and _end_of_run(values, end) - end < _LITERAL:
        end += _LITERAL
    return min(end, len(values))
