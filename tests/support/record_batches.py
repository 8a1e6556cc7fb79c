"""Record batches made byte by byte, as Kafka's documentation has them, with all that a builder refuses to make."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import lz4.frame
import snappy
import zstandard
from crc32c import crc32c

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
CODECS = {"none": NONE, "gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}


def varint(number: int) -> bytes:
    raw, found = (number << 1) ^ (number >> 63), bytearray()
    while raw > 0x7F:
        found.append(raw & 0x7F | 0x80)
        raw >>= 7
    return bytes([*found, raw])


def sized(content: bytes | None) -> bytes:
    return varint(-1) if content is None else varint(len(content)) + content


@dataclass(frozen=True)
class Rec:
    """One record: its distance to the batch's first offset and first time, and what it holds."""

    offset: int = 0
    key: bytes | None = b"k"
    value: bytes | None = b"v"
    headers: Sequence[tuple[bytes, bytes | None]] = ()
    time_ms: int = 0

    def to_bytes(self) -> bytes:
        headers = b"".join(sized(key) + sized(value) for key, value in self.headers)
        fields = b"\0" + varint(self.time_ms) + varint(self.offset)
        body = fields + sized(self.key) + sized(self.value) + varint(len(self.headers)) + headers
        return varint(len(body)) + body


@dataclass(frozen=True)
class Batch:
    """A record batch of message format 2; `content` and `crc` are what they should be unless they are given."""

    records: Sequence[Rec] = ()
    base_offset: int = 0
    last_offset_delta: int | None = None
    codec: int = NONE
    append_time: bool = False
    transactional: bool = False
    control: bool = False
    producer_id: int = -1
    leader_epoch: int = 0
    first_time_ms: int = 1_000
    max_time_ms: int = 2_000
    count: int | None = None
    content: bytes | None = None
    crc: int | None = None

    @property
    def last_delta(self) -> int:
        if self.last_offset_delta is not None:
            return self.last_offset_delta
        return max((record.offset for record in self.records), default=0)

    @property
    def next_offset(self) -> int:
        return self.base_offset + self.last_delta + 1

    def at(self, base_offset: int) -> Batch:
        return replace(self, base_offset=base_offset)

    def to_bytes(self) -> bytes:
        plain = b"".join(record.to_bytes() for record in self.records)
        content = compressed(self.codec, plain) if self.content is None else self.content
        attributes = self.codec | 8 * self.append_time | 16 * self.transactional | 32 * self.control
        count = len(self.records) if self.count is None else self.count
        times = (self.first_time_ms, self.max_time_ms)
        checked = struct.pack(">hiqqqhii", attributes, self.last_delta, *times, self.producer_id, 0, 0, count) + content
        crc = crc32c(checked) if self.crc is None else self.crc
        rest = struct.pack(">ibI", self.leader_epoch, 2, crc) + checked
        return struct.pack(">qi", self.base_offset, len(rest)) + rest


def marker(producer_id: int, *, aborts: bool) -> Batch:
    """What ends a transaction."""
    key = struct.pack(">hh", 0, 0 if aborts else 1)
    record = Rec(key=key, value=struct.pack(">hi", 0, 0))
    return Batch([record], producer_id=producer_id, transactional=True, control=True)


def log(*batches: Batch, first: int = 0) -> tuple[Batch, ...]:
    """The batches one behind another."""
    placed = []
    for batch in batches:
        placed.append(batch.at(first))
        first = placed[-1].next_offset
    return tuple(placed)


def part(*batches: Batch) -> bytes:
    """What a fetch gives of a partition that holds them."""
    return b"".join(batch.to_bytes() for batch in batches)


def compressed(codec: int, plain: bytes) -> bytes:
    if codec == GZIP:
        return gzip.compress(plain, mtime=0)
    if codec == SNAPPY:
        return xerial(plain)
    if codec == LZ4:
        return lz4.frame.compress(plain, block_linked=False, store_size=False)
    if codec == ZSTD:
        return zstandard.ZstdCompressor(write_content_size=False).compress(plain)
    return plain


def xerial(plain: bytes, block_bytes: int = 32 * 1024) -> bytes:
    """Snappy in blocks, as Java's producers write it."""
    blocks = [snappy.compress(plain[start : start + block_bytes]) for start in range(0, len(plain), block_bytes)]
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + b"".join(struct.pack(">i", len(b)) + b for b in blocks)
