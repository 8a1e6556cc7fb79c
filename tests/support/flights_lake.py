"""Raw tables of the flights, made by the lander's own table writer from the replay's records, without a broker.

So the cut into commits is exactly the one that a proof asks for.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from headrace.audit import CleaningBooks, audit_cleaning
from headrace.examples.flights.options import ReplayOptions
from headrace.examples.flights.order import Order
from headrace.examples.flights.replay import prepare
from headrace.examples.flights.sequence import RecordSequence
from headrace.ingestion.landing import Landing
from headrace.ingestion.positions import Move
from headrace.ingestion.raw_columns import record_columns
from headrace.ingestion.raw_table import RawTable
from headrace.outcomes import count_outcome, differences
from headrace.pipeline import load_pipeline
from headrace.tables import SourceTables, source_tables

from .kafka_records import record as consumed

PIPELINE = Path(str(files("headrace.examples.flights") / "pipeline.yaml"))


@dataclass(frozen=True)
class FlightsLake:
    """A lake with raw tables of some sources, and what cleaning must make of them."""

    folder: Path
    expected: Mapping[str, Mapping[str, Any]]  # by source, as in expected.json
    commits: Mapping[str, Sequence[int]]  # the rows of each raw commit, by source
    file: Path = PIPELINE

    @property
    def own(self) -> Path:
        """The folder of the pipeline in the lake."""
        return self.folder / load_pipeline(self.file).pipeline

    def copy(self, folder: Path) -> FlightsLake:
        """Another lake with the same raw tables and plans, and nothing cleaned."""
        shutil.copytree(self.folder / "raw", folder / "raw")
        if (plans := self.own / "plans").exists():
            shutil.copytree(plans, folder / plans.relative_to(self.folder))
        return replace(self, folder=folder)

    def options(self) -> list[str]:
        """What a cleaning job is told of this lake."""
        sources = [f"--source={source}" for source in self.expected]
        return [f"--pipeline={self.file}", f"--lake={self.folder}", *sources]

    def tables(self, source: str) -> SourceTables:
        pipeline = load_pipeline(self.file)
        return source_tables(self.folder, pipeline.pipeline, source, pipeline.definition(source))

    def books(self) -> dict[str, CleaningBooks]:
        """The audit of each source."""
        return {source: audit_cleaning(self.folder, source, source, self.tables(source)) for source in self.expected}

    def wrong_counts(self) -> dict[str, list[str]]:
        """The counts of each source that are not as the replay predicted."""
        found = {
            source: differences(self.expected[source], count_outcome(self.tables(source))) for source in self.expected
        }
        return {source: wrong for source, wrong in found.items() if wrong}


def land_flights(
    lake: Path, *, days: int, seed: int, commits: Mapping[str, int], defects: float = 0.01, file: Path = PIPELINE
) -> FlightsLake:
    """Lands the sources named in `commits`, each in so many commits of nearly equal size, in the published order; they
    are to be cleaned by the pipeline in `file`.
    """
    asked = ReplayOptions(brokers="none:1", journal=lake, order=Order.PUBLISHED, days=days, defects=defects, seed=seed)
    sequence, expected = prepare(asked)
    landed = {source: _land(lake, source, sequence, asked.partitions, count) for source, count in commits.items()}
    return FlightsLake(lake, {source: expected["sources"][source] for source in commits}, landed, file)


def _land(lake: Path, source: str, sequence: RecordSequence, partitions: int, commits: int) -> list[int]:
    landing = Landing(RawTable.of(lake, source, "a cluster"), f"id of {source}")
    numbers = np.sort(np.concatenate([sequence.numbers_of(source, partition) for partition in range(partitions)]))
    positions: dict[int, int] = {}
    rows = []
    for piece in np.array_split(numbers, commits):
        by_partition: dict[int, list[Any]] = {}
        for sent in sequence.records(piece):
            ours = by_partition.setdefault(sent.partition, [])
            offset = positions.get(sent.partition, 0) + len(ours)
            place = {"partition": sent.partition, "topic": source}
            ours.append(consumed(offset, sent.value, key=sent.key, timestamp=sent.stamp_ms, **place))
        batches = [record_columns(partition, ours) for partition, ours in sorted(by_partition.items())]
        moves = {
            partition: Move(positions.get(partition), positions.get(partition, 0) + len(ours))
            for partition, ours in by_partition.items()
        }
        rows.append(landing.commit(batches, moves, lock_wait_s=10.0))
        positions |= {partition: move.position for partition, move in moves.items()}
    return rows
