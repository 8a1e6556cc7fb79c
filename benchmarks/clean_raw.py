"""A raw table to be cleaned: arrivals of the published flights as the lander writes them, with defects from a seed.

The published arrivals come again and again, each time with flight ids of their own, until there are as many as wanted.
One record in a hundred is a defect of the kinds of the demo, all kinds in turn.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from headrace.examples.flights.defect_kinds import COPIES, Defect
from headrace.examples.flights.defect_values import write_value
from headrace.examples.flights.events import Events, load_events
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import RECORD_SCHEMA
from headrace.ingestion.raw_table import RawTable

SOURCE = "flight_arrived"
TOPIC_ID, CLUSTER = "gTa5qzOPQEaYl0mGzVLfTg", "cluster"
PARTITIONS = 4
ROWS_A_COMMIT = 100_000  # as many as `headrace land` commits at once
EVENTS_A_DEFECT = 99
ARRIVES_AFTER_S = 300
DAY_S = 86_400
# When a record arrives after its event, where it is not soon; the limits of the pipeline file are 7 days and an hour.
ARRIVES_AFTER_S_OF = {Defect.LATE: 8 * DAY_S, Defect.IN_THE_FUTURE: -2 * 3_600}
LARGEST_GAP = 50_000  # events between one and its copy
LANDED_AT_MS = 1_700_000_000_000

Record = tuple[bytes, bytes | None, int]  # key, value, arrival in seconds since 1970


def write_raw(lake: Path, records: int, seed: int) -> Path:
    """Lands so many records in a new raw table below `lake`, and gives its folder."""
    table = RawTable.of(lake, SOURCE, CLUSTER)
    landing = Landing(table, TOPIC_ID, durable=False)
    landing.positions(range(PARTITIONS))
    waiting = _Partitions()
    for number, record in enumerate(_records(records, seed), 1):
        waiting.add(record)
        if number % ROWS_A_COMMIT == 0 or number == records:
            batches, moves = waiting.taken()
            landing.commit(batches, moves, lock_wait_s=10.0, now_ms=LANDED_AT_MS)
            landing.wait_for_checkpoint()
    return table.folder


def _records(count: int, seed: int) -> Iterator[Record]:
    """Events in the order of the published file, and after every ninety-nine of them a defect."""
    events = load_events()[SOURCE]
    rng = np.random.default_rng(seed)
    kinds = list(Defect)
    payloads = events.payloads(np.arange(len(events)))
    numbers = iter(range(count))
    for number in range(count):
        turn, place = divmod(number, EVENTS_A_DEFECT + 1)
        if place < EVENTS_A_DEFECT:
            yield _event(events, payloads, next(numbers))
        else:
            kind = kinds[turn % len(kinds)]
            yield _defect(events, kind, (turn + 1) * EVENTS_A_DEFECT, number, rng)


def _event(events: Events, payloads: list[bytes], number: int) -> Record:
    copy, row = divmod(number, len(events))
    flight_id = _flight_id(events, copy, row)
    sent = payloads[row].replace(b'{"flight_id":"', b'{"flight_id":"%d-' % copy, 1)
    return flight_id.encode(), sent, int(events.event_at_s[row]) + ARRIVES_AFTER_S


def _defect(events: Events, kind: Defect, events_before: int, number: int, rng: np.random.Generator) -> Record:
    """A copy of an event that was sent not long before, or a record in the likeness of one, with an id of its own."""
    back = int(rng.integers(1, min(LARGEST_GAP, events_before) + 1))
    copy, row = divmod(events_before - back, len(events))
    (document,) = events.documents(np.array([row]))
    made = "" if kind in COPIES else f"made-{number}-"
    document["flight_id"] = made + _flight_id(events, copy, row)
    value = write_value(kind, document, int(rng.integers(2**31)), SOURCE)
    after_s = ARRIVES_AFTER_S_OF.get(kind, ARRIVES_AFTER_S)
    return document["flight_id"].encode(), value, int(events.event_at_s[row]) + after_s


def _flight_id(events: Events, copy: int, row: int) -> str:
    return f"{copy}-{events.columns['flight_id'][row]}"


@dataclass
class _Partitions:
    """Records that wait for a commit, by partition, with the next position of each."""

    records: list[list[Record]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    positions: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    def add(self, record: Record) -> None:
        """The key chooses the partition, so that copies share one."""
        self.records[zlib.crc32(record[0]) % PARTITIONS].append(record)

    def taken(self) -> tuple[list[pa.RecordBatch], dict[int, Move]]:
        """What waits, as columns, and how it moves the positions; then nothing waits."""
        batches, moves = [], {}
        for partition, records in enumerate(self.records):
            first = self.positions[partition]
            if records:
                batches.append(_batch(partition, first, records))
                self.positions[partition] = first + len(records)
                moves[partition] = Move(first or None, self.positions[partition])
        self.records = [[] for _ in range(PARTITIONS)]
        return batches, moves


def _batch(partition: int, first: int, records: list[Record]) -> pa.RecordBatch:
    keys, values, arrivals = zip(*records, strict=True)
    rows = len(records)
    no_headers = pa.ListArray.from_arrays(
        np.zeros(rows + 1, np.int32),
        pa.array([], RECORD_SCHEMA.field("headers").type.value_type),
        type=RECORD_SCHEMA.field("headers").type,
    )
    columns = [
        pa.repeat(pa.scalar(partition, pa.int32()), rows),
        pa.array(np.arange(first, first + rows, dtype=np.int64)),
        pa.array(np.array(arrivals, np.int64) * 1_000_000, pa.timestamp("us", "UTC")),
        pa.repeat("create", rows),
        pa.repeat(pa.scalar(0, pa.int32()), rows),
        pa.array(keys, pa.binary()),
        pa.array(values, pa.binary()),
        no_headers,
    ]
    return pa.RecordBatch.from_arrays(columns, schema=RECORD_SCHEMA)
