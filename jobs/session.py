"""The Spark session of every job: Delta, UTC, microseconds, and nothing that depends on the machine."""

from __future__ import annotations

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from headrace.errors import MachineError

from .avro_limits import JVM_OPTIONS, limit_driver

# What a job needs wherever it runs; a test session is built from the same table.
CONFIGURATION = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.caseSensitive": "true",
    # The default of 50 partitions to replay a Delta log costs seconds an operation on a laptop.
    "spark.databricks.delta.snapshotPartitions": "2",
    # What Spark generates for a stage may be one method, and one of more than 8,000 bytes the JVM interprets for ever.
    # A stage that has such a method is run operator by operator instead, each in methods that are compiled.
    "spark.sql.codegen.hugeMethodLimit": "8000",
    # What is generated for a stage is compiled once while it is among the last of so many: 100 by default, which is
    # fewer than a micro-batch of five sources has, or a build of sixteen groups.
    "spark.sql.codegen.cache.maxEntries": "1000",
    # A value that `from_json` cannot read is null by itself, and takes no other with it.
    "spark.sql.json.enablePartialResults": "true",
    # A job says its own progress; where Python starts the JVM, Spark takes it for a shell and paints bars.
    "spark.ui.showConsoleProgress": "false",
}

# Used on a local master where neither spark-submit nor spark-defaults says otherwise: one machine, loopback only.
LOCAL_DEFAULTS = {
    "spark.sql.shuffle.partitions": "4",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
}


def open_session(application: str) -> SparkSession:
    """Gives the session of this process, made by spark-submit's settings, then ours.

    Raises:
        MachineError: Delta's jars are not on the class path of the JVM; the message says how to start with them.
    """
    builder = SparkSession.builder.appName(application)
    for key, value in {**local_defaults(), **CONFIGURATION, **executor_options()}.items():
        builder = builder.config(key, value)
    _require_delta()  # before the session is made, which would print a stack trace of its own
    limit_driver()
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def local_defaults() -> dict[str, str]:
    """Those of `LOCAL_DEFAULTS` that nobody has set otherwise; none of them where the master is not local.

    Starts the JVM: only there is known what spark-submit and spark-defaults say. Before, Python sees no setting at all.
    """
    SparkContext._ensure_initialized()
    given = SparkConf()
    local = (given.get("spark.master") or "local[*]").startswith("local")
    return {key: value for key, value in LOCAL_DEFAULTS.items() if local and not given.contains(key)}


def executor_options() -> dict[str, str]:
    """The options of the executors' JVMs that were asked for, and ours; a local master has no executors."""
    name = "spark.executor.extraJavaOptions"
    return {name: " ".join(filter(None, (SparkConf().get(name), JVM_OPTIONS)))}


def _require_delta() -> None:
    jvm = SparkContext._jvm
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader() if jvm else None
    if loader is None or loader.getResource("io/delta/sql/DeltaSparkSessionExtension.class") is None:
        raise MachineError(
            "Spark was started without Delta's jars. "
            'Start the job with: spark-submit --jars "$(headrace jars)" … (or by headrace clean)'
        )
