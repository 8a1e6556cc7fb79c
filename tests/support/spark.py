"""A local Spark session with Delta, once for a whole test run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from headrace.cli.jvm_options import LATE_SECOND_COMPILER, THROUGHPUT_COLLECTOR
from headrace.infra.local.jars import ensure_jars
from headrace.settings import load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The session of the jobs, with two threads, two shuffle partitions, no web page, and the locked Delta jars."""
    from pyspark.sql import SparkSession

    from headrace.jobs.avro_limits import limit_driver
    from headrace.jobs.session import CONFIGURATION

    options = CONFIGURATION | {
        "spark.jars": ",".join(map(str, ensure_jars("spark", load_settings().cache))),
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
        # It sees hundreds of tables in half an hour: with 1 GiB, collecting garbage took a quarter of its CPU.
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": " ".join([*LATE_SECOND_COMPILER, THROUGHPUT_COLLECTOR]),
        "spark.databricks.delta.delta.log.cacheSize": "50",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SPARK_SUBMIT_OPTS", raising=False)  # it lives long enough for the second compiler
        session = SparkSession.builder.master("local[2]").appName("tests").config(map=options).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    limit_driver()
    yield session
    session.stop()
