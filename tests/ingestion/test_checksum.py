"""CRC-32C by the processor's instruction, against the package crc32c."""

from __future__ import annotations

import pyarrow as pa
import pytest
from crc32c import crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.ingestion.checksum import STRETCH_BYTES, checksum
from headrace.ingestion.compiled import has_crc32c

pytestmark = pytest.mark.skipif(not has_crc32c(), reason="this processor has no SSE 4.2")


def checksum_of(content: bytes) -> int:
    held = pa.py_buffer(content)
    return checksum(held.address, held.size)


def test_the_sum_of_the_nine_digits_is_the_one_of_the_standard():
    assert checksum_of(b"123456789") == 0xE3069283
    assert checksum_of(b"") == 0


@settings(deadline=None)  # the first call may compile
@given(st.integers(0, 5 * STRETCH_BYTES), st.integers(0, 9), st.randoms(use_true_random=False))
def test_any_bytes_of_any_size_from_any_address_have_the_sum_of_the_package(size, start, chance):
    content = chance.randbytes(start + size)
    held = pa.py_buffer(content)
    assert checksum(held.address + start, size) == crc32c(content[start:])
