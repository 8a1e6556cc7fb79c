"""Archives of classes: made once for a Java and its jars, taken where they fit; the broker and Spark take theirs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from headrace.cli.class_archives import ensure_archives, spark_archive_options, submit_options
from headrace.infra.local import class_archives
from headrace.infra.local.class_archives import archive_file, archive_options, ensure_archive
from headrace.infra.local.jars import ensure_jars
from headrace.infra.local.java import Java, find_java
from headrace.settings import load_settings

CACHE = load_settings().cache


@pytest.fixture
def java(tmp_path) -> Java:
    """A Java that is nothing but its files."""
    for file in (tmp_path / "java" / "bin" / "java", tmp_path / "java" / "lib" / "modules"):
        file.parent.mkdir(parents=True)
        file.touch()
    return Java(tmp_path / "java" / "bin" / "java", 17)


@pytest.fixture
def jar(tmp_path) -> Path:
    jar = tmp_path / "one.jar"
    jar.write_bytes(b"1")
    return jar


def dump(options: list[str]) -> None:
    """What a JVM does at its end."""
    (file,) = [option.partition("=")[2] for option in options if option.startswith("-XX:ArchiveClassesAtExit=")]
    Path(file).write_bytes(b"classes")


def test_an_archive_is_made_once_and_then_taken(tmp_path, java, jar):
    ran: list[list[str]] = []
    assert archive_options("spark", java, [jar], tmp_path) == []
    for _ in range(2):
        assert ensure_archive("spark", java, [jar], tmp_path, lambda options: (ran.append(options), dump(options))[0])
    assert len(ran) == 1
    file = archive_file("spark", java, [jar], tmp_path)
    assert archive_options("spark", java, [jar], tmp_path)[0] == f"-XX:SharedArchiveFile={file}"
    assert file.read_bytes() == b"classes"


def test_another_jar_or_another_java_has_an_archive_of_its_own(tmp_path, java, jar):
    before = archive_file("spark", java, [jar], tmp_path)
    jar.write_bytes(b"12")
    changed = archive_file("spark", java, [jar], tmp_path)
    (tmp_path / "java" / "lib" / "modules").write_bytes(b"newer")
    assert len({before, changed, archive_file("spark", java, [jar], tmp_path)}) == 3


def test_a_java_that_makes_none_starts_as_ever(tmp_path, java, jar):
    assert not ensure_archive("spark", java, [jar], tmp_path, lambda options: None)
    assert archive_options("spark", java, [jar], tmp_path) == []


def test_what_goes_wrong_at_work_leaves_no_archive_and_the_next_attempt_makes_it(tmp_path, java, jar):
    def fail(options: list[str]) -> None:
        dump(options)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        ensure_archive("spark", java, [jar], tmp_path, fail)
    assert archive_options("spark", java, [jar], tmp_path) == []
    assert ensure_archive("spark", java, [jar], tmp_path, dump)


def test_only_the_newest_archives_of_a_name_are_kept(tmp_path, java):
    for number in range(class_archives.KEPT + 2):
        file = tmp_path / f"{number}.jar"
        ensure_archive("spark", java, [file], tmp_path, dump)
        os.utime(archive_file("spark", java, [file], tmp_path), ns=(number, number))
        ensure_archive("broker", java, [], tmp_path, dump)
    kept = [
        number
        for number in range(class_archives.KEPT + 2)
        if archive_options("spark", java, [tmp_path / f"{number}.jar"], tmp_path)
    ]
    assert kept == list(range(2, class_archives.KEPT + 2))
    assert archive_options("broker", java, [], tmp_path)


def test_options_of_the_user_stay_and_ours_are_words_of_a_shell(monkeypatch):
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", "-Dmine=1")
    assert submit_options(["-XX:SharedArchiveFile=/a cache/x.jsa"]) == "'-XX:SharedArchiveFile=/a cache/x.jsa' -Dmine=1"
    monkeypatch.delenv("SPARK_SUBMIT_OPTS")
    assert submit_options([]) == ""


def test_where_there_is_no_spark_set_up_goes_on_without_an_archive(tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "nowhere"))
    said: list[str] = []
    ensure_archives(CACHE, said.append)
    assert said[:2] == ["broker", "spark"]
    assert said[2].startswith("none, so starts take longer: ")
    assert "nowhere" in said[2]


@pytest.mark.broker
def test_kafka_is_loaded_from_the_archive_that_set_up_has_made(tmp_path):
    java, jars = find_java(), ensure_jars("broker", CACHE)
    options = archive_options("broker", java, jars, CACHE)
    log = tmp_path / "classes.log"
    command = [str(java.path), *options, f"-Xlog:class+load:file={log}", "-cp", ":".join(map(str, jars)), "kafka.Kafka"]
    subprocess.run(command, capture_output=True, check=False)  # it misses its file of settings, and ends
    assert "kafka.Kafka$ source: shared objects file (top)" in log.read_text()


@pytest.mark.spark
def test_spark_is_loaded_from_the_archive_that_set_up_has_made(tmp_path, monkeypatch):
    log = tmp_path / "classes.log"
    monkeypatch.setenv("SPARK_SUBMIT_OPTS", f"-Xlog:class+load:file={log}")
    import pyspark

    program = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    own = os.environ | {"SPARK_SUBMIT_OPTS": submit_options(spark_archive_options(CACHE))}
    subprocess.run([str(program), "--version"], env=own, capture_output=True, check=True)
    assert "org.apache.spark.deploy.SparkSubmit source: shared objects file (top)" in log.read_text()
