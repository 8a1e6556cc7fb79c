"""Before a run lands anything: each gap that it was told to accept must be one, and is recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from headrace.errors import UsageError, near_names
from headrace.gaps import Gap

from .cluster import Cluster
from .gaps import accept_gap
from .positions import Bounds, Lost, Place, resume
from .raw_table import RawTable
from .topic_landing import TopicLanding


def place_of(text: str) -> Place:
    """The place that `TOPIC:PARTITION` names.

    Raises:
        UsageError: it names none.
    """
    topic, _, partition = text.rpartition(":")
    if not topic or not (partition.isascii() and partition.isdigit()):
        raise UsageError(f"--accept-gap wants TOPIC:PARTITION, such as orders:3, found '{text}'")
    return topic, int(partition)


def refuse_unread(places: Collection[Place], topics: Collection[str]) -> None:
    """Refuses places of topics that are not landed.

    Raises:
        UsageError: there is one.
    """
    for topic, partition in sorted(places):
        if topic not in topics:
            raise UsageError(
                f"--accept-gap {topic}:{partition}: this run does not land a topic '{topic}'. "
                f"Did you mean: {near_names(topic, topics)}?"
            )


def accept_gaps(
    places: Collection[Place],
    cluster: Cluster,
    topics: Mapping[str, tuple[RawTable, TopicLanding]],
    *,
    lock_wait_s: float,
) -> tuple[Gap, ...]:
    """Records the gap of each of these places in its raw table; `topics` has the tables of their topics.

    Raises:
        UsageError: there is no such partition, or no gap; nothing was recorded.
        LandingConflict: another lander moves the position at this moment; start again.
        Unreachable, LockTimeout, MachineError: no broker answers, or the table cannot be written.
    """
    found = sorted((_lost(place, cluster, topics[place[0]][1]) for place in places), key=lambda lost: lost.place)
    accepted = []
    for lost in found:
        table, landing = topics[lost.place[0]]
        accepted.append(accept_gap(table, landing.table.topic_id, lost, lock_wait_s=lock_wait_s))
    return tuple(accepted)


def _lost(place: Place, cluster: Cluster, landing: TopicLanding) -> Lost:
    topic, partition = place
    known = sorted(number for _, number in cluster.places([topic]))
    if partition not in known:
        raise UsageError(
            f"--accept-gap {topic}:{partition}: the topic has no such partition, only {known[0]} to {known[-1]}"
        )
    (landed,), (bounds,) = landing.table.positions([partition]).values(), cluster.bounds([place]).values()
    lost = resume(place, landed, bounds)
    if not isinstance(lost, Lost):
        raise UsageError(f"--accept-gap {topic}:{partition}: {_no_gap(landed, bounds)}. Start again without it")
    return lost


def _no_gap(landed: int | None, bounds: Bounds) -> str:
    table = "has nothing of it yet" if landed is None else f"asks for offset {landed} next"
    return f"there is no gap: the table {table}, and the broker begins at {bounds.beginning} and ends at {bounds.end}"
