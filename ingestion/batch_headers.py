"""The headers of the record batches in one partition's part of a fetch (message format 2).

A batch is: base offset int64, length int32 (of what follows), leader epoch int32, magic int8, CRC-32C uint32 (of what
follows), attributes int16, last offset delta int32, first and last timestamp int64, producer id int64, producer epoch
int16, base sequence int32, count of records int32, records; all big-endian. The formats before it differ after the
magic byte.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import carray
from numpy.typing import NDArray

from .compiled import compiled, pointer_to

OVERHEAD = 12  # bytes before the length counts
CHECKED_FROM = 21  # where the bytes begin that the CRC is of
RECORDS_FROM = 61
SMALLEST = 26  # bytes of the smallest batch of any format
FORMAT = 2

CODEC_MASK, APPEND_TIME, TRANSACTIONAL, CONTROL = 0x07, 0x08, 0x10, 0x20

# Columns of a table of headers, one row a batch: it is the bytes `[START, END)` of the part. Of a batch of another
# format only the first four are known; one that is too short to be a batch has magic -1.
START, END, MAGIC, BASE_OFFSET, LEADER_EPOCH, CRC, ATTRIBUTES, LAST_OFFSET_DELTA = range(8)
FIRST_TIME_MS, MAX_TIME_MS, PRODUCER_ID, RECORDS = range(8, 12)
COLUMNS = 12

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TransactionBatch:
    """A batch as kafka-python's Fetcher.PartitionRecords asks one whether it was aborted."""

    producer_id: int
    is_transactional: bool


def batch_headers(address: int, size: int) -> Ints:
    """The batches of a part that are whole, in order, `[n, COLUMNS] int64`.

    The last one in a part may be cut off by the size of the fetch. One that is too short to be a batch is the last:
    nothing can be found behind it.
    """
    table = np.zeros((count_batches(address, size), COLUMNS), np.int64)
    read_headers(address, size, table)
    return table


@compiled
def big_endian(data: NDArray[np.uint8], place: int, size: int) -> int:
    """A signed number of `size` bytes."""
    number = int(data[place])
    if number > 0x7F:
        number -= 0x100
    for index in range(place + 1, place + size):
        number = (number << 8) | int(data[index])
    return number


@compiled
def batch_end(data: NDArray[np.uint8], start: int) -> int:
    """Where the batch at `start` ends; -1 where no whole batch is."""
    if start + OVERHEAD > data.size:
        return -1
    end = start + OVERHEAD + big_endian(data, start + 8, 4)
    return end if end <= data.size else -1


@compiled
def count_batches(address: int, size: int) -> int:
    """How many batches are whole, one that is too short included."""
    data = carray(pointer_to(address), (size,))
    count, start = 0, 0
    while True:
        end = batch_end(data, start)
        if end == -1:
            return count
        count += 1
        if end - start < SMALLEST:
            return count
        start = end


@compiled
def read_headers(address: int, size: int, table: Ints) -> None:
    """Fills a table of zeros with as many rows as there are batches."""
    data = carray(pointer_to(address), (size,))
    start = 0
    for row in range(len(table)):
        end = batch_end(data, start)
        header = table[row]
        header[START], header[END] = start, max(end, start)
        header[BASE_OFFSET] = big_endian(data, start, 8)
        header[MAGIC] = big_endian(data, start + 16, 1) if end - start >= SMALLEST else -1
        header[LEADER_EPOCH] = header[PRODUCER_ID] = -1
        if header[MAGIC] == FORMAT and end - start >= RECORDS_FROM:
            header[LEADER_EPOCH] = big_endian(data, start + 12, 4)
            header[CRC] = big_endian(data, start + 17, 4) & 0xFFFFFFFF
            header[ATTRIBUTES] = big_endian(data, start + 21, 2)
            header[LAST_OFFSET_DELTA] = big_endian(data, start + 23, 4)
            header[FIRST_TIME_MS] = big_endian(data, start + 27, 8)
            header[MAX_TIME_MS] = big_endian(data, start + 35, 8)
            header[PRODUCER_ID] = big_endian(data, start + 43, 8)
            header[RECORDS] = big_endian(data, start + 57, 4)
        start = end
