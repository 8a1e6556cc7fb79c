"""Landing on trial: a topic that is being written to, landers of one group as processes, and an audit at the end."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from deltalake import DeltaTable
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from kafka.errors import KafkaError

from headrace import tables

from .eventually import eventually
from .kafka_oracle import Comparison, fingerprint, in_raw, in_topic, query
from .killed_lander import Orders, ready_file

ROOT = Path(__file__).parents[2]
PARTITIONS = 4
DEATH_WAIT_S = 90.0  # for a step to come: a dead member keeps its partitions for the session timeout
STOP_WAIT_S = 10.0  # what a lander may take to stop when asked
END_WAIT_S = 120.0


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
        self.running: list[tuple[Orders, subprocess.Popen[bytes]]] = []
        self._address, self._folder, self._topic = address, folder, topic
        self._calm = Orders(address, str(folder / "lake"), topic, [topic], session_timeout_s=session_timeout_s)
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
        for _, process in self.running:
            process.kill()
            process.wait()

    def start(self, **changes: object) -> subprocess.Popen[bytes]:
        """One more lander; `changes` are those of its `Orders`."""
        orders = replace(self._calm, **changes)
        environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
        command = [sys.executable, "-m", "support.killed_lander", orders.text()]
        with (self._folder / "landers.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=environment)
        self.running.append((orders, process))
        return process

    def first_death(self) -> tuple[Orders, int]:
        """Waits for a lander to end; gives its orders and its exit code."""
        deadline_s = time.monotonic() + DEATH_WAIT_S
        while time.monotonic() < deadline_s:
            for orders, process in self.running:
                try:
                    exit_code = process.wait(0.05)
                except subprocess.TimeoutExpired:
                    continue
                self.running.remove((orders, process))
                return orders, exit_code
        waiting = [orders.step for orders, _ in self.running]
        raise AssertionError(f"no lander reached its step within {DEATH_WAIT_S:g} s: {waiting}")

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Asks a lander to stop, which it must do in time and with exit code 0."""
        eventually(ready_file(self._folder, process.pid).exists)
        process.terminate()
        assert process.wait(STOP_WAIT_S) == 0, f"a lander ended with {process.returncode}: see {self._folder}"
        self.running = [(orders, other) for orders, other in self.running if other is not process]

    def landed(self) -> int:
        """How many rows there are now."""
        table = tables.raw_table(self._folder / "lake", self._topic)
        return (
            int(str(query(table, "select count(*) as n from t")[0]["n"])) if DeltaTable.is_deltatable(str(table)) else 0
        )

    def audit(self) -> Verdict:
        """Ends the writing, stops all landers, has one drain the topic, and compares what all sides know."""
        self._writer.stop()
        for _, process in list(self.running):
            self.stop(process)
        last = self.start(until_end=True)
        assert last.wait(END_WAIT_S) == 0, f"the last lander ended with {last.returncode}: see {self._folder}"
        self.running.clear()
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
