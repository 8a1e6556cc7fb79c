"""The records of a compressed batch, made whole again up to a ceiling.

A batch of 100 kB may hold 100 MB of zeros: whoever decompresses without a bound lets any producer decide how much
memory a consumer takes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4  # the codec bits of a batch's attributes

_GZIP_WINDOW = 31  # zlib's number for a gzip wrapper
# Snappy in blocks, as the Java library xerial frames it: a magic, two versions, then (length, block) pairs.
_XERIAL_MAGIC = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES = 16
_PIECE_BYTES = 64 * 1024


class AboveCeiling(Exception):
    """What is compressed is larger than the ceiling."""


class Unreadable(Exception):
    """The data are not what their codec writes, or nothing is installed that reads it."""


def decompressed(codec: int, data: memoryview, ceiling_bytes: int) -> bytes:
    """The bytes that were compressed.

    Raises:
        AboveCeiling: they are more than `ceiling_bytes`; no more than those were made.
        Unreadable: see there.
    """
    reader = _READERS.get(codec)
    if reader is None:
        raise Unreadable(f"codec {codec} is not known")
    try:
        return reader(data, ceiling_bytes)
    except (ImportError, ValueError, OSError, RuntimeError, EOFError, struct.error, zlib.error) as err:
        raise Unreadable(f"codec {codec}: {err}") from err


def _gzip(data: memoryview, ceiling_bytes: int) -> bytes:
    """One member or several, each with its own header."""
    parts, room, rest = [], ceiling_bytes, bytes(data)
    while rest:
        member = zlib.decompressobj(_GZIP_WINDOW)
        parts.append(member.decompress(rest, room + 1))
        room -= len(parts[-1])
        if room < 0:
            raise AboveCeiling
        if not member.eof:
            raise EOFError("the stream ends before its end")
        rest = member.unused_data.lstrip(b"\0")  # members may be padded
    return _joined(parts)


def _snappy(data: memoryview, ceiling_bytes: int) -> bytes:
    parts, room = [], ceiling_bytes
    for block in _snappy_blocks(data):
        room -= _snappy_size(block)
        if room < 0:
            raise AboveCeiling
        parts.append(_snappy_block(block))
    return _joined(parts)


def _snappy_block(block: memoryview) -> bytes:
    import snappy

    try:
        return bytes(snappy.uncompress(bytes(block)))
    except snappy.UncompressError as err:
        raise Unreadable(f"snappy: {err}") from err


def _snappy_blocks(data: memoryview) -> list[memoryview]:
    if data[: len(_XERIAL_MAGIC)] != _XERIAL_MAGIC or len(data) <= _XERIAL_HEADER_BYTES:
        return [data]
    blocks, place = [], _XERIAL_HEADER_BYTES
    while place < len(data):
        (size,) = struct.unpack_from(">i", data, place)
        if size < 0 or place + 4 + size > len(data):
            raise ValueError("a block ends behind the data")
        blocks.append(data[place + 4 : place + 4 + size])
        place += 4 + size
    return blocks


def _snappy_size(block: memoryview) -> int:
    """How large a block says that it will be, as a varint in front: a reader holds it to that."""
    size = 0
    for index, byte in enumerate(block[:5]):
        size |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return size
    raise ValueError("a block without its size")


def _lz4(data: memoryview, ceiling_bytes: int) -> bytes:
    import lz4.frame

    frame = lz4.frame.LZ4FrameDecompressor()
    parts, room = [], ceiling_bytes
    piece_bytes = max(_PIECE_BYTES, 4 * len(data))  # it reserves as much as it may give
    while not frame.eof:
        parts.append(frame.decompress(data if frame.needs_input else b"", max_length=min(piece_bytes, room + 1)))
        room -= len(parts[-1])
        if room < 0:
            raise AboveCeiling
        if frame.needs_input and not frame.eof:
            break
    if not frame.eof or frame.unused_data:
        raise EOFError("the frame does not end where the data do")
    return _joined(parts)


def _zstd(data: memoryview, ceiling_bytes: int) -> bytes:
    import zstandard

    try:
        reader = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
        parts, room = [], ceiling_bytes
        while part := reader.read(_PIECE_BYTES):
            room -= len(part)
            if room < 0:
                raise AboveCeiling
            parts.append(part)
        return _joined(parts)
    except zstandard.ZstdError as err:
        raise Unreadable(f"zstd: {err}") from err


def _joined(parts: list[bytes]) -> bytes:
    return parts[0] if len(parts) == 1 else b"".join(parts)


_READERS: dict[int, Callable[[Any, int], bytes]] = {GZIP: _gzip, SNAPPY: _snappy, LZ4: _lz4, ZSTD: _zstd}
