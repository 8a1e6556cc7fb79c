"""Everything that a soak starts: a topic on a broker, producers, landers, and a pair of eyes; and its end."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from support.eventually import eventually
from support.kafka_oracle import Comparison, in_raw, in_topic
from support.killed_lander import Orders
from support.lander_group import LanderGroup
from support.own_broker import OwnBroker

from headrace import tables
from headrace.journal import open_journal
from headrace.landing_audit import LandingBooks, audit_landing

from .landers import Landers
from .plan import AT_THE_START, Dose
from .positions import Positions
from .producers import Producers

PARTITIONS = 8
FIRST_ROWS_WITHIN_S = 150.0  # the first start of a lander compiles its decoder
TICK_S = 0.2


@dataclass(frozen=True)
class Options:
    """How long, from which seed, and how many events. `max_age_s` is the age at which landers commit, `dose_s` the time
    for which as much is to happen, where that is not the length.
    """

    seconds: float
    seed: int
    events: float
    session_timeout_s: float = 10.0
    max_age_s: float = 0.5
    dose_s: float | None = None

    @property
    def dose(self) -> Dose:
        """How much is to happen."""
        return replace(Dose.of(self.dose_s or self.seconds, self.session_timeout_s), seconds=self.seconds)


class World:
    """Starts everything on `broker` while the block lasts; `folder` gets the lake, journals and logs."""

    def __init__(self, options: Options, folder: Path, broker: OwnBroker) -> None:
        self.broker, self._folder, self._lake = broker, folder, folder / "lake"
        self._topic = f"soak-{options.seed}-{uuid.uuid4().hex[:8]}"
        orders = folder / "orders"
        orders.mkdir()
        self._group = LanderGroup(folder, self._calm(options, orders))
        self.landers = Landers(self._group, self._lake, orders)
        self.producers = Producers(
            broker.address,
            self._topic,
            folder,
            partitions=PARTITIONS,
            records_per_s=options.events / options.seconds,
            seed=options.seed,
        )
        self.positions = Positions(broker.address, self._lake, self._topic, PARTITIONS)

    def __enter__(self) -> World:
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._group.kill_all()
        self.producers.kill_all()
        self.positions.close()

    def finish(self) -> None:
        """Ends the writing and all landers, and has one more land all that is left."""
        self.producers.stop()
        self.landers.finish()

    def against_journals(self) -> LandingBooks:
        """Raw against what the producers were acknowledged."""
        with open_journal(self.producers.journals) as journal:
            return audit_landing(journal, self._lake, self._topic)

    def against_topic(self) -> Comparison:
        """Raw against what a plain consumer reads."""
        raw = in_raw(tables.raw_table(self._lake, self._topic))
        return Comparison.of(in_topic(self.broker.address, self._topic), raw)

    def _calm(self, options: Options, orders: Path) -> Orders:
        return Orders(
            self.broker.address,
            str(self._lake),
            self._topic,
            [self._topic],
            max_age_s=options.max_age_s,
            session_timeout_s=options.session_timeout_s,
            kill_orders=str(orders),
            extra={"connect_wait_s": 60.0},  # one that starts while the broker is away must wait for it
        )

    def _begin(self) -> None:
        """Makes the topic, starts all, and waits until something of every partition has landed."""
        admin = KafkaAdminClient(bootstrap_servers=self.broker.address)
        admin.create_topics([NewTopic(self._topic, PARTITIONS, 1)])
        admin.wait_for_topics([self._topic])
        admin.close()
        self.producers.start()
        for _ in range(AT_THE_START):
            self.landers.join()
        eventually(self._has_landed_everywhere, within_s=FIRST_ROWS_WITHIN_S)

    def _has_landed_everywhere(self) -> bool:
        self.producers.steer()
        return all(self.positions.landed().values())
