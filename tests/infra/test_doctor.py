"""Each thing that a machine may lack is found, and the command that mends it stands beside it."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from headrace.infra.local import doctor, jars, state
from headrace.infra.local.locked import Jar
from headrace.settings import Settings, load_settings

NAMES = [
    "python",
    "checkout",
    "packages",
    "java",
    "java for Spark",
    "jars of broker",
    "jars of spark",
    "disk",
    "memory",
    "broker",
]

SOUND_JAVA = """#!/bin/sh
[ "$1" = -version ] && echo 'openjdk version "17.0.15" 2025-04-15' >&2
[ "$1" = --list-modules ] && echo java.base@17.0.15 && echo jdk.incubator.vector@17.0.15
exit 0
"""
ONE_JAR = Jar("org.example", "one", "1.0", "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed")


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    """Settings of a machine that lacks nothing; its jars are one, and its Java says the right things."""
    (tmp_path / "bin").mkdir()
    install(tmp_path, SOUND_JAVA)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(doctor, "wanting_packages", list)
    monkeypatch.setattr(doctor, "_memory_bytes", lambda: 16 * 10**9)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=50 * 10**9))
    for module in (jars, doctor):
        monkeypatch.setattr(module, "locked_jars", lambda name: [ONE_JAR])
    for name in ("broker", "spark"):
        folder = tmp_path / "cache" / "jars" / name
        folder.mkdir(parents=True)
        (folder / ONE_JAR.file).write_text("one")
    return load_settings({"cache": tmp_path / "cache"}, environment={}, folder=tmp_path)


def install(folder: Path, java: str) -> None:
    program = folder / "bin" / "java"
    program.write_text(java)
    program.chmod(0o755)


def failing(settings: Settings) -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in doctor.examine(settings) if not finding.ok}


def test_a_machine_that_lacks_nothing_passes_every_check(settings):
    findings = doctor.examine(settings)
    assert [finding.name for finding in findings] == NAMES
    assert [finding for finding in findings if not finding.ok] == []


def test_looking_changes_nothing(settings, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    doctor.examine(settings)
    assert sorted(tmp_path.rglob("*")) == before


def test_no_java_is_found_with_the_command_that_installs_one(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    finding = failing(settings)["java"]
    assert finding.found == "Java 17 or newer is needed, and there is no java on the PATH"
    assert finding.mend.startswith("Install")


def test_a_java_without_the_vector_module_is_not_enough_for_spark(settings, tmp_path):
    install(tmp_path, SOUND_JAVA.replace("jdk.incubator.vector", "java.xml"))
    finding = failing(settings)["java for Spark"]
    assert finding.found == "lacks the module jdk.incubator.vector"


def test_missing_jars_are_counted_and_fetched_by_a_verb(settings, tmp_path):
    (tmp_path / "cache" / "jars" / "spark" / ONE_JAR.file).unlink()
    finding = failing(settings)["jars of spark"]
    assert finding.found == "1 of 1 are missing"
    assert finding.mend.endswith("headrace jars")


def test_a_corrupt_jar_is_named_and_is_to_be_removed_and_fetched(settings, tmp_path):
    file = tmp_path / "cache" / "jars" / "broker" / ONE_JAR.file
    file.write_text("two")
    finding = failing(settings)["jars of broker"]
    assert finding.found == "1 of 1 are corrupt, one-1.0.jar first"
    assert finding.mend.startswith(f"rm {file} && ")


def test_a_wrong_python_is_named_with_the_legal_ones(settings, monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 4))
    assert failing(settings)["python"].found == "3.10.4, but Python 3.11 to 3.13 is needed"


def test_a_checkout_without_links_gets_the_command_that_restores_only_them(settings, tmp_path, monkeypatch):
    package = tmp_path / "clone" / "src" / "headrace"
    package.mkdir(parents=True)
    (tmp_path / "clone" / ".git").mkdir()
    for room in ("examples", "features", "infra", "ingestion"):
        (package / room).mkdir()
        (package / room / "__init__.py").touch()
    (package / "jobs").write_text("../../jobs")  # what git leaves where it cannot make a link
    monkeypatch.setattr(doctor.headrace, "__path__", [str(package)])
    link = package / "jobs"
    assert failing(settings)["checkout"].mend == (
        f"cd {tmp_path}/clone && git config core.symlinks true && rm -f {link} && git checkout -- {link}"
    )


def test_absent_packages_are_listed(settings, monkeypatch):
    monkeypatch.setattr(
        doctor, "wanting_packages", lambda: ["pyspark is not installed", "pyarrow is 20, and >=21 is required"]
    )
    assert failing(settings)["packages"].found == "pyspark is not installed; pyarrow is 20, and >=21 is required"


def test_a_small_disk_is_measured(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**9))
    assert failing(settings)["disk"].found == f"1.0 GB free at {tmp_path}, 3 needed"


def test_a_folder_that_may_not_be_written_to_is_named_with_its_setting(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    finding = failing(settings)["folder lake"]
    assert finding.found == f"{tmp_path}, in which {tmp_path}/.headrace/lake should be, may not be written to"
    assert finding.mend == "export HEADRACE_LAKE=/a/folder/of/yours"


@pytest.mark.parametrize(
    ("total_bytes", "ok", "found"),
    [
        (16 * 10**9, True, "16.0 GB"),
        (6 * 10**9, True, "6.0 GB; 8 GB make the demo comfortable"),
        (2 * 10**9, False, "2.0 GB; 8 GB make the demo comfortable"),
    ],
)
def test_memory_is_enough_tight_or_too_little(settings, monkeypatch, total_bytes, ok, found):
    monkeypatch.setattr(doctor, "_memory_bytes", lambda: total_bytes)
    [memory] = [finding for finding in doctor.examine(settings) if finding.name == "memory"]
    assert (memory.ok, memory.found) == (ok, found)


def test_the_remembered_port_of_a_stopped_broker_taken_by_another_program_is_found(settings):
    folder = settings.home / "broker"
    folder.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        state.write_state(folder / "state.json", state.BrokerState(port, 1, "a-cluster"))
        finding = failing(settings)["broker"]
    assert finding.found == f"not running, and its address 127.0.0.1:{port} is taken by another program"
    assert finding.mend.startswith(f"rm {folder}/state.json && ")
    assert failing(settings) == {}


def test_a_cluster_of_the_users_own_is_not_asked(settings):
    own = settings.model_copy(update={"brokers": "kafka.example:9092"})
    [finding] = [finding for finding in doctor.examine(own) if finding.name == "broker"]
    assert (finding.ok, finding.found) == (True, "a cluster of yours, kafka.example:9092 (not asked)")


def test_a_running_broker_is_found_with_its_address(settings, broker_home, broker):
    own = settings.model_copy(update={"home": broker_home})
    [finding] = [finding for finding in doctor.examine(own) if finding.name == "broker"]
    assert finding.ok
    assert finding.found.startswith(f"runs at {broker}, process ")
