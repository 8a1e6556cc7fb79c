"""One soak from its start to its report."""

from __future__ import annotations

import os
from pathlib import Path

from support.own_broker import own_broker

from .course import Course, Say
from .plan import draw_plan
from .report import Report
from .world import Options, World


def soak(options: Options, folder: Path, say: Say) -> Report:
    """Runs the plan of the seed, and audits. `folder` must be new; it gets the broker, the lake, journals and logs.

    All that was started has ended when this returns or raises.
    """
    folder.mkdir(parents=True)
    say("starting a broker, producers and landers")
    with own_broker(folder / "home") as broker, World(options, folder, broker) as world:
        course = Course(world, draw_plan(options.dose, options.seed), options.seconds, say)
        course.run()
        seconds = course.passed_s
        say("ending the writing, and landing the rest")
        world.finish()
        say("auditing")
        return _report(options, seconds, world, course)


def _report(options: Options, seconds: float, world: World, course: Course) -> Report:
    return Report(
        seed=options.seed,
        dose=options.dose,
        seconds=seconds,
        asked_events=options.events,
        happened=course.happened,
        kills=course.kills,
        resumed=course.watch.resumed,
        longest_idle_s=course.watch.longest_idle_s,
        stuck=course.watch.stuck,
        comparison=world.against_topic(),
        books=world.against_journals(),
        transactional=world.producers.sent_in_transactions(),
        producer_deaths=world.producers.deaths,
        landers=course.landers,
        commits=world.positions.commits(),
        peak_bytes=world.landers.peak_bytes,
        load=os.getloadavg()[0],
        surprises=(*course.surprises, *world.landers.surprises, *world.producers.surprises),
    )
