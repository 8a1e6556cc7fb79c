"""Spark Structured Streaming from Kafka into Delta, in a session that is kept warm between landings.

    python benchmarks/landing_spark.py ADDRESS

It reads the orders of `landing_orders`, with `rows_a_batch` (else one batch of all) and `codec` (else Spark's own,
which is snappy). Counted are this process and its JVM.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from landing_orders import carry_out
from pyspark import SparkContext

from headrace.infra.local.jars import ensure_jars
from headrace.settings import load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CORES = 2
DRIVER_MEMORY = "2g"
CODEC = "spark.sql.parquet.compression.codec"
ZSTD_LEVEL = {"spark.hadoop.parquet.compression.codec.zstd.level": "1"}  # as ours; its own default is 3
# As the other readers have them.
KAFKA = {
    "kafka.isolation.level": "read_committed",
    "kafka.max.partition.fetch.bytes": str(4 * 2**20),
    "kafka.fetch.max.bytes": str(32 * 2**20),
    "kafka.max.poll.records": "20000",
}


def open_spark() -> SparkSession:
    """A local session with the locked jars of Delta and of Spark's Kafka source."""
    from pyspark.sql import SparkSession

    from headrace.jobs.session import CONFIGURATION, LOCAL_DEFAULTS

    cache = load_settings().cache
    jars = ",".join(str(jar) for name in ("spark", "bench") for jar in ensure_jars(name, cache))
    options = LOCAL_DEFAULTS | CONFIGURATION | ZSTD_LEVEL | {"spark.jars": jars, "spark.driver.memory": DRIVER_MEMORY}
    session = SparkSession.builder.master(f"local[{CORES}]").config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def land(
    spark: SparkSession, address: str, topic: str, table: str, rows_a_batch: int | None = None, codec: str | None = None
) -> None:
    """Streams what the topic holds now into a new table."""
    if codec is None:
        spark.conf.unset(CODEC)
    else:
        spark.conf.set(CODEC, codec)
    source = spark.readStream.format("kafka").options(**KAFKA).option("kafka.bootstrap.servers", address)
    source = source.option("subscribe", topic).option("startingOffsets", "earliest")
    if rows_a_batch is not None:
        source = source.option("maxOffsetsPerTrigger", rows_a_batch)
    events = source.load().select("partition", "offset", "timestamp", "key", "value")
    target = events.writeStream.format("delta").option("checkpointLocation", f"{table}.checkpoint")
    query = target.trigger(availableNow=True).start(table)
    query.awaitTermination()


if __name__ == "__main__":
    session = open_spark()
    carry_out(partial(land, session), [SparkContext._gateway.proc.pid])
    session.stop()
