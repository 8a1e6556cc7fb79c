"""The options of a driver's JVM: ours, unless the user has chosen otherwise, and always such that a JVM starts."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from headrace.cli.jvm_options import LATE_SECOND_COMPILER, THROUGHPUT_COLLECTOR, driver_options
from headrace.infra.local.java import find_java


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch, tmp_path):
    for name in ("SPARK_SUBMIT_OPTS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))


def flags_of_a_jvm(options):
    """All flags of a JVM that was started with these options; it must start."""
    command = [str(find_java().path), *shlex.split(options), "-XX:+PrintFlagsFinal", "-version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {words[1]: words[3] for words in (line.split() for line in said.splitlines()) if len(words) > 3}


def test_a_jvm_starts_with_ours(tmp_path):
    options = driver_options(tmp_path)
    assert shlex.split(options) == [*LATE_SECOND_COMPILER, THROUGHPUT_COLLECTOR]
    flags = flags_of_a_jvm(options)
    assert (flags["UseParallelGC"], flags["Tier4InvocationThreshold"]) == ("true", "30000")


@pytest.mark.parametrize("name", ["SPARK_SUBMIT_OPTS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS"])
def test_a_collector_that_the_environment_names_is_the_only_one(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "-XX:+UseSerialGC")
    flags = flags_of_a_jvm(driver_options(tmp_path))
    assert (flags["UseSerialGC"], flags["UseParallelGC"]) == ("true", "false")


def test_a_collector_that_spark_s_own_file_names_is_the_only_one(tmp_path):
    (tmp_path / "spark-defaults.conf").write_text("spark.driver.extraJavaOptions -XX:+UseSerialGC\n")
    assert THROUGHPUT_COLLECTOR not in driver_options(tmp_path)


def test_the_last_word_is_the_user_s(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", "-XX:Tier4InvocationThreshold=7000")
    assert flags_of_a_jvm(driver_options(tmp_path))["Tier4InvocationThreshold"] == "7000"
