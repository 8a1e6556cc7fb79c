"""One batch, many micro-batches with deaths between, and a mixture of both: equal tables, and as predicted."""

from __future__ import annotations

import pytest
from support.cleaning_process import run_job
from support.equal_tables import unequal
from support.flights_lake import land_flights
from support.stream_kills import TO_THE_END
from support.stream_restarts import (
    Restart,
    draw_restarts,
    lose_checkpoint,
    micro_batches,
    stream_until,
    stream_with_restarts,
)

pytestmark = pytest.mark.spark


def check(lake, by_batch):
    """Nothing is lost or doubled, every count is the predicted one, and the tables are those of one batch."""
    assert {source: books.faults for source, books in lake.books().items() if books.faults} == {}
    assert lake.wrong_counts() == {}
    for source in lake.expected:
        assert unequal(by_batch.tables(source), lake.tables(source)) == {}, source


class Death(Exception):
    pass


def dying_at(step, occurrence):
    """An `on_step` that fails at the `occurrence`-th passing of `step`, as a lost executor would."""
    passings = []

    def on_step(passed):
        passings.append(passed)
        if passings.count(step) == occurrence and passed == step:
            raise Death(step)

    return on_step


@pytest.fixture(scope="module")
def by_batch(tmp_path_factory, run_here):
    """Three days of departures and weather, cleaned by one batch; only to be read."""
    lake = land_flights(
        tmp_path_factory.mktemp("batch"), days=3, seed=7, commits={"flight_departed": 3, "weather_observed": 2}
    )
    assert run_here("clean_batch", lake.options()) == 0
    check(lake, lake)
    return lake


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_stream_that_dies_between_its_writes_and_loses_its_checkpoint_equals_one_batch(tmp_path, by_batch, run_here):
    streamed = by_batch.copy(tmp_path / "stream")
    options = [*streamed.options(), *TO_THE_END]
    with pytest.raises(Exception, match="Death"):
        run_here("clean_stream", options, on_step=dying_at("after_duplicates", 1))
    lose_checkpoint(streamed)
    assert run_here("clean_stream", options) == 0
    check(streamed, by_batch)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_batch_and_stream_take_turns_over_one_lake_and_equal_one_batch(tmp_path, by_batch, run_here):
    mixed = by_batch.copy(tmp_path / "mixed")
    assert run_here("clean_batch", [*mixed.options(), "--to=2013-01-02T12:00Z"]) == 0
    with pytest.raises(Exception, match="Death"):
        run_here("clean_stream", [*mixed.options(), *TO_THE_END], on_step=dying_at("after_clean", 1))
    assert run_here("clean_batch", mixed.options()) == 0
    check(mixed, by_batch)


SEED = 7
COMMITS = {"flight_departed": 60, "weather_observed": 29}  # of at least 1,000 rows each
EVENTS = {"flight_departed": 328_521, "weather_observed": 26_115}


@pytest.mark.prove
@pytest.mark.timeout(7_200)
def test_eighty_nine_micro_batches_with_three_restarts_equal_one_batch_over_a_year(tmp_path):
    log = tmp_path / "jobs.log"
    batch = land_flights(tmp_path / "batch", days=365, seed=SEED, commits=COMMITS)
    streamed, mixed = batch.copy(tmp_path / "stream"), batch.copy(tmp_path / "mixed")
    assert {source: expected["events"] for source, expected in batch.expected.items()} == EVENTS
    assert min(rows for commits in batch.commits.values() for rows in commits) >= 1_000

    assert run_job("headrace.jobs.clean_batch", batch.options(), log=log, timeout_s=1_800) == 0, f"see {log}"
    check(batch, batch)

    restarts = draw_restarts(SEED, 3, (8, 20))
    stream_with_restarts(streamed, restarts, log, timeout_s=3_600)
    placed = {source: micro_batches(streamed, source) for source in COMMITS}
    large = {source: sum(rows >= 1_000 for rows in found) for source, found in placed.items()}
    print(f"seed {SEED}, {restarts}: {large} micro-batches of 1,000 rows or more, {placed}")
    assert large["flight_departed"] >= 50
    assert sum(large.values()) >= 80
    check(streamed, batch)

    to_october = [*mixed.options(), "--to=2013-10-15T00:00Z"]
    assert run_job("headrace.jobs.clean_batch", to_october, log=log, timeout_s=1_800) == 0, f"see {log}"
    stream_until(Restart("after_clean", 10, loses_checkpoint=False), mixed, log, timeout_s=3_600)
    assert run_job("headrace.jobs.clean_batch", mixed.options(), log=log, timeout_s=1_800) == 0, f"see {log}"
    check(mixed, batch)
