"""A producer that keeps a journal of what was acknowledged: run as a script with one JSON argument, the `Errand`.

A transactional one aborts some of its transactions, and dies by SIGKILL in others: when all that it has sent in them is
acknowledged and in the journal. Its next life has Kafka abort what the last one left open, and says so in the journal.
The lines are those of `headrace.journal`, and one that is passed over there: `transaction_ending`, before a commit is
asked for. Where the answer never came, that transaction stays one of unknown outcome.

SIGTERM ends it in good order, SIGUSR1 has a transactional one die in the transaction that it is in.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kafka import KafkaProducer

TICK_S = 0.05
TRANSACTION_TIMEOUT_S = 20.0
ANSWER_WITHIN_S = 120.0  # a broker that is killed comes back in some ten seconds
TAIL_BYTES = 2**20  # of a journal: more than one transaction takes


@dataclass(frozen=True)
class Errand:
    """What to send. `name` begins each value, and is the id of a transactional producer; `life` counts its starts.

    A transaction has `records`, in two halves. `aborted` is the share of them to abort, `deadly` that to die in; with
    `transactions` it dies in the one after so many, whatever was drawn. A transactional one keeps to its rate over all
    its lives: the first began at `began_at_s` of the wall clock, and those before it have `sent_before` records.
    A plain one never goes beyond the total that stands in the file `allowance`, which somebody raises while it runs.
    """

    brokers: str
    topic: str
    journal: str
    name: str
    seed: int
    partitions: int = 1
    records_per_s: float = 100.0
    transactional: bool = False
    records: int = 20
    aborted: float = 0.0
    deadly: float = 0.0
    transactions: int | None = None
    allowance: str | None = None
    life: int = 1
    began_at_s: float | None = None
    sent_before: int = 0

    def text(self) -> str:
        return json.dumps(asdict(self))


class Journal:
    """The lines of one producer, of all its lives; a line is with the system before the call returns."""

    def __init__(self, path: Path) -> None:
        self._path, self._stream = path, path.open("a", buffering=1)
        self._writing = threading.Lock()

    def sent(self, value: str, place: object, transaction: str | None = None) -> None:
        line = {"topic": place.topic, "partition": place.partition, "offset": place.offset, "key": None, "value": value}
        self.say("producer_send_success", **line, **({} if transaction is None else {"transaction": transaction}))

    def say(self, name: str, **more: object) -> None:
        with self._writing:
            self._stream.write(json.dumps({"name": name} | more) + "\n")

    def left_open(self) -> str | None:
        """The last transaction, if its end was never asked for."""
        with self._path.open("rb") as stream:
            if stream.seek(0, os.SEEK_END) > TAIL_BYTES:
                stream.seek(-TAIL_BYTES, os.SEEK_END)
                stream.readline()
            else:
                stream.seek(0)
            return open_transaction(stream)


def open_transaction(lines: Iterable[bytes]) -> str | None:
    """The transaction of which a last line says that something was sent in it, and none that it ends."""
    found = None
    for line in map(json.loads, lines):
        if transaction := line.get("transaction"):
            found = transaction if line["name"] == "producer_send_success" else None
    return found


class Sender:
    """Draws values, and sends them."""

    def __init__(self, errand: Errand, journal: Journal) -> None:
        self.draw = random.Random(f"{errand.seed} {errand.name} {errand.life}")
        self.errand, self.journal = errand, journal
        own = {"transactional_id": errand.name, "transaction_timeout_ms": int(TRANSACTION_TIMEOUT_S * 1000)}
        self.producer = KafkaProducer(
            bootstrap_servers=errand.brokers,
            acks="all",
            linger_ms=5,
            delivery_timeout_ms=int(ANSWER_WITHIN_S * 1000),
            max_block_ms=int(ANSWER_WITHIN_S * 1000),
            reconnect_backoff_max_ms=1_000,
            **(own if errand.transactional else {}),
        )
        self.doomed = threading.Event()
        self.sent = 0
        self._began_at_s = time.time() if errand.began_at_s is None else errand.began_at_s

    def ahead_s(self) -> float:
        """By how much it is ahead of the rate of the errand; negative where it is behind."""
        due_at_s = self._began_at_s + (self.errand.sent_before + self.sent) / self.errand.records_per_s
        return due_at_s - time.time()

    def send(self) -> tuple[str, object]:
        """Sends the next value; gives it, and the promise of its place."""
        self.sent += 1
        value = f"{self.errand.name}/{self.errand.life}/{self.sent} {'x' * self.draw.randrange(60)}"
        partition = self.draw.randrange(self.errand.partitions)
        return value, self.producer.send(self.errand.topic, value.encode(), partition=partition)


def send_plainly(sender: Sender, stop: threading.Event) -> None:
    """Sends at the rate of the errand, as far as it is allowed; after an outage it catches up."""
    debt = 0.0
    for passed_s in ticks(stop):
        debt += passed_s * sender.errand.records_per_s
        number = min(int(debt), allowed(sender.errand) - sender.sent)
        for _ in range(number):
            value, promise = sender.send()
            promise.add_callback(lambda place, value=value: sender.journal.sent(value, place))
            promise.add_errback(lambda err, value=value: refused(sender.journal, value, err))
        debt -= max(0, number)
    sender.producer.flush(ANSWER_WITHIN_S)


def allowed(errand: Errand) -> int:
    """How many records a plain producer may have sent in all."""
    return int(Path(errand.allowance).read_text()) if errand.allowance else sys.maxsize


def ticks(stop: threading.Event) -> Iterator[float]:
    """The seconds since the last tick, until `stop` is set."""
    before_s = time.monotonic()
    while not stop.wait(TICK_S):
        now_s = time.monotonic()
        yield now_s - before_s
        before_s = now_s


def refused(journal: Journal, value: str, err: Exception) -> None:
    journal.say("producer_send_error", value=value, exception=type(err).__name__, message=str(err))


def send_in_transactions(sender: Sender, stop: threading.Event) -> None:
    """One transaction after another, until it is stopped or dies in one."""
    producer, journal, errand = sender.producer, sender.journal, sender.errand
    left_open = journal.left_open()
    producer.init_transactions()
    if left_open:
        journal.say("transaction_aborted", transaction=left_open)
    for number in itertools.count():
        if stop.is_set():
            return
        dies = sender.draw.random() < errand.deadly or number == errand.transactions
        aborts = sender.draw.random() < errand.aborted
        transact(sender, f"{errand.name}/{errand.life}/{number}", dies=dies, aborts=aborts)


def transact(sender: Sender, transaction: str, *, dies: bool, aborts: bool) -> None:
    """One transaction, sent in two halves; it dies after either."""
    half = sender.errand.records // 2
    dies_after = sender.draw.randint(1, 2) if dies else 0
    sender.producer.begin_transaction()
    for part in (1, 2):
        promised = [sender.send() for _ in range(half)]
        sender.producer.flush(ANSWER_WITHIN_S)
        for value, promise in promised:
            sender.journal.sent(value, promise.get(ANSWER_WITHIN_S), transaction)
        if part == dies_after or sender.doomed.is_set():
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(max(0.0, sender.ahead_s()))
    end(sender, transaction, aborts)


def end(sender: Sender, transaction: str, aborts: bool) -> None:
    if aborts:
        sender.producer.abort_transaction()
        sender.journal.say("transaction_aborted", transaction=transaction)
        return
    sender.journal.say("transaction_ending", transaction=transaction)
    sender.producer.commit_transaction()
    sender.journal.say("transaction_committed", transaction=transaction)


def main(text: str) -> None:
    errand, stop = Errand(**json.loads(text)), threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    sender = Sender(errand, Journal(Path(errand.journal)))
    signal.signal(signal.SIGUSR1, lambda number, frame: sender.doomed.set())
    try:
        (send_in_transactions if errand.transactional else send_plainly)(sender, stop)
    finally:
        sender.producer.close(ANSWER_WITHIN_S)


if __name__ == "__main__":
    main(sys.argv[1])
