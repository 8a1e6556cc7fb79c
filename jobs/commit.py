"""Commits: appends to a source's tables, each stamped with the instant at which this system computed its rows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from headrace.tables import CREATED_AT

from .table_version import table_version


@dataclass
class Commits:
    """The appends of one run. Each carries a transaction id: the run's `application` and the number of the unit of
    work.

    The application id is new in every run. If it were the checkpoint's, Delta would drop a repeated unit in silence,
    although after a crash the repetition may hold other rows (a batch run placed some in between, or an admission rule
    was changed); the books, not this id, are what makes repetition harmless.

    `alone` is held for each append, where the caller does not hold the lock of the source anyway. `newest` has, by
    path, the version that the last append made and its instant.
    """

    spark: SparkSession
    application: str
    alone: Callable[[], AbstractContextManager[None]] = nullcontext
    newest: dict[str, tuple[int, int]] = field(default_factory=dict)

    def append(
        self,
        rows: DataFrame,
        path: Path | str,
        *,
        unit: int,
        metadata: Mapping[str, Any] | None = None,
        to_empty: bool = False,
    ) -> None:
        """Appends `rows` with `_created_at` set, in one Delta commit. The caller holds the lock of the source, or gave
        `alone`; `to_empty` says that the table has no row.
        """
        with self.alone():
            created_at_us = _now_us() if to_empty else self._created_at_us(path)
            stamped = rows.withColumn(CREATED_AT, F.timestamp_micros(F.lit(created_at_us)))
            columns = self.spark.read.format("delta").load(str(path)).columns
            writer = stamped.select(*columns).write.format("delta").mode("append")
            writer = writer.option("txnAppId", self.application).option("txnVersion", unit)
            if metadata:
                writer = writer.option("userMetadata", json.dumps(metadata))
            writer.save(str(path))
            self.newest[str(path)] = table_version(self.spark, path), created_at_us

    def _created_at_us(self, path: Path | str) -> int:
        """The greater of the wall clock and the table's greatest + 1 µs.

        That is known while the last append is the newest commit. Else files whose statistics lie before the wall clock
        are not read, which is nearly always all of them.
        """
        now_us = _now_us()
        version, created_at_us = self.newest.get(str(path), (None, 0))
        if version is not None and version == table_version(self.spark, path):
            return max(now_us, created_at_us + 1)
        ahead = (
            self.spark.read.format("delta")
            .load(str(path))
            .where(F.col(CREATED_AT) >= F.timestamp_micros(F.lit(now_us)))
        )
        greatest = ahead.agg(F.max(F.unix_micros(CREATED_AT))).collect()[0][0]
        return now_us if greatest is None else greatest + 1


def _now_us() -> int:
    return time.time_ns() // 1000
