"""Rows of raw tables with every kind of column: one value, few, many, in runs, neighbours, nulls, nothing at all."""

from __future__ import annotations

import random

import pyarrow as pa

from headrace.ingestion.raw_columns import RAW_SCHEMA, RECORD_SCHEMA, UTC_MICROSECONDS


class DrawnRows:
    """Columns of any content, in which values come once, a few times, or many; all from a seed."""

    def __init__(self, seed: int, rows: int, *, nulls: bool) -> None:
        self.chance, self.rows, self.nulls = random.Random(seed), rows, nulls

    def column(self, value, *, is_required=False):
        known = [value() for _ in range(self.chance.choice((1, 2, 12)))]
        if self.nulls and not is_required:
            known.append(None)
            known = self.chance.choice((known, [None], [*known, *[None] * 9]))
        found = []
        while len(found) < self.rows:
            found += [self.chance.choice(known)] * self.chance.choice((1, 1, 1, 5, 100))
            known.append(value())
        return found[: self.rows]

    def number(self, bits):
        low = -(2 ** (bits - 1))
        return lambda: self.chance.choice((0, 1, 7, low, -low - 1, low + self.chance.getrandbits(bits)))

    def neighbours(self):
        start, step = self.chance.getrandbits(62), self.chance.choice((1, 3, 2**20))
        return [start + row * step + self.chance.choice((0, 0, self.chance.getrandbits(4))) for row in range(self.rows)]

    def text(self):
        return self.chance.choice(("create", "append", "", "ä", self.bytes().hex()))

    def bytes(self):
        return self.chance.randbytes(self.chance.choice((0, 1, 9, self.chance.randrange(400))))

    def pairs(self):
        def pair():
            return {"key": self.text(), "value": self.bytes() if self.chance.random() < 0.8 else None}

        return [pair() for _ in range(self.chance.choice((0, 0, 0, 1, 3)))]

    def batches(self, first_offset: int) -> list[pa.RecordBatch]:
        """Records with offsets of their own, and times of this century, in batches of different sizes."""
        columns = self.table().select(RECORD_SCHEMA.names)
        offsets = pa.array(range(first_offset, first_offset + self.rows), pa.int64())
        times = pa.array(self.column(lambda: 10**15 + self.chance.getrandbits(50)), UTC_MICROSECONDS)
        for name, column in (("_offset", offsets), ("timestamp", times)):
            columns = columns.set_column(columns.column_names.index(name), RECORD_SCHEMA.field(name), column)
        return columns.to_batches(max_chunksize=self.rows // 3 + 1)

    def table(self) -> pa.Table:
        """Rows of a raw table whose numbers may be any of their type."""
        times = pa.array(self.column(self.number(64)), pa.int64())
        offsets = self.neighbours() if self.chance.random() < 0.5 else self.column(self.number(64), is_required=True)
        columns = {
            "_topic_id": self.column(self.text, is_required=True),
            "_generation": self.column(self.number(32), is_required=True),
            "_partition": self.column(self.number(32), is_required=True),
            "_offset": offsets,
            "timestamp": times.cast(UTC_MICROSECONDS),
            "timestamp_type": self.column(self.text),
            "leader_epoch": self.column(self.number(32)),
            "landed_at": pa.array(self.neighbours(), UTC_MICROSECONDS),
            "key": self.column(self.bytes),
            "value": self.column(self.bytes),
            "headers": self.column(self.pairs if self.chance.random() < 0.8 else list, is_required=True),
        }
        return pa.Table.from_pydict(columns, schema=RAW_SCHEMA)
