"""Numbers in a record's fields, against those that kafka-python reads."""

from __future__ import annotations

import pyarrow as pa
import pytest
from kafka.record.util import decode_varint
from support.record_batches import varint as encoded

from headrace.ingestion.record_fields import NOWHERE, sized, varint

# The greatest and the least of each length in bytes, from one to ten.
EDGES = [edge for bits in range(6, 63, 7) for edge in (2**bits - 1, -(2**bits), 2**bits, -(2**bits) - 1)]
NUMBERS = [0, -1, *EDGES, 2**63 - 1, -(2**63)]


def read(content: bytes, size: int) -> tuple[int, int | None]:
    """The number at the beginning of the first `size` bytes, and how many it takes; None where it does not end."""
    held = pa.py_buffer(content)
    number, place = varint(held.address, held.address + size)
    return number, None if place == NOWHERE else place - held.address


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_of_any_length_is_read_whatever_follows_and_not_where_its_end_is_missing(number):
    content = encoded(number)
    assert read(content + b"\xff", len(content) + 1) == (number, len(content)) == decode_varint(bytearray(content))
    assert [read(content, size) for size in range(len(content))] == [(0, None)] * len(content)


@pytest.mark.parametrize("content", [b"\x80" * 9 + b"\x02", b"\xff" * 10 + b"\x00"], ids=["too large", "too long"])
def test_what_has_more_than_64_bits_is_no_number(content):
    assert read(content, len(content)) == (0, None)


def test_nothing_is_read_from_nowhere():
    held = pa.py_buffer(b"\x00" * 8)
    assert varint(NOWHERE, held.address + held.size) == (0, NOWHERE)
    assert sized(NOWHERE, held.address + held.size) == (0, 0, NOWHERE)
