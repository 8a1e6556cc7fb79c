"""The lock file holds what the rest of the house relies on."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from headrace.infra.local.locked import LOCK_FILE, locked_jars


@pytest.mark.parametrize(("name", "count"), [("broker", 46), ("tools", 1), ("spark", 3), ("bench", 4)])
def test_every_jar_is_listed_once_with_a_whole_sum(name, count):
    jars = locked_jars(name)
    assert len(jars) == len({jar.file for jar in jars}) == count
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jars)


def test_the_broker_is_kafka_4_3_0_with_a_logger():
    files = {jar.file for jar in locked_jars("broker")}
    assert {"kafka_2.13-4.3.0.jar", "kafka-clients-4.3.0.jar", "log4j-slf4j-impl-2.25.4.jar"} <= files


def test_sparks_jars_of_delta_are_those_of_the_installed_delta_package():
    ours = {jar.revision for jar in locked_jars("spark") if jar.organisation == "io.delta"}
    assert ours == {version("delta-spark")}


@pytest.mark.parametrize("name", ["spark", "bench"])
def test_jars_of_spark_itself_are_those_of_the_installed_spark(name):
    ours = {jar.revision for jar in locked_jars(name) if jar.organisation == "org.apache.spark"}
    assert ours == {version("pyspark")}


@pytest.mark.parametrize("name", ["spark", "bench"])
def test_no_jar_for_spark_is_one_that_pyspark_has_already(name):
    spec = find_spec("pyspark")
    there = {file.name for file in Path(spec.submodule_search_locations[0], "jars").glob("*.jar")}
    modules = {re.sub(r"-\d[\w.]*\.jar$", "", name) for name in there}
    assert modules & {jar.module for jar in locked_jars(name)} == set()


def test_the_lock_file_names_no_host():
    assert "//" not in LOCK_FILE.read_text()
