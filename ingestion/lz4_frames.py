"""LZ4 frames read in compiled code, so that a batch goes from its frame to its columns inside the processor's cache.

A frame is: magic, a descriptor (flags, size of the largest block, the size of the content where it is told, a byte of
xxHash-32 over these), blocks (size uint32, of which the highest bit says that it is not compressed, content), a size
of 0, and xxHash-32 of the content where the flags say so; all little-endian. A block is a list of sequences: a token,
literals, and a match, which is a distance back (uint16) and a length; the last one has literals alone. See
lz4_Frame_format.md and lz4_Block_format.md of the LZ4 project.

What is read here the LZ4 library reads as well, with the same result. The reverse does not hold: checksums of blocks,
dictionaries, several frames and all that is damaged are left to `batch_compression`.
"""

from __future__ import annotations

from .compiled import byte_at, compiled, copy_byte, copy_bytes, copy_sixteen, half_word_at, word_at
from .xxhash32 import xxhash32

NOT_READ = -1
SLACK_BYTES = 64  # what may be written behind the end of the room

_MAGIC = 0x184D2204
_DESCRIPTOR, _SMALLEST_HEADER, _SIZE_FIELD, _SUM = 4, 7, 8, 4  # bytes
# Of the flags the version is to be 1, and neither a dictionary, nor what is reserved, nor sums of blocks are known.
_GIVEN_FLAGS, _VERSION_1 = 0xD3, 0x40
_INDEPENDENT, _SIZE_TOLD, _SUMMED = 0x20, 0x08, 0x04
_GIVEN_LARGEST, _SMALLEST_LARGEST = 0x8F, 4 << 4
_NOT_COMPRESSED = 0x80000000
# The ends of a block: no match begins in its last 12 bytes or reaches into the last 5, which are literals.
_NO_MATCH_BYTES, _LITERAL_BYTES = 12, 5
_MORE = 15  # in a token: the length goes on in bytes of its own
_SMALLEST_MATCH = 4
_STEP = 16  # what is copied at once


@compiled
def read_frame(source: int, size: int, to: int, room: int) -> int:
    """Writes the content of a frame, which is all of `size` bytes, to an address: returns its size, or NOT_READ.

    Whatever the bytes are, nothing is written but `room` bytes from there, and `SLACK_BYTES` behind them.
    """
    if size < _SMALLEST_HEADER or word_at(source) != _MAGIC:
        return NOT_READ
    flags, largest = byte_at(source + _DESCRIPTOR), byte_at(source + _DESCRIPTOR + 1)
    if flags & _GIVEN_FLAGS != _VERSION_1 or largest & _GIVEN_LARGEST or largest < _SMALLEST_LARGEST:
        return NOT_READ
    told, summed = flags & _SIZE_TOLD != 0, flags & _SUMMED != 0
    start = _SMALLEST_HEADER + (_SIZE_FIELD if told else 0)
    end = size - (_SUM if summed else 0)
    if start > end or not has_sum(source + _DESCRIPTOR, start - 1 - _DESCRIPTOR, source + start - 1):
        return NOT_READ
    largest_bytes = 1 << (8 + (largest >> 4) * 2)
    written = read_blocks(source + start, source + end, to, room, largest_bytes, flags & _INDEPENDENT != 0)
    if told and written != word_at(source + _DESCRIPTOR + 2) | word_at(source + _DESCRIPTOR + 6) << 32:
        return NOT_READ
    if written >= 0 and summed and xxhash32(to, written) != word_at(source + end):
        return NOT_READ
    return written


@compiled
def has_sum(address: int, size: int, place: int) -> bool:
    """Whether the byte at a place is that of the sum of others."""
    return bool((xxhash32(address, size) >> 8) & 0xFF == byte_at(place))


@compiled
def read_blocks(source: int, end: int, to: int, room: int, largest_bytes: int, independent: bool) -> int:
    """Writes what the blocks until `end` hold; returns how many bytes these are, or NOT_READ."""
    place = to
    while end - source >= _SUM:
        head = word_at(source)
        source += _SUM
        if head == 0:
            return place - to if source == end else NOT_READ
        size = head & ~_NOT_COMPRESSED
        limit = min(place + largest_bytes, to + room)
        if size > min(end - source, largest_bytes):
            return NOT_READ
        if head & _NOT_COMPRESSED == 0:
            place = read_block(source, source + size, place, place if independent else to, limit)
            if place < 0:
                return NOT_READ
        elif 0 < size <= limit - place:
            copy_bytes(place, source, size)
            place += size
        else:
            return NOT_READ
        source += size
    return NOT_READ


@compiled
def read_block(source: int, end: int, to: int, low: int, limit: int) -> int:
    """Writes what a block holds, of which matches may refer to bytes from `low` on; returns its end, or NOT_READ.

    The room ends at `limit`. Copies go by steps: what is too much of one is written over by the next sequence.
    """
    while source < end:
        token = byte_at(source)
        source += 1
        literals, match = token >> 4, token & _MORE
        if literals < _MORE and end - source >= 2 * _STEP and limit - to >= 2 * _STEP:
            copy_sixteen(to, source)
        else:
            more = 0xFF if literals == _MORE else 0
            while more == 0xFF and source < end:
                more = byte_at(source)
                source += 1
                literals += more
            rest = end - source - literals
            if rest < 0 or literals > limit - to:
                return NOT_READ
            if rest >= 2 * _STEP:
                copy_steps(to, source, literals)
            else:
                copy_bytes(to, source, literals)
            if rest == 0:
                return int(to + literals)
            if rest < 2 + 1 + _LITERAL_BYTES or limit - to - literals < _NO_MATCH_BYTES:
                return NOT_READ
        source, to = source + literals, to + literals
        distance = half_word_at(source)
        source += 2
        more = 0xFF if match == _MORE else 0
        while more == 0xFF:
            if source >= end - _LITERAL_BYTES:
                return NOT_READ
            more = byte_at(source)
            source += 1
            match += more
        match += _SMALLEST_MATCH
        if distance == 0 or distance > to - low or match > limit - _LITERAL_BYTES - to:
            return NOT_READ
        if distance >= _STEP:
            copy_steps(to, to - distance, match)
        else:
            copy_near(to, distance, match)
        to += match
    return NOT_READ


@compiled
def copy_steps(to: int, source: int, size: int) -> None:
    """Copies two steps at a time, and so up to 31 bytes too many; the source may begin a step before or farther."""
    copied = 0
    while copied < size:
        copy_sixteen(to + copied, source + copied)
        copy_sixteen(to + copied + _STEP, source + copied + _STEP)
        copied += 2 * _STEP


@compiled
def copy_near(to: int, distance: int, size: int) -> None:
    """Copies a match that repeats itself within a step."""
    for copied in range(_STEP):
        copy_byte(to + copied, to + copied - distance)
    repeated = distance * ((_STEP - 1) // distance + 1)  # a step away or farther, and the same repetition
    if size > _STEP:
        copy_steps(to + _STEP, to + _STEP - repeated, size - _STEP)
