"""Writer schemas: those that a unit of work needs, by the ids in front of its records."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from headrace.errors import UsageError
from headrace.pipeline import Source
from headrace.schema_registry import SchemaRegistry, UnusableSchema

from .avro_records import fault_of
from .avro_schema import AvroWriter, Writers, avro_writer
from .schema_frame import schema_id

# Each id of a unit of work costs a question to the registry, and each schema a branch in the plan. A topic has a few;
# bytes that are no frame at all, but begin with a 0, have as many as there are records.
MAX_IDS = 256


class WriterSchemas:
    """The schemas of the writers of one source, for as long as a process cleans it."""

    def __init__(self, source: Source, registry: SchemaRegistry | None) -> None:
        if source.format == "avro" and registry is None:
            raise no_registry(source)
        self._source, self._registry = source, registry
        self._known: dict[int, AvroWriter | str] = {}

    def of(self, raw: DataFrame) -> Writers:
        """The schemas that raw rows name, at most `MAX_IDS`, those of most records first; one query, and none where
        the source needs no schemas.

        Raises:
            SchemaRegistryError: the registry cannot be asked.
            ContractError: a kept schema is none of ours.
        """
        if self._registry is None or self._source.format != "avro":
            return Writers()
        named = raw.select(schema_id("value").alias("id")).where("id is not null").groupBy("id").count()
        ids = [row["id"] for row in named.orderBy(F.desc("count"), "id").limit(MAX_IDS).collect()]
        found = {number: self._look_up(raw.sparkSession, number, self._registry) for number in ids}
        return Writers(
            {number: writer for number, writer in found.items() if isinstance(writer, AvroWriter)},
            {number: fault for number, fault in found.items() if isinstance(fault, str)},
        )

    def _look_up(self, spark: SparkSession, number: int, registry: SchemaRegistry) -> AvroWriter | str:
        if number not in self._known:
            try:
                schema = registry.schema(number)
                if schema is None:
                    return "the schema registry has no such schema"
                writer = avro_writer(schema, self._source.columns)
                self._known[number] = fault_of(spark, writer) or writer
            except UnusableSchema as err:
                self._known[number] = str(err)
        return self._known[number]


def no_registry(source: Source) -> UsageError:
    """What is said of a source whose records name schemas, where no setting says whom to ask."""
    return UsageError(
        f"source '{source.name}' says format: {source.format}, whose records name their schemas by number, and no "
        "setting says where these are. Set HEADRACE_SCHEMA_REGISTRY=http://host:port, or schema_registry in "
        "headrace.toml"
    )
