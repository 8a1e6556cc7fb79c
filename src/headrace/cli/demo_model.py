"""The second half of the demo: from clean tables to a model that answers from the online store."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.settings import Settings
from headrace.tables import group_tables

from .build import run_build
from .demo_stages import Stages

if TYPE_CHECKING:
    from headrace.examples.flights.model import LatenessModel
    from headrace.features.training_set import TrainingSet
    from headrace.pipeline import Pipeline

TRAINING_SET = SERVICE = "late15"
LEAST_DAYS = 10  # with fewer there is nothing to test on after the embargo
SAMPLE_HOURS, SAMPLE_SHOWN = 3, 5
HOUR_US = 3_600_000_000
AGES_SHOWN = ("airport_departures", "airport_weather", "aircraft_arrivals")

FIRST_DAY = datetime(2013, 1, 1, tzinfo=UTC)
LAST_TEST_DAY = datetime(2013, 12, 30, tzinfo=UTC)  # then the weather feed ends
ALL_DAYS = 365


@dataclass(frozen=True)
class Calendar:
    """The instants of a demo over the first `days` of 2013, UTC.

    Features are built `until` a day after the last flights were scheduled; the model learns from rows before `split_at`
    (None: as the pipeline file says), is tested on rows before `test_until`, and is asked online at that instant.
    """

    days: int

    @property
    def until(self) -> datetime:
        """T of the build."""
        return FIRST_DAY + timedelta(days=self.days + 1)

    @property
    def split_at(self) -> datetime | None:
        """The last fifth of the days is for the test."""
        return None if self.days == ALL_DAYS else FIRST_DAY + timedelta(days=self.days - -(-self.days // 5))

    @property
    def test_until(self) -> datetime:
        """The end of the test, and the instant at which the online store is published and asked."""
        return min(FIRST_DAY + timedelta(days=self.days), LAST_TEST_DAY)


def build_and_ask(pipeline: Pipeline, file: Path, settings: Settings, days: int, stages: Stages) -> dict[str, Any]:
    """Builds features and rows, publishes them, trains, and asks the model about the last flights, online and offline.

    Gives what the demo shows: feature tables with rows, the evaluation of the model, and a sample of its answers.
    """
    from headrace.features.materialize import materialize
    from headrace.features.registry import apply_pipeline

    calendar = Calendar(days)
    then = settings.model_copy(update={"clock": calendar.test_until.isoformat()})
    with stages.stage("build") as report:
        run_build(settings, file, [], calendar.until.isoformat(), report)
    with stages.stage("apply"):
        apply_pipeline(pipeline, settings)
    with stages.stage("materialize"):
        materialize(pipeline, then)
    with stages.stage("training set"):
        train, test = _training_sets(pipeline, settings, calendar)
    with stages.stage("model") as report:
        report(f"{len(train):,} rows to learn from, {len(test):,} for the test")
        model, evaluation = _train(train, test)
    with stages.stage("online"):
        online = _ask(pipeline, then, test, model)
    return {"features": _tables(pipeline, settings), "model": evaluation, "online": online}


def _training_sets(pipeline: Pipeline, settings: Settings, calendar: Calendar) -> tuple[TrainingSet, TrainingSet]:
    from headrace.features import TrainingClient

    client = TrainingClient(pipeline, settings)
    split_at, until = calendar.split_at, calendar.test_until
    return (
        client.training_set(TRAINING_SET, split="train", split_at=split_at, until=until),
        client.training_set(TRAINING_SET, split="test", split_at=split_at, until=until),
    )


def _train(train: TrainingSet, test: TrainingSet) -> tuple[LatenessModel, dict[str, Any]]:
    from headrace.examples.flights.model import train_and_evaluate

    numbers = train.to_numpy().columns
    model, found = train_and_evaluate(train.table, test.table, label=train.label, numbers=numbers)
    return model, asdict(found)


def _ask(pipeline: Pipeline, settings: Settings, test: TrainingSet, model: LatenessModel) -> dict[str, Any]:
    """Asks about the flights whose prediction was due in the last hours, as of now: from the online store, and from
    the feature tables as of the same instant.
    """
    from headrace.examples.flights.answers import differing_values, rows_since, with_features
    from headrace.features import OnlineClient, TrainingClient

    rows = rows_since(test.table, test.at, settings.now_us() - SAMPLE_HOURS * HOUR_US)
    keys = rows.select(list(test.keys))
    with OnlineClient(pipeline, settings) as client:
        vectors = client.vectors(SERVICE, keys)
    at_us = [settings.now_us()] * rows.num_rows
    offline = TrainingClient(pipeline, settings).features_at(SERVICE, keys, at=at_us).select(list(test.features))
    online = vectors.to_arrow()
    by_online, by_offline = (model.predict(with_features(rows, found)) for found in (online, offline))
    return {
        "as_of": settings.clock,
        "flights": rows.num_rows,
        "values": rows.num_rows * len(test.features),
        "different_values": differing_values(online, offline),
        "different_predictions": int((by_online != by_offline).sum()),
        "sample": [
            {
                "flight": rows["row_id"][row].as_py(),
                "late15": round(float(by_online[row]), 3),
                "age_s": {name: _age_s(vectors.groups[name].age_us[row]) for name in AGES_SHOWN},
            }
            for row in range(min(rows.num_rows, SAMPLE_SHOWN))
        ],
    }


def _age_s(age_us: int) -> float | None:
    return None if age_us < 0 else round(age_us / 1e6, 1)


def _tables(pipeline: Pipeline, settings: Settings) -> dict[str, dict[str, Any]]:
    """By feature group: rows of its table, and the number of features."""
    from headrace.features.spec import group_spec
    from headrace.lake import open_table, state_of

    found = {}
    for name in pipeline.features:
        spec = group_spec(pipeline, name)
        tables = group_tables(settings.lake, pipeline.pipeline, name, spec.definition)
        rows = state_of(open_table(tables.features, made_by="`headrace build`")).rows
        found[name] = {"entity": spec.entity, "features": len(spec.features), "rows": rows}
    return found
