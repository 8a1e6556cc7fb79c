"""Header keys that are not UTF-8: kept readable instead of stopping the stream.

Kafka's Java clients write header keys as UTF-8, others write what they are given, and kafka-python raises on the rest:
one record would stop its partition for ever. Here such a key is landed with its odd bytes spelled out (`\\xff`).
Everything else is read by kafka-python as ever.
"""

from __future__ import annotations

from typing import Any

from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import ControlRecord, DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint


class LenientPartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    """kafka-python's own reader of one partition's part of a fetch, but for header keys that are not UTF-8."""

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Any:
        return super()._unpack_records(tp, _LenientRecords(records), *deserializers)


class _LenientRecords:
    def __init__(self, records: Any) -> None:
        self._records = records

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if type(batch) is DefaultRecordBatch:
            batch.__class__ = _LenientBatch
        return batch


class _LenientBatch(DefaultRecordBatch):  # type: ignore[misc]
    __slots__ = ()
    _pos: int

    def _read_msg(self) -> Any:
        try:
            return super()._read_msg()
        except UnicodeDecodeError:
            return self._read_spelling_out()

    def _read_spelling_out(self) -> Any:
        """Reads the record at the present place once more, field by field (message format 2)."""
        length, start = decode_varint(self._buffer, self._pos)
        _, place = decode_varint(self._buffer, start)  # attributes
        time_delta_ms, place = decode_varint(self._buffer, place)
        offset_delta, place = decode_varint(self._buffer, place)
        key, place = self._bytes(place)
        value, place = self._bytes(place)
        count, place = decode_varint(self._buffer, place)
        headers = []
        for _ in range(count):
            name, place = self._bytes(place)
            content, place = self._bytes(place)
            headers.append(((name or b"").decode("utf-8", "backslashreplace"), content))
        if place - start != length:
            raise ValueError(f"a record of {length} bytes was read as one of {place - start}")
        self._pos = place  # type: ignore[misc]
        append_time = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp_ms = self.max_timestamp if append_time else self.first_timestamp + time_delta_ms
        kind = ControlRecord if self.is_control_batch else DefaultRecord
        return kind(length, self.base_offset + offset_delta, timestamp_ms, self.timestamp_type, key, value, headers)

    def _bytes(self, place: int) -> tuple[bytes | None, int]:
        size, place = decode_varint(self._buffer, place)
        return (None, place) if size < 0 else (bytes(self._buffer[place : place + size]), place + size)
