"""The sequence of records that a replay sends: ordinary events and defects, numbered from 0."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .defect_kinds import Defect
from .defects import Added
from .events import SOURCES, Array, Events
from .order import LineUp

ORDINARY = -1


class Record(NamedTuple):
    """One record of the sequence; `stamp_ms` is its Kafka timestamp, the simulated arrival; no `value`, a tombstone."""

    number: int
    source: str
    partition: int
    stamp_ms: int
    key: bytes
    value: bytes | None
    defect: Defect | None


@dataclass(frozen=True)
class RecordSequence:
    """All records in the order of sending. Arrays are [n], indexed by the sequence number.

    `source`: index into `SOURCES`. `row`: into the events of that source, or into `added` where `defect` (index into
    `Defect`, or `ORDINARY`) says so. `stamp_ms`: never falls. `partition`: follows from the key alone.
    """

    events: Mapping[str, Events]
    added: Sequence[Added]
    source: Array
    row: Array
    defect: Array
    stamp_ms: Array
    partition: Array

    def __len__(self) -> int:
        return len(self.source)

    def records(self, numbers: Array) -> list[Record]:
        """The records with these sequence numbers, in the order given."""
        keys, values = self._contents(numbers)
        kinds = [*Defect, None]  # ORDINARY is the last
        return [
            Record(number, SOURCES[source], partition, stamp_ms, key, value, kinds[defect])
            for number, source, partition, stamp_ms, key, value, defect in zip(
                numbers.tolist(),
                self.source[numbers].tolist(),
                self.partition[numbers].tolist(),
                self.stamp_ms[numbers].tolist(),
                keys,
                values,
                self.defect[numbers].tolist(),
                strict=True,
            )
        ]

    def _contents(self, numbers: Array) -> tuple[list[bytes], list[bytes | None]]:
        keys: list[bytes] = [b""] * len(numbers)
        values: list[bytes | None] = [None] * len(numbers)
        source, row, ordinary = self.source[numbers], self.row[numbers], self.defect[numbers] == ORDINARY
        for source_number, name in enumerate(SOURCES):
            where = np.flatnonzero((source == source_number) & ordinary)
            events, rows = self.events[name], row[where]
            for index, key, value in zip(where.tolist(), events.keys(rows), events.payloads(rows), strict=True):
                keys[index], values[index] = key.encode(), value
        for index in np.flatnonzero(~ordinary).tolist():
            added = self.added[row[index]]
            keys[index], values[index] = added.key.encode(), added.value
        return keys, values

    def numbers_of(self, source: str, partition: int) -> Array:
        """The sequence numbers of one partition, in the order of its offsets."""
        return np.flatnonzero((self.source == SOURCES.index(source)) & (self.partition == partition))

    def fingerprint(self) -> str:
        """A sha256 (hex) over the whole sequence: another version of data, options or code gives another one."""
        digest = hashlib.sha256()
        for array in (self.source, self.row, self.defect, self.stamp_ms, self.partition):
            digest.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
        for record in self.added:
            digest.update(record.key.encode() + b"\0" + (record.value if record.value is not None else b"\0"))
        return digest.hexdigest()


def build_sequence(
    events: Mapping[str, Events], line_up: LineUp, added: Sequence[Added], *, partitions: int
) -> RecordSequence:
    """Merges the line-up and what is added to it; each added record follows the ordinary one at its place."""
    places = np.array([record.place for record in added], dtype=np.int64)
    by_place = np.argsort(np.concatenate([np.arange(len(line_up)), places]), kind="stable")

    def merged(ordinary: Array, of_added: list[int]) -> Array:
        return np.concatenate([ordinary, np.array(of_added, dtype=np.int64)])[by_place]

    partition = np.empty(len(line_up), dtype=np.int64)
    for name in SOURCES:
        rows = np.arange(len(events[name]))
        partition[line_up.places_of(name)] = [partition_of(key, partitions) for key in events[name].keys(rows)]
    kinds = list(Defect)
    clock_ms = line_up.clock_s * 1_000
    return RecordSequence(
        events,
        added,
        source=merged(line_up.source, [SOURCES.index(record.source) for record in added]),
        row=merged(line_up.row, list(range(len(added)))),
        defect=merged(np.full(len(line_up), ORDINARY), [kinds.index(record.defect) for record in added]),
        stamp_ms=np.concatenate([clock_ms, clock_ms[places]])[by_place],
        partition=merged(partition, [partition_of(record.key, partitions) for record in added]),
    )


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: crc32 of its UTF-8 bytes, modulo the number of partitions."""
    return zlib.crc32(key.encode()) % partitions
