"""LZ4 frames read by compiled code, against the LZ4 library: it gives the same, or has to do it."""

from __future__ import annotations

import struct

import lz4.block
import lz4.frame
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.partition_readers import columnar, read, stock
from support.record_batches import LZ4, Batch, Rec, part

from headrace.ingestion import columnar as columnar_module
from headrace.ingestion.lz4_frames import NOT_READ, SLACK_BYTES, read_frame

GUARD_BYTES = 256
PATTERN = 0xA5


def content_of(frame: bytes, room: int) -> bytes | None:
    """What is read; None where nothing is. Fails when anything is written behind the room and its slack."""
    source = np.frombuffer(bytes(frame), np.uint8)
    to = np.full(room + SLACK_BYTES + GUARD_BYTES, PATTERN, np.uint8)
    size = read_frame(source.ctypes.data, len(source), to.ctypes.data, room)
    assert (to[room + SLACK_BYTES :] == PATTERN).all()
    assert size == NOT_READ or 0 <= size <= room
    return None if size == NOT_READ else to[:size].tobytes()


def by_the_library(frame: bytes) -> bytes | None:
    """What `batch_compression` takes: one frame that ends where the data do."""
    reader = lz4.frame.LZ4FrameDecompressor()
    try:
        content = reader.decompress(frame)
    except RuntimeError:
        return None
    return content if reader.eof and not reader.unused_data else None


def framed(block: bytes, *, largest: int = 4) -> bytes:
    """A frame of one compressed block, whatever that holds."""
    whole = bytearray(lz4.frame.compress(b"", block_size=largest, block_linked=False, store_size=False))
    return bytes(whole[:-4]) + struct.pack("<I", len(block)) + block + bytes(4)


WORDS = [b'{"event_id": "', b"click", b"0", b" " * 40, b"abcdefgh" * 9, bytes(range(256))]
CONTENTS = st.lists(st.sampled_from(WORDS) | st.binary(max_size=70), max_size=60).map(b"".join)
OPTIONS = st.fixed_dictionaries(
    {
        "block_linked": st.booleans(),
        "content_checksum": st.booleans(),
        "store_size": st.booleans(),
        "block_size": st.sampled_from([4, 5, 6, 7]),
        "compression_level": st.sampled_from([-5, 0, 9]),
    }
)


@settings(deadline=None)  # the first call may compile
@given(CONTENTS, st.integers(1, 30), OPTIONS, st.integers(0, 200))
def test_any_content_comes_back_whoever_compressed_it_and_only_into_enough_room(content, times, options, spare):
    content *= times
    frame = lz4.frame.compress(content, **options)
    assert content_of(frame, len(content) + spare) == content
    if content:
        assert content_of(frame, len(content) - 1) is None


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("unit", [b"x", b"abc", b"words of many letters ", np.random.default_rng(1).bytes(100_000)])
def test_blocks_of_a_large_content_come_back(unit, linked):
    content = (unit * (300_000 // len(unit) + 1))[:300_000]
    frame = lz4.frame.compress(content, block_size=4, block_linked=linked, content_checksum=True)
    assert content_of(frame, len(content)) == content


def test_what_is_not_known_here_is_left_to_the_library():
    content = b"some words, some words, some words, and others"
    checked = lz4.frame.compress(content, block_checksum=True)
    for frame in (checked, lz4.frame.compress(content) * 2, b"", b"\x04", lz4.block.compress(content)):
        assert content_of(frame, 1_000) is None


SAMPLE = b"".join(b'{"id": %d, "kind": "click", "text": "%s"}' % (n * n, b"ab" * n) for n in range(12))
SAMPLES = [
    lz4.frame.compress(SAMPLE, block_linked=False, store_size=False),
    lz4.frame.compress(SAMPLE, content_checksum=True),
    lz4.frame.compress(bytes(np.random.default_rng(2).bytes(60)) + bytes(90), store_size=False),
]


@pytest.mark.parametrize("frame", SAMPLES)
def test_every_frame_that_is_cut_off_is_left_to_the_library(frame):
    for size in range(len(frame)):
        assert content_of(frame[:size], 4_096) is None
        assert content_of(frame + frame[: size + 1], 4_096) is None


@pytest.mark.parametrize("frame", SAMPLES)
def test_every_byte_that_is_changed_gives_what_the_library_gives_or_nothing(frame):
    same = 0
    for place in range(len(frame)):
        for bits in (0x01, 0x10, 0x80, 0xFF):
            changed = bytearray(frame)
            changed[place] ^= bits
            found = content_of(changed, 4_096)
            same += found is not None
            assert found is None or found == by_the_library(bytes(changed))
    assert same or frame is SAMPLES[1]  # changed literals, where no sum is made


SEQUENCES = st.tuples(
    st.integers(0, 40) | st.just(300), st.integers(0, 40) | st.just(300), st.integers(0, 70) | st.just(65_535)
)


@settings(deadline=None, max_examples=300)  # the first call may compile
@given(st.lists(SEQUENCES, max_size=12), st.integers(0, 30), st.randoms(use_true_random=False))
def test_any_sequences_give_what_the_library_gives_or_nothing(sequences, last, chance):
    block = b"".join(sequence(*each, chance) for each in sequences) + sequence(last, 0, 0, chance)[:-2]
    found, expected = content_of(framed(block), 2**16), by_the_library(framed(block))
    assert found is None or found == expected
    if expected is not None and last >= 12 and all(distance for _, _, distance in sequences):
        assert found == expected


def sequence(literals: int, match: int, distance: int, chance) -> bytes:
    def more(length: int) -> bytes:
        return b"" if length < 15 else b"\xff" * ((length - 15) // 255) + bytes([(length - 15) % 255])

    token = min(literals, 15) << 4 | min(match, 15)
    return bytes([token]) + more(literals) + chance.randbytes(literals) + struct.pack("<H", distance) + more(match)


def test_batches_are_decompressed_without_the_library(monkeypatch):
    batches = [Batch([Rec(n, b"key", b"value " * n, [(b"h", b"x")]) for n in range(200)], codec=LZ4)] * 3
    expected = read(stock(part(*batches)))
    monkeypatch.setattr(columnar_module, "decompressed", None)
    assert read(columnar(part(*batches))) == expected
    assert read(columnar(part(*batches)), 1, 250, 1) == expected


def test_a_batch_that_has_no_room_in_a_turn_comes_by_the_library_between_others(monkeypatch):
    monkeypatch.setattr(columnar_module, "TURN_BYTES", 10_000)
    sizes = (10, 4_000, 90_000, 10, 9_000, 9_000)
    whole = part(*[Batch([Rec(value=bytes(size))], base_offset=n, codec=LZ4) for n, size in enumerate(sizes)])
    assert [len(row["value"]) for row in read(columnar(whole))[0]] == list(sizes)


def test_what_a_frame_could_never_hold_reserves_nothing():
    for count in (600_000_000, 2**31 - 1, -1):
        whole = part(Batch([Rec()], codec=LZ4, count=count))
        found, raised = read(columnar(whole)), read(stock(whole))
        assert (found[0], type(found[1])) == (raised[0], type(raised[1]))
