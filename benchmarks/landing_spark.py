"""Spark Structured Streaming from Kafka into Delta, in a session that is kept warm between landings.

    python benchmarks/landing_spark.py ADDRESS

It reads lines `{"topic": …, "table": …, "rows_a_batch": …}` (null: one batch of all), lands each topic to its end in a
new table, and answers with a line `{"cpu_s": …, "peak_bytes": …}`: the CPU of this process and of its JVM during that
landing, all threads, and the most memory that both have held until then. The first such line is of the start.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from pyspark import SparkContext
from spent import Spent, spent_by

from headrace.infra.local.jars import ensure_jars
from headrace.settings import load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CORES = 2
DRIVER_MEMORY = "2g"
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
    options = LOCAL_DEFAULTS | CONFIGURATION | {"spark.jars": jars, "spark.driver.memory": DRIVER_MEMORY}
    session = SparkSession.builder.master(f"local[{CORES}]").config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def land(spark: SparkSession, address: str, topic: str, table: str, rows_a_batch: int | None) -> None:
    """Streams what the topic holds now into a new table."""
    source = spark.readStream.format("kafka").options(**KAFKA).option("kafka.bootstrap.servers", address)
    source = source.option("subscribe", topic).option("startingOffsets", "earliest")
    if rows_a_batch is not None:
        source = source.option("maxOffsetsPerTrigger", rows_a_batch)
    events = source.load().select("partition", "offset", "timestamp", "key", "value")
    target = events.writeStream.format("delta").option("checkpointLocation", f"{table}.checkpoint")
    query = target.trigger(availableNow=True).start(table)
    query.awaitTermination()


def main() -> None:
    (address,) = sys.argv[1:]
    spark = open_spark()
    processes = (os.getpid(), SparkContext._gateway.proc.pid)
    print(json.dumps(asdict(spent_by(processes))), flush=True)
    for line in sys.stdin:
        before_s = spent_by(processes).cpu_s
        land(spark, address, **json.loads(line))
        after = spent_by(processes)
        print(json.dumps(asdict(Spent(after.cpu_s - before_s, after.peak_bytes))), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
