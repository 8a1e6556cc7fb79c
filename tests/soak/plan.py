"""What happens in a soak, and when: drawn from a seed before anything is started."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from enum import Enum

from headrace.ingestion import steps

FEWEST, MOST, AT_THE_START = 2, 6, 3  # landers

# In an hour. What comes to less than one of a kind in a shorter run comes once.
KILLS, BROKER_KILLS, STALLS, CHANGES = 200, 20, 20, 100
HOUR_S = 3_600.0


class Kind(Enum):
    """What can happen, in the words of the table at the end."""

    KILL = "lander killed"
    BROKER_KILL = "broker killed"
    STALL = "lander frozen"
    JOIN = "lander joined"
    LEAVE = "lander left"


@dataclass(frozen=True)
class Event:
    """One thing that happens, at the earliest so many seconds after the start.

    A killed lander dies at `step`. `lasts_s` is how long a frozen one stays so, or a killed broker away. `pick`, from 0
    up to 1, says which of the landers at hand is frozen, or leaves.
    """

    at_s: float
    kind: Kind
    step: str | None = None
    lasts_s: float = 0.0
    pick: float = 0.0


@dataclass(frozen=True)
class Dose:
    """How much of everything."""

    seconds: float
    kills: int
    broker_kills: int
    stalls: int
    changes: int
    session_timeout_s: float

    @classmethod
    def of(cls, seconds: float, session_timeout_s: float) -> Dose:
        """What so many seconds get of an hour's."""
        kills, broker_kills, stalls, changes = (
            math.ceil(each * seconds / HOUR_S) for each in (KILLS, BROKER_KILLS, STALLS, CHANGES)
        )
        return cls(seconds, kills, broker_kills, stalls, changes, session_timeout_s)


@dataclass(frozen=True)
class Plan:
    """Each part in the order of time. A blow waits until landing has resumed after the one before; a change waits for
    nothing, so that members come and go while others are dead or frozen.
    """

    blows: tuple[Event, ...]  # kills, broker kills and stalls
    changes: tuple[Event, ...]  # joins and leaves: never fewer than FEWEST landers, never more than MOST


def draw_plan(dose: Dose, seed: int) -> Plan:
    """The plan of a seed; kills are spread evenly over all steps."""
    draw = random.Random(seed)
    blows = [*_kills(dose.kills, draw), *_outages(dose, draw)]
    draw.shuffle(blows)
    share_s = dose.seconds / len(blows)
    timed = [replace(blow, at_s=(index + draw.uniform(0, 0.5)) * share_s) for index, blow in enumerate(blows)]
    moments = sorted(draw.uniform(0, dose.seconds) for _ in range(dose.changes))
    return Plan(tuple(timed), _changes(moments, draw))


def _kills(count: int, draw: random.Random) -> list[Event]:
    order = draw.sample(steps.STEPS, len(steps.STEPS))
    return [Event(0.0, Kind.KILL, step=order[index % len(order)]) for index in range(count)]


def _outages(dose: Dose, draw: random.Random) -> list[Event]:
    """Broker kills of up to five seconds beyond its start, and stalls that outlast the session."""
    brokers = [Event(0.0, Kind.BROKER_KILL, lasts_s=draw.uniform(0, 5)) for _ in range(dose.broker_kills)]
    stalls = [
        Event(0.0, Kind.STALL, lasts_s=dose.session_timeout_s + draw.uniform(1, 8), pick=draw.random())
        for _ in range(dose.stalls)
    ]
    return [*brokers, *stalls]


def _changes(moments: list[float], draw: random.Random) -> tuple[Event, ...]:
    landers, found = AT_THE_START, []
    for at_s in moments:
        joins = landers == FEWEST or (landers < MOST and draw.random() < 0.5)
        landers += 1 if joins else -1
        found.append(Event(at_s, Kind.JOIN if joins else Kind.LEAVE, pick=draw.random()))
    return tuple(found)
