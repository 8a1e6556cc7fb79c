"""The metrics of a lander, read as Prometheus reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from headrace.ingestion import LandingSettings
from headrace.ingestion.flush import FlushReason
from headrace.ingestion.metrics import registry_of
from headrace.ingestion.observer import Observer
from headrace.ingestion.standing import PartitionStanding, PartitionState, Standing, TopicStanding
from headrace.ingestion.tally import Rebalance, Trouble

SETTINGS = LandingSettings(brokers="b:1", lake=Path("/lake"), max_buffered_bytes=64 * 2**20)
STANDING = Standing(
    at_s=1_000.0,
    joined=True,
    topics=(TopicStanding("orders", 12, 3_400, 0.5, 7.25),),
    partitions=(
        PartitionStanding("orders", 0, PartitionState.LANDING, landed=70, beginning=20, end=100),
        PartitionStanding("orders", 1, PartitionState.STOPPED, landed=10, beginning=20, end=100),
        PartitionStanding("orders", 2, PartitionState.STARTING),
    ),
)


@pytest.fixture
def observer():
    """One that has seen two commits, a rebalance and a conflict."""
    seen = Observer()
    for reason, seconds in ((FlushReason.ROWS, 0.03), (FlushReason.AGE, 3.0)):
        seen.tally.committed("orders", reason, rows=50, size_bytes=1_000, seconds=seconds, now_s=999.0)
    seen.tally.rebalances[Rebalance.ASSIGNED] += 1
    seen.tally.troubles[Trouble.CONFLICT] += 1
    seen.board.standing = STANDING
    return seen


def scraped(observer):
    """Every sample of ours: (name, labels) to value."""
    text = generate_latest(registry_of(observer, SETTINGS)).decode()
    return {
        (sample.name.removeprefix("headrace_land_"), *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("headrace_land_")
    }


def of(found, name, **labels):
    return found[(name, *sorted(labels.items()))]


def test_what_was_committed_is_counted_by_topic_and_reason(observer):
    found = scraped(observer)
    assert of(found, "rows_total", topic="orders") == 100
    assert of(found, "bytes_total", topic="orders") == 2_000
    assert of(found, "commits_total", topic="orders", reason="rows") == 1
    assert of(found, "commits_total", topic="orders", reason="age") == 1
    assert of(found, "last_commit_timestamp_seconds", topic="orders") == 999.0


def test_the_durations_of_commits_fall_into_buckets_that_add_up(observer):
    found = scraped(observer)
    buckets = {labels[0][1]: n for (name, *labels), n in found.items() if name == "commit_seconds_bucket"}
    assert (buckets["0.025"], buckets["0.05"], buckets["2.5"], buckets["5.0"], buckets["+Inf"]) == (0, 1, 1, 2, 2)
    assert of(found, "commit_seconds_sum", topic="orders") == pytest.approx(3.03)
    assert of(found, "commit_seconds_count", topic="orders") == 2


def test_the_lag_and_the_margin_to_retention_are_told_by_partition(observer):
    found = scraped(observer)
    lags = {labels[0][1]: lag for (name, *labels), lag in found.items() if name == "lag_offsets"}
    assert lags == {"0": 30, "1": 90}  # of the one that just starts nothing is known yet
    assert of(found, "retention_margin_offsets", topic="orders", partition="0") == 50
    assert of(found, "retention_margin_offsets", topic="orders", partition="1") == -10
    assert of(found, "partition_stopped", topic="orders", partition="1") == 1
    assert of(found, "partition_stopped", topic="orders", partition="0") == 0


def test_partitions_buffers_and_ages_are_told_by_topic(observer):
    found = scraped(observer)
    states = {labels[0][1]: n for (name, *labels), n in found.items() if name == "partitions"}
    assert states == {"starting": 1, "landing": 1, "paused": 0, "stopped": 1}
    assert of(found, "buffered_bytes", topic="orders") == 3_400
    assert of(found, "buffered_limit_bytes") == 64 * 2**20
    assert of(found, "oldest_unlanded_age_seconds", topic="orders") == 7.25
    assert of(found, "ready") == 1


def test_rebalances_and_troubles_have_all_their_kinds_from_the_start(observer):
    found = scraped(observer)
    assert {labels[0][1] for (name, *labels) in found if name == "rebalances_total"} == {"assigned", "revoked", "lost"}
    assert of(found, "rebalances_total", event="assigned") == 1
    assert of(found, "troubles_total", kind="conflict") == 1
    assert of(found, "troubles_total", kind="broker_away") == 0


def test_a_lander_that_has_not_begun_has_metrics_too():
    assert of(scraped(Observer()), "buffered_limit_bytes") == 64 * 2**20


def test_names_are_those_of_the_conventions_and_labels_are_bounded(observer):
    families = list(registry_of(observer, SETTINGS).collect())
    ours = [family for family in families if family.name.startswith("headrace_land_")]
    assert len(ours) > 20
    assert all(family.documentation.endswith(".") for family in ours)
    labels = {label for family in ours for sample in family.samples for label in sample.labels}
    closed = {"reason", "event", "kind", "state", "le", "version"}  # words of lists in the code
    assert labels == {"topic", "partition"} | closed
    of_time = [family.name for family in ours if family.name.endswith(("_seconds", "_bytes", "_offsets", "_offset"))]
    assert len(of_time) > 8
    assert {family.type for family in ours} == {"counter", "gauge", "histogram"}


def test_the_process_tells_its_memory_where_the_system_has_it(observer):
    text = generate_latest(registry_of(observer, SETTINGS)).decode()
    if not Path("/proc/self/stat").exists():
        pytest.skip("needs /proc, which only Linux has")
    assert "process_resident_memory_bytes" in text


def test_two_runs_in_one_process_have_metrics_of_their_own(observer):
    assert of(scraped(observer), "rebalances_total", event="assigned") == 1
    assert of(scraped(Observer()), "rebalances_total", event="assigned") == 0
