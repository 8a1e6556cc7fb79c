"""Landing on trial: a topic that is being written to, landers of one group as processes, and an audit at the end."""

from __future__ import annotations

import random
import subprocess
import threading
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from headrace import tables

from .kafka_oracle import Comparison, fingerprint, in_raw, in_topic, query
from .killed_lander import Orders
from .lander_group import LanderGroup

PARTITIONS = 4


@dataclass(frozen=True)
class Verdict:
    """What raw has of what the topic holds. `broken_promises` are acknowledged records that raw lacks."""

    comparison: Comparison
    broken_promises: int

    @property
    def is_clean(self) -> bool:
        return self.comparison.is_clean and self.broken_promises == 0


class Trial:
    """Writes to a topic of its own, and starts landers, for as long as the block lasts."""

    def __init__(self, address: str, folder: Path, *, seed: int, session_timeout_s: float = 6.0) -> None:
        topic = f"trial-{seed}-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True, exist_ok=True)
        self._address, self._folder, self._topic = address, folder, topic
        calm = Orders(address, str(folder / "lake"), topic, [topic], session_timeout_s=session_timeout_s)
        self.landers = LanderGroup(folder, calm)
        self.start, self.stop = self.landers.start, self.landers.stop
        self.first_death, self.death_within = self.landers.first_death, self.landers.death_within
        self._writer = _Writer(address, topic, seed)

    def __enter__(self) -> Trial:
        admin = KafkaAdminClient(bootstrap_servers=self._address)
        admin.create_topics([NewTopic(self._topic, PARTITIONS, 1)])
        admin.wait_for_topics([self._topic])
        admin.close()
        self._writer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._writer.stop()
        self.landers.kill_all()

    @property
    def running(self) -> list[tuple[Orders, subprocess.Popen[bytes]]]:
        """The landers, in the order in which they were started."""
        return self.landers.running

    def landed(self) -> int:
        """How many rows there are now."""
        table = tables.raw_table(self._folder / "lake", self._topic)
        return (
            int(str(query(table, "select count(*) as n from t")[0]["n"])) if DeltaTable.is_deltatable(str(table)) else 0
        )

    def audit(self) -> Verdict:
        """Ends the writing, stops all landers, has one drain the topic, and compares what all sides know."""
        self._writer.stop()
        self.landers.finish()
        raw = in_raw(tables.raw_table(self._folder / "lake", self._topic))
        broken = len(self._writer.acknowledged.keys() - raw.keys())
        return Verdict(Comparison.of(in_topic(self._address, self._topic), raw), broken)


class _Writer:
    """A thread that writes hundreds of records a second, and keeps those that were acknowledged."""

    def __init__(self, address: str, topic: str, seed: int) -> None:
        self.acknowledged: Counter[tuple[int, int, str]] = Counter()
        self._address, self._topic, self._draw = address, topic, random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, name="writer")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        producer = KafkaProducer(bootstrap_servers=self._address, acks="all", linger_ms=5, delivery_timeout_ms=60_000)
        try:
            while not self._stop.wait(0.05):
                values = [self._draw.randbytes(self._draw.randint(0, 200)) for _ in range(50)]
                for value, promise in [
                    (value, producer.send(self._topic, value, partition=self._partition())) for value in values
                ]:
                    self._await(value, promise)
        finally:
            producer.close()

    def _await(self, value: bytes, promise: object) -> None:
        try:
            place = promise.get(timeout=60)
        except KafkaError:
            return  # not acknowledged: it may be in the topic or not, which the audit finds out
        self.acknowledged[place.partition, place.offset, fingerprint(value)] += 1

    def _partition(self) -> int:
        return self._draw.randrange(PARTITIONS)
