"""The Prometheus metrics of a lander, made when they are asked for out of what its loop has counted and posted.

A label is a topic, a partition, or a word of a closed list, so their number is bounded: no producer chooses one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from headrace import __version__

from .observer import Observer
from .settings import LandingSettings
from .standing import PartitionStanding, PartitionState, Standing
from .tally import COMMIT_BUCKETS_S, Latency, Rebalance, Tally, Trouble

PREFIX = "headrace_land_"
Labels = TypeVar("Labels", tuple[str], tuple[str, str])

TOPIC, PLACE = ("topic",), ("topic", "partition")


def registry_of(observer: Observer, settings: LandingSettings) -> CollectorRegistry:
    """A registry of its own for one run; with the memory, CPU time and files of the process, where the system tells."""
    registry = CollectorRegistry()
    registry.register(_LanderCollector(observer, settings))
    ProcessCollector(registry=registry)
    return registry


class _LanderCollector(Collector):
    """Collects on the thread of whoever asks; the loop is not stopped for it."""

    def __init__(self, observer: Observer, settings: LandingSettings) -> None:
        self._observer, self._settings = observer, settings

    def collect(self) -> Iterator[Metric]:
        board = self._observer.board
        yield from _of_run(self._observer.tally)
        yield from _of_process(self._settings)
        if board.standing is not None:
            yield from _of_standing(board.standing)
            yield from _of_partitions(board.standing)

    def describe(self) -> Iterator[Metric]:
        """Nothing: so that registering asks for no values."""
        return iter(())


def _of_process(settings: LandingSettings) -> Iterator[Metric]:
    info = GaugeMetricFamily(f"{PREFIX}info", "Always 1; the version of the lander.", labels=["version"])
    info.add_metric([__version__], 1)
    yield info
    yield GaugeMetricFamily(
        f"{PREFIX}buffered_limit_bytes", "The ceiling of what is read and not landed.", settings.max_buffered_bytes
    )


def _of_run(tally: Tally) -> Iterator[Metric]:
    yield _counter("rows", "Rows committed.", TOPIC, {(topic,): n for topic, n in tally.rows.items()})
    size = {(topic,): n for topic, n in tally.size_bytes.items()}
    yield _counter("bytes", "Bytes of the rows committed, as they lay in memory.", TOPIC, size)
    commits = {(topic, reason.value): n for (topic, reason), n in tally.commits.items()}
    yield _counter("commits", "Commits, by what made them due.", ("topic", "reason"), commits)
    yield _latencies(tally.latency)
    yield _gauge(
        "last_commit_timestamp_seconds",
        "When a topic's last commit succeeded, in seconds since 1970.",
        TOPIC,
        {(topic,): at_s for topic, at_s in tally.last_commit_at_s.items()},
    )
    yield CounterMetricFamily(
        f"{PREFIX}log_entries_tried_total",
        "Log entries tried; more than commits where the log refused some.",
        tally.log_entries_tried,
    )
    yield CounterMetricFamily(
        f"{PREFIX}offset_commits_refused_total",
        "Offsets that Kafka did not take: only its own lag tools are behind.",
        tally.offset_commits_refused,
    )
    rebalances = {(each.value,): tally.rebalances[each] for each in Rebalance}
    yield _counter("rebalances", "What the group did with partitions of this lander.", ("event",), rebalances)
    troubles = {(each.value,): tally.troubles[each] for each in Trouble}
    yield _counter("troubles", "What was in the way, and was tried again.", ("kind",), troubles)


def _of_standing(standing: Standing) -> Iterator[Metric]:
    topics = standing.topics
    states = {
        (topic.topic, state.value): standing.count(topic.topic, state) for topic in topics for state in PartitionState
    }
    yield _gauge("partitions", "Partitions of this lander, by what it does with them.", ("topic", "state"), states)
    rows = {(topic.topic,): topic.buffered_rows for topic in topics}
    yield _gauge("buffered_rows", "Rows read and not landed.", TOPIC, rows)
    size = {(topic.topic,): topic.buffered_bytes for topic in topics}
    yield _gauge("buffered_bytes", "Memory of what is read and not landed.", TOPIC, size)
    waits = {(topic.topic,): topic.oldest_wait_s for topic in topics}
    yield _gauge("oldest_buffered_wait_seconds", "Since the oldest record not landed was read; else 0.", TOPIC, waits)
    ages = {(topic.topic,): topic.oldest_age_s for topic in topics}
    yield _gauge(
        "oldest_unlanded_age_seconds",
        "Since the Kafka timestamp of the oldest record read and not landed.",
        TOPIC,
        ages,
    )
    yield GaugeMetricFamily(f"{PREFIX}ready", "1 while what comes now can be landed.", not standing.not_ready())


def _of_partitions(standing: Standing) -> Iterator[Metric]:
    def gauge(name: str, text: str, value: Callable[[PartitionStanding], int | None]) -> Metric:
        found = {(each.topic, str(each.partition)): value(each) for each in standing.partitions}
        return _gauge(name, text, PLACE, {labels: number for labels, number in found.items() if number is not None})

    yield gauge("lag_offsets", "Offsets between the landed position and the end.", lambda each: each.lag)
    yield gauge("position_offset", "The landed position: the next offset to land.", lambda each: each.landed)
    yield gauge("end_offset", "The end of the partition: its last stable offset.", lambda each: each.end)
    yield gauge(
        "retention_margin_offsets",
        "Offsets between the oldest that the broker holds and the landed position; below 0 some are lost.",
        lambda each: each.margin,
    )
    stopped = PartitionState.STOPPED
    yield gauge(
        "partition_stopped",
        "1 while a partition is stopped, because the broker no longer holds what the table asks for.",
        lambda each: int(each.state is stopped),
    )


def _latencies(latencies: dict[str, Latency]) -> Metric:
    family = HistogramMetricFamily(f"{PREFIX}commit_seconds", "How long a commit took.", labels=TOPIC)
    bounds = [*map(str, COMMIT_BUCKETS_S), "+Inf"]
    for topic, latency in list(latencies.items()):
        family.add_metric([topic], list(zip(bounds, accumulate(latency.counts), strict=True)), latency.sum_s)
    return family


def _counter(name: str, text: str, labels: tuple[str, ...], values: Mapping[Labels, float]) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}{name}_total", text, labels=labels)
    for label, value in values.items():
        family.add_metric(label, value)
    return family


def _gauge(name: str, text: str, labels: tuple[str, ...], values: Mapping[Labels, float]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}{name}", text, labels=labels)
    for label, value in values.items():
        family.add_metric(label, value)
    return family
