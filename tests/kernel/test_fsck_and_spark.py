"""fsck over tables that Spark writes, and Spark over tables that fsck has mended."""

from __future__ import annotations

import os
from pathlib import Path

from support.damaged_lake import LAST, DamagedLake, cut, flip

from headrace.compaction import compact
from headrace.fsck import Kind, check_table, repair_table
from headrace.lake_tables import LakeTable, choose_tables

COLUMNS = (
    "cast(id as string) as id",
    "timestamp'2024-03-01' as at",
    "cast(id as short) as n",
    "cast(1.5 as decimal(9, 2)) as price",
    "array(1.5D) as amounts",
    "map('k', date'2024-03-01') as seen",
    "struct(1 as n, array(struct('ä' as text)) as deep) as part",
)


def written_by_spark(spark, lake: Path, commits: int) -> LakeTable:
    """A table with columns of all shapes; Spark makes a checkpoint every ten commits."""
    name = "shop/clean/orders/0123456789ab-1"
    for _ in range(commits):
        rows = spark.range(1).selectExpr(*COLUMNS)
        rows.coalesce(1).write.format("delta").mode("append").save(str(lake / name))
    (table,) = choose_tables(lake, [name], [])
    return table


def count(spark, table: LakeTable) -> int:
    return int(spark.read.format("delta").load(str(table.folder)).count())


def test_tables_of_spark_are_sound_mended_and_read_on_by_spark(spark, tmp_path):
    table = written_by_spark(spark, tmp_path, 11)
    checkpoint = table.folder / "_delta_log" / f"{10:020d}.checkpoint.parquet"
    assert checkpoint.exists()
    assert check_table(table, deep=True).findings == ()

    cut(checkpoint)
    mended = repair_table(table, deep=True, litter_age_h=168, lock_wait_s=1.0)
    assert Kind.CORRUPT_CHECKPOINT in {each.kind for each in mended.repaired}
    assert mended.is_sound
    spark.catalog.clearCache()
    assert count(spark, table) == 11

    assert compact(table, lock_wait_s=1.0).removed == 11
    assert check_table(table, deep=True).findings == ()
    assert count(spark, table) == 11
    written_by_spark(spark, tmp_path, 1)
    assert count(spark, table) == 12


def test_a_flipped_bit_in_a_file_of_spark_is_found_by_the_checksum_of_its_page(spark, tmp_path):
    table = written_by_spark(spark, tmp_path, 1)
    (file,) = table.folder.glob("*.parquet")
    flip(file, 0.02)
    found = check_table(table, deep=True).findings
    assert [each.kind for each in found] == [Kind.CORRUPT_FILE]


def test_spark_reads_a_raw_table_whose_last_commit_was_made_void(spark, tmp_path):
    lake = DamagedLake.made_in(tmp_path / "lake")
    os.truncate(lake.entry(LAST), 0)
    assert repair_table(lake.as_table, deep=True, litter_age_h=168, lock_wait_s=1.0).is_sound
    assert count(spark, lake.as_table) == 200
    lake.land()
    compact(lake.as_table, lock_wait_s=1.0)
    assert count(spark, lake.as_table) == 240
    operations = spark.sql(f"describe history delta.`{lake.table}`").select("operation").collect()
    assert [row["operation"] for row in operations][:3] == ["OPTIMIZE", "WRITE", "FSCK"]
