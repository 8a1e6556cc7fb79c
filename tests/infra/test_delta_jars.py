"""The locked jars are all that Spark needs for Delta: create, append, merge, stream and read."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def table(spark, tmp_path) -> str:
    path = str(tmp_path / "table")
    spark.range(0, 10).coalesce(1).write.format("delta").save(path)
    return path


def numbers(spark, path: str) -> list[int]:
    return sorted(row.id for row in spark.read.format("delta").load(path).collect())


def test_spark_appends_to_a_delta_table_and_reads_it(spark, table):
    spark.range(10, 12).write.format("delta").mode("append").option("txnAppId", "a").option("txnVersion", 1).save(table)
    assert numbers(spark, table) == list(range(12))


def test_a_repeated_transaction_of_one_application_is_skipped(spark, table):
    for _ in range(2):
        append = spark.range(10, 12).write.format("delta").mode("append")
        append.option("txnAppId", "a").option("txnVersion", 1).save(table)
    assert numbers(spark, table) == list(range(12))


def test_spark_streams_from_one_delta_table_into_another(spark, table, tmp_path):
    target = str(tmp_path / "target")
    stream = spark.readStream.format("delta").load(table).writeStream.format("delta").trigger(availableNow=True)
    query = stream.option("checkpointLocation", str(tmp_path / "checkpoint")).start(target)
    assert query.awaitTermination(120)
    assert numbers(spark, target) == list(range(10))


def test_spark_makes_a_table_with_properties_by_sql_and_merges_into_it(spark, table, tmp_path):
    made = tmp_path / "made"
    spark.sql(f"create table delta.`{made}` (id long) using delta tblproperties ('delta.appendOnly' = 'true')")
    spark.sql(f"merge into delta.`{made}` m using delta.`{table}` t on m.id = t.id when not matched then insert *")
    assert numbers(spark, str(made)) == list(range(10))


def test_a_checkpoint_of_the_log_is_written_and_read_again(spark, tmp_path):
    path = tmp_path / "checkpointed"
    spark.sql(f"create table delta.`{path}` (id long) using delta tblproperties ('delta.checkpointInterval' = '1')")
    spark.range(3).coalesce(1).write.format("delta").mode("append").save(str(path))
    assert (path / "_delta_log" / "00000000000000000001.checkpoint.parquet").exists()
    assert numbers(spark, str(path)) == [0, 1, 2]


def test_only_the_locked_jars_were_added_to_those_of_pyspark(spark):
    added = {Path(jar).name for jar in spark.conf.get("spark.jars").split(",")}
    assert added == {"delta-spark_4.2_2.13-4.4.0.jar", "delta-storage-4.4.0.jar", "spark-avro_2.13-4.2.0.jar"}
