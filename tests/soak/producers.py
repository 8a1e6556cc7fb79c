"""The producers of a soak: one plain one, and transactional ones that die and are started again.

The share of the transactional ones is kept up by steering: what they have sent is counted in their journals, and the
plain one may send only in proportion to it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from support.eventually import eventually
from support.journalled_producer import Errand
from support.rooms import REPOSITORY

PLAIN = "plain"
TRANSACTIONAL = 2
TRANSACTIONAL_SHARE = 0.34  # of all that is sent
HEAD_START_S = 2.0  # what the plain one may send before the first transaction is through, and beyond its proportion
ABORTED, DEADLY = 0.2, 0.02  # shares of the transactions
TRANSACTION_S = 0.8
STOP_WITHIN_S = 130.0
SENT = b'"producer_send_success"'
LAST_LIVES = 3  # a producer may have been killed just before it is stopped, or be about to start


@dataclass(frozen=True)
class Sent:
    """What the journals of the transactional producers hold: records, and transactions by their outcome."""

    records: int
    transactions: dict[str, int]  # committed, aborted, unknown


class Tally:
    """Counts the records that a journal tells of, as it grows."""

    def __init__(self, path: Path) -> None:
        self.path, self.records = path, 0
        self._read_bytes = 0

    def update(self) -> int:
        """Takes the whole lines that came since the last call; gives the records so far."""
        if self.path.exists():
            with self.path.open("rb") as stream:
                stream.seek(self._read_bytes)
                lines = stream.read()
            whole = lines[: lines.rfind(b"\n") + 1]
            self._read_bytes += len(whole)
            self.records += whole.count(SENT)
        return self.records


class Producers:
    """All of them send `records_per_s` together. `folder` gets their journals and `producers.log`."""

    def __init__(
        self, address: str, topic: str, folder: Path, *, partitions: int, records_per_s: float, seed: int
    ) -> None:
        self.deaths = 0
        self.surprises: list[str] = []
        self.journals = folder / "journals"
        self.journals.mkdir()
        self._log, self._running = folder / "producers.log", dict[str, subprocess.Popen[bytes]]()
        self._allowance = folder / "allowance"
        self._head_start = round(HEAD_START_S * records_per_s)
        share = records_per_s * TRANSACTIONAL_SHARE / TRANSACTIONAL
        names = [PLAIN, *(f"transactional-{number}" for number in range(TRANSACTIONAL))]
        self._errands = {
            name: Errand(
                brokers=address,
                topic=topic,
                journal=str(self._journal(name)),
                name=name,
                seed=seed,
                partitions=partitions,
                records_per_s=share if name != PLAIN else records_per_s * (1 - TRANSACTIONAL_SHARE),
                transactional=name != PLAIN,
                records=max(2, 2 * round(share * TRANSACTION_S / 2)),
                aborted=ABORTED,
                deadly=DEADLY,
                allowance=str(self._allowance) if name == PLAIN else None,
            )
            for name in names
        }
        self._tallies = {name: Tally(self._journal(name)) for name in names if name != PLAIN}

    def start(self) -> None:
        """Starts all of them."""
        self.steer()
        for name in self._errands:
            self._start(name)

    def steer(self) -> None:
        """Allows the plain one what keeps the share of the transactional ones."""
        transactional = sum(tally.update() for tally in self._tallies.values())
        allowed = transactional * (1 - TRANSACTIONAL_SHARE) / TRANSACTIONAL_SHARE + self._head_start
        fresh = self._allowance.with_suffix(".fresh")
        fresh.write_text(str(int(allowed)))
        fresh.rename(self._allowance)

    def revive(self) -> None:
        """Starts those again that have died; an end that was not of their own making is noted."""
        for name, producer in list(self._running.items()):
            if producer.poll() is None:
                continue
            self.deaths += producer.returncode == -signal.SIGKILL
            if producer.returncode not in (-signal.SIGKILL, -signal.SIGUSR1):
                self.surprises.append(f"the producer {name} ended with {producer.returncode}: see {self._log.name}")
            self._start(name)

    def fall(self) -> None:
        """Has the transactional ones die in a transaction: for good, until they are revived.

        With a broker that is killed, too, kafka-python 3.0.12 waits in its transaction for ever.
        """
        doomed = [producer for name, producer in self._running.items() if name != PLAIN and producer.poll() is None]
        for producer in doomed:
            producer.send_signal(signal.SIGUSR1)
        for producer in doomed:
            producer.wait(STOP_WITHIN_S)

    def stop(self) -> None:
        """Stops them where no transaction is open, and none is left of a life that was killed."""
        for name in self._errands:
            for _ in range(LAST_LIVES):
                if self._stop(name) == 0:
                    break
                self._errands[name] = replace(self._errands[name], deadly=0.0)
                journal = self._journal(name)
                before = journal.stat().st_size
                self._start(name)
                eventually(lambda journal=journal, before=before: journal.stat().st_size > before, within_s=60)
            else:
                self.surprises.append(f"the producer {name} could not be stopped in good order: see {self._log.name}")

    def kill_all(self) -> None:
        """Ends them at once."""
        for producer in self._running.values():
            producer.kill()
            producer.wait()
        self._running.clear()

    def sent_in_transactions(self) -> Sent:
        """Read from the journals, when all producers have ended."""
        records, ends, begun = 0, Counter[str](), set[str]()
        for path in self.journals.glob("transactional-*.jsonl"):
            with path.open("rb") as lines:
                for line in map(json.loads, lines):
                    begun.add(line["transaction"])
                    if line["name"] == "producer_send_success":
                        records += 1
                    else:
                        ends[line["name"].removeprefix("transaction_")] += 1
        outcomes = {name: ends[name] for name in ("committed", "aborted")}
        return Sent(records, outcomes | {"unknown": len(begun) - sum(outcomes.values())})

    def _start(self, name: str) -> None:
        """Its next life. A Ctrl-C in the terminal does not reach it."""
        errand = self._errands[name]
        if name in self._tallies:
            began_at_s = time.time() if errand.began_at_s is None else errand.began_at_s
            errand = replace(errand, began_at_s=began_at_s, sent_before=self._tallies[name].update())
        command = [sys.executable, "-m", "support.journalled_producer", errand.text()]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "tests")}
        with self._log.open("ab") as log:
            self._running[name] = subprocess.Popen(command, stderr=log, env=environment, start_new_session=True)
        self._errands[name] = replace(errand, life=errand.life + 1)

    def _journal(self, name: str) -> Path:
        return self.journals / f"{name}.jsonl"

    def _stop(self, name: str) -> int:
        producer = self._running[name]
        producer.terminate()
        try:
            return producer.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            producer.kill()
            return producer.wait()
