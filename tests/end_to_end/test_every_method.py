"""All events of the year, and a plan with every method in it: a stream that is killed five times equals one batch."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cleaning_process import run_job
from support.equal_tables import unequal
from support.every_method import methods_of, write_every_method
from support.flights_lake import land_flights
from support.stream_restarts import draw_restarts, micro_batches, stream_with_restarts

from headrace.pipeline.cleaning import FILLS, OUTLIER_METHODS

SEED, EVENTS, KILLS = 7, 1_027_013, 5
COMMITS = {
    "flight_scheduled": 12,
    "flight_departed": 12,
    "flight_arrived": 12,
    "flight_cancelled": 4,
    "weather_observed": 6,
}


@pytest.mark.prove
@pytest.mark.timeout(7_200)
def test_every_method_gives_the_same_tables_by_batch_and_by_a_stream_that_is_killed_five_times(tmp_path: Path):
    file, log = write_every_method(tmp_path / "every_method.yaml"), tmp_path / "jobs.log"
    assert methods_of(file) == {*OUTLIER_METHODS, *FILLS, "mahalanobis"}
    batch = land_flights(tmp_path / "batch", days=365, seed=SEED, commits=COMMITS, file=file)
    assert sum(expected["events"] for expected in batch.expected.values()) == EVENTS
    assert run_job("headrace.jobs.fit_plan", batch.options(), log=log, timeout_s=1_800) == 0, f"see {log}"
    streamed = batch.copy(tmp_path / "stream")

    assert run_job("headrace.jobs.clean_batch", batch.options(), log=log, timeout_s=1_800) == 0, f"see {log}"
    restarts = draw_restarts(SEED, KILLS, (4, 8))
    stream_with_restarts(streamed, restarts, log, timeout_s=3_600)

    for lake in (batch, streamed):
        assert {source: books.faults for source, books in lake.books().items() if books.faults} == {}
        assert lake.wrong_counts() == {}
    for source in COMMITS:
        assert unequal(batch.tables(source), streamed.tables(source)) == {}, source
    placed = {source: micro_batches(streamed, source) for source in COMMITS}
    print(f"seed {SEED}, {restarts}: {placed}")
