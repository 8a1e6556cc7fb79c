"""A journal belongs to one set of options and to the topics that it was begun with: here is what says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.errors import UsageError

from . import topics as cluster_topics
from .journal import Journal
from .options import ReplayOptions
from .sequence import RecordSequence
from .topics import Cluster

OPTIONS = ("days", "order", "defects", "seed", "partitions", "topic_prefix")


def bind(options: ReplayOptions, journal: Journal, sequence: RecordSequence, expected: Mapping[str, Any]) -> None:
    """Makes sure that journal, options and topics belong together; for a new journal, makes the missing topics.

    Raises:
        UsageError: they do not belong together; the message names what differs and what to do.
        BrokerError: the cluster does not answer or refuses to make a topic.
    """
    names = list(options.topics.values())
    cluster = cluster_topics.describe(options.brokers, names)
    known = journal.read_identity()
    if known is not None:
        _compare(journal, known, _identity(options, sequence, cluster))
        return
    if missing := [topic for topic in names if topic not in cluster.topic_ids]:
        cluster_topics.create(options.brokers, missing, options.partitions)
        cluster = cluster_topics.describe(options.brokers, names)
    _check_partitions(options, cluster)
    journal.begin(_identity(options, sequence, cluster), expected)


def _identity(options: ReplayOptions, sequence: RecordSequence, cluster: Cluster) -> dict[str, Any]:
    return {
        "days": options.days,
        "order": options.order.value,
        "defects": options.defects,
        "seed": options.seed,
        "partitions": options.partitions,
        "topic_prefix": options.topic_prefix,
        "records": len(sequence),
        "fingerprint": sequence.fingerprint(),
        "cluster_id": cluster.cluster_id,
        "topic_ids": dict(cluster.topic_ids),
    }


def _check_partitions(options: ReplayOptions, cluster: Cluster) -> None:
    for topic, found in cluster.partitions.items():
        if found != options.partitions:
            raise UsageError(
                f"topic {topic} has {found} partitions, and the replay writes {options.partitions}. "
                f"Delete the topic, use another --topic-prefix, or give --partitions {found}"
            )


def _compare(journal: Journal, known: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for name in OPTIONS:
        if known.get(name) != now[name]:
            raise UsageError(
                f"the journal {journal.folder} was begun with {name} {known.get(name)!r}, and now it is {now[name]!r}. "
                "Give the same options, or another --journal and --topic-prefix"
            )
    if known.get("cluster_id") != now["cluster_id"]:
        raise UsageError(
            f"the journal {journal.folder} belongs to the Kafka cluster {known.get('cluster_id')}, and the brokers "
            f"given are of {now['cluster_id']}. Give the brokers of the first, or another --journal"
        )
    _compare_topics(journal, known.get("topic_ids", {}), now["topic_ids"])
    if known.get("fingerprint") != now["fingerprint"]:
        raise UsageError(
            f"the journal {journal.folder} was begun by another version of the data or of the replay, which made other "
            "records of the same options. Give another --journal and --topic-prefix"
        )


def _compare_topics(journal: Journal, known: Mapping[str, str], now: Mapping[str, str]) -> None:
    for topic, topic_id in known.items():
        found = now.get(topic)
        if found != topic_id:
            what = "is gone" if found is None else f"was made anew, with the id {found}"
            raise UsageError(
                f"the journal {journal.folder} belongs to topic {topic} with the id {topic_id}, which {what}. "
                "To send everything again, remove the journal folder or give another --journal"
            )
