"""The verb `demo`: the whole way of the flights data, from a real broker to a model that answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headrace.settings import Settings, load_settings
from headrace.tables import source_tables

from .audit import audit_sources
from .clean import run_cleaning
from .demo_model import ALL_DAYS, LEAST_DAYS, build_and_ask
from .demo_result import demo_result
from .demo_stages import Stages
from .land import land_topics
from .machine import brokers_of
from .options import Brokers, Home
from .output import Result

if TYPE_CHECKING:
    from headrace.pipeline import Pipeline

NO_DEFECTS, SEED = 0.0, 7

Days = Annotated[int, typer.Option(min=1, max=ALL_DAYS, help="Only the first days of 2013.")]
Defects = Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of each kind of defect to add; 0.01 is 1 %.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the defects.")]
OrderName = Literal["event_time", "published"]
OrderOption = Annotated[OrderName, typer.Option("--order", help="By event time, or as the published file has them.")]


@dataclass(frozen=True)
class Variant:
    """What is replayed. Each variant has its own lake, journal and topics; the full one has the default places."""

    days: int
    defects: float
    seed: int
    order: OrderName

    @property
    def name(self) -> str:
        """Empty for all days in the order of event time, without defects."""
        parts = [
            f"days{self.days}" if self.days != ALL_DAYS else "",
            f"defects{self.defects}-seed{self.seed}" if self.defects else "",
            self.order if self.order != "event_time" else "",
        ]
        return "-".join(part for part in parts if part)

    def settings(self, given: Settings) -> Settings:
        """The settings with this variant's own lake, registry, online store and topic prefix."""
        if not self.name:
            return given
        home = given.home / "variants" / self.name
        return given.model_copy(
            update={
                "lake": home / "lake",
                "online_store": home / "online",
                "registry": f"sqlite:///{home / 'feast' / 'registry.db'}",
                "topic_prefix": f"{given.topic_prefix}{self.name}.",
            }
        )

    def journal(self, given: Settings) -> Path:
        """The folder of this variant's journal."""
        return given.home / "variants" / self.name / "journal" if self.name else given.home / "journal"


def demo(
    days: Days = ALL_DAYS,
    defects: Defects = NO_DEFECTS,
    seed: Seed = SEED,
    order: OrderOption = "event_time",
    home: Home = None,
    brokers: Brokers = None,
) -> Result:
    """Run the whole chain on real flights, from the broker to a model that answers. Again: nothing is doubled."""
    from headrace.pipeline import load_pipeline

    given = load_settings({"home": home, "brokers": brokers})
    variant = Variant(days, defects, seed, order)
    settings, journal = variant.settings(given), variant.journal(given)
    file = Path(str(files("headrace.examples.flights") / "pipeline.yaml"))
    pipeline = load_pipeline(file)
    stages = Stages()
    settings = settings.model_copy(update={"brokers": _broker(settings, stages)})
    predicted = _replay(variant, settings, journal, stages)
    with stages.stage("land") as report:
        topics = [settings.topic(source.topic) for source in pipeline.sources.values() if source.topic]
        land_topics(topics, settings, None, report, until_end=True)
    with stages.stage("clean") as report:
        from headrace.examples.flights.reference import write_reference_tables

        write_reference_tables(settings)
        run_cleaning(settings, file, "clean_batch", [], report)
    with stages.stage("audit") as report:
        books = audit_sources(pipeline, None, journal, settings, report)
        wrong = _wrong_predictions(pipeline, predicted, settings)
    answers = build_and_ask(pipeline, file, settings, days, stages) if days >= LEAST_DAYS else {}
    places = {
        "brokers": brokers_of(settings),
        "lake": settings.lake,
        "registry": settings.registry_url,
        "online store": settings.online_store,
        "journal": journal,
        "pipeline file": file,
    }
    return demo_result(books, wrong, answers, stages.seconds, places)


def _broker(settings: Settings, stages: Stages) -> str:
    from headrace.infra.local import broker

    with stages.stage("broker") as report:
        if not settings.brokers:
            broker.start(settings.home, settings.cache, report)
    return brokers_of(settings)


def _replay(variant: Variant, settings: Settings, journal: Path, stages: Stages) -> dict[str, dict[str, Any]]:
    """Sends what the journal lacks; gives the prediction by source."""
    from headrace.examples.flights.options import ReplayOptions
    from headrace.examples.flights.order import Order
    from headrace.examples.flights.replay import replay
    from headrace.outcomes import read_predictions

    options = ReplayOptions(
        brokers=brokers_of(settings),
        journal=journal,
        topic_prefix=settings.topic_prefix,
        order=Order(variant.order),
        days=variant.days,
        defects=variant.defects,
        seed=variant.seed,
    )
    with stages.stage("replay") as report:
        replayed = replay(options, lambda done, total: report(f"{done:,} of {total:,} records"))
    return read_predictions(replayed.expected_file)


def _wrong_predictions(
    pipeline: Pipeline, predicted: Mapping[str, Mapping[str, Any]], settings: Settings
) -> dict[str, list[str]]:
    """The numbers that are not as the replay predicted, by source."""
    from headrace.outcomes import count_outcome, differences

    wrong = {}
    for name, expected in predicted.items():
        tables = source_tables(settings.lake, pipeline.pipeline, name, pipeline.definition(name))
        if found := differences(expected, count_outcome(tables)):
            wrong[name] = found
    return wrong
