"""The pipeline: one file, or one Python object, that says everything once."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError, model_validator

from headrace.errors import PipelineError

from .declared import Declared, Fault, Name
from .definition import source_definition
from .faults import from_pydantic
from .feature import Entity, FeatureGroup, Service
from .feature_checks import check_features
from .json_schema import pipeline_schema
from .source import Source
from .source_checks import bind_source, check_source
from .training import TrainingSet
from .training_checks import bind_training_set, check_training_set

NOT_A_PIPELINE_NAME = ("raw", "tables")  # folders of the lake itself


class UnplacedError(PipelineError):
    """Faults of a pipeline that did not come from a file; `faults` says where in the declaration each is."""

    def __init__(self, faults: list[Fault]) -> None:
        first = faults[0]
        place = ".".join(map(str, first.place)) or "pipeline"
        super().__init__(f"Pipeline(…) at {place}", 0, first.problem, first.hint)
        self.args = (f"Pipeline(…): {place}: {first.problem}. {first.hint}",)
        self.faults = faults


class _CrossFaults(Exception):
    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults


class Pipeline(Declared):
    """One domain: its sources, entities, features, services and training sets.

    `Pipeline(...)` checks what `load_pipeline` checks, and raises PipelineError.
    """

    pipeline: Name = Field(description="The name of the pipeline; its tables lie in a folder of this name.")
    description: str | None = Field(None, description="What it is about, in words.")
    owner: str | None = Field(None, description="Who answers for it: a person or a team.")
    sources: dict[Name, Source] = Field(description="Streams of events and reference tables, by name.", min_length=1)
    entities: dict[Name, Entity] = Field(default_factory=dict, description="Whom features describe, by name.")
    features: dict[Name, FeatureGroup] = Field(default_factory=dict, description="Feature groups, by name.")
    services: dict[Name, Service] = Field(default_factory=dict, description="What is served together, by name.")
    training_sets: dict[Name, TrainingSet] = Field(
        default_factory=dict, description="Rows and labels to train on, by name."
    )

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as err:
            raise UnplacedError(from_pydantic(err, data)) from err
        except _CrossFaults as err:
            raise UnplacedError(err.faults) from None

    @model_validator(mode="after")
    def _check(self) -> Pipeline:
        faults = list(self._cross_checks())
        bound: dict[str, Any] = {
            "sources": {
                name: bind_source(source, faults, ("sources", name), name) for name, source in self.sources.items()
            },
            "training_sets": {
                name: bind_training_set(training_set, self, faults, ("training_sets", name), name)
                for name, training_set in self.training_sets.items()
            },
        }
        for block in ("entities", "features", "services"):
            bound[block] = {name: part.model_copy() for name, part in getattr(self, block).items()}
            for name, part in bound[block].items():
                part._name = name
        if faults:
            raise _CrossFaults(faults)
        self.__dict__.update(bound)
        return self

    def _cross_checks(self) -> Any:
        if self.pipeline in NOT_A_PIPELINE_NAME:
            yield Fault(
                ("pipeline",),
                f"the name '{self.pipeline}' is reserved",
                "The lake has a folder of that name; choose another",
            )
        topics: dict[str, str] = {}
        for name, source in self.sources.items():
            for fault in check_source(source):
                yield Fault(("sources", name, *fault.place), fault.problem, fault.hint)
            if source.topic and topics.setdefault(source.topic, name) != name:
                hint = "A topic belongs to one source, so that its books can balance"
                yield Fault(
                    ("sources", name, "topic"),
                    f"the topic '{source.topic}' is already read by '{topics[source.topic]}'",
                    hint,
                )
        yield from check_features(self)
        for name, training_set in self.training_sets.items():
            yield from check_training_set(("training_sets", name), training_set, self)

    @property
    def topics(self) -> dict[str, str]:
        """The topic of each source that has one, as the file calls it (settings may put a prefix before it)."""
        return {name: source.topic for name, source in self.sources.items() if source.topic}

    def definition(self, source: str) -> str:
        """The fingerprint of a source: 12 hexadecimal digits that change when its rows would."""
        return source_definition(self.sources[source])

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema (2020-12) of a pipeline file, with titles and descriptions, for editors."""
        return pipeline_schema(cls)
