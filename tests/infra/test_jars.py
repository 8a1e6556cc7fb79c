"""Jars are fetched once, are the locked ones or an error, and a fetch that failed goes on.

Real Ivy, with a repository in a folder; the tests that start it are slow, since they need Java and the jars.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.errors import MachineError
from headrace.infra.local import fetch, jars
from headrace.infra.local.locked import Jar, locked_jars
from headrace.settings import load_settings

SPARK = locked_jars("spark")
FIRST = SPARK[0]


@pytest.fixture(scope="session")
def good_jars() -> Path:
    """The folder of Spark's jars in the cache of whoever runs the tests."""
    return jars.ensure_jars("spark", load_settings().cache)[0].parent


@pytest.fixture
def cache(tmp_path, good_jars) -> Path:
    """A cache of its own that has Spark's jars."""
    shutil.copytree(good_jars, tmp_path / "a cache" / "jars" / "spark")
    return tmp_path / "a cache"


@pytest.fixture
def full_cache(tmp_path, monkeypatch) -> Path:
    """A cache that has all of a small set of jars, which stands for the locked one."""
    small = [Jar("org.example", name, "1.0", hashlib.sha256(name.encode()).hexdigest()) for name in ("one", "two")]
    monkeypatch.setattr(jars, "locked_jars", lambda name: small)
    folder = tmp_path / "a cache" / "jars" / "spark"
    folder.mkdir(parents=True)
    for jar in small:
        (folder / jar.file).write_text(jar.module)
    return tmp_path / "a cache"


@pytest.fixture
def repository(tmp_path, good_jars, monkeypatch) -> Path:
    """A folder laid out as Ivy expects, which Ivy is told to use instead of the network."""
    root = tmp_path / "repository"
    for jar in SPARK:
        folder = root.joinpath(*jar.organisation.split("."), jar.module, jar.revision)
        folder.mkdir(parents=True)
        shutil.copy(good_jars / jar.file, folder)
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", f"-Divy.ibiblio.default.artifact.root={root.as_uri()}/")
    return root


def in_repository(root: Path, file: str) -> Path:
    return next(root.rglob(file))


def test_a_full_cache_is_used_without_java_and_without_a_network(full_cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    folder = full_cache / "jars" / "spark"
    assert jars.ensure_jars("spark", full_cache) == [folder / "one-1.0.jar", folder / "two-1.0.jar"]


def test_a_corrupt_jar_is_named_with_both_sums_and_a_command_that_mends_it(full_cache):
    file = full_cache / "jars" / "spark" / "one-1.0.jar"
    file.write_text("two")
    with pytest.raises(MachineError) as caught:
        jars.ensure_jars("spark", full_cache)
    assert str(caught.value).startswith(
        f"{file} is corrupt: its sha256 is 3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3, "
        "and should be 7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed. "
        f"Fetch it again with: rm '{file}' && "
    )
    assert str(caught.value).endswith("headrace jars")
    assert caught.value.exit_code == 1


def test_an_empty_jar_counts_as_corrupt_and_an_absent_one_as_missing(full_cache):
    folder = full_cache / "jars" / "spark"
    (folder / "one-1.0.jar").write_bytes(b"")
    (folder / "two-1.0.jar").unlink()
    assert [jar.module for jar, _ in jars.corrupt_jars("spark", full_cache)] == ["one"]
    assert [jar.module for jar in jars.missing_jars("spark", full_cache)] == ["two"]


def test_a_cache_that_may_not_be_made_is_an_error_with_its_path(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(MachineError, match=str(tmp_path / "cache")):
        jars.ensure_jars("spark", tmp_path / "cache")


@pytest.mark.slow
def test_missing_jars_are_fetched_and_how_far_it_has_come_is_said(tmp_path, repository):
    said: list[str] = []
    found = jars.ensure_jars("spark", tmp_path / "cache", said.append)
    assert found == [tmp_path / "cache" / "jars" / "spark" / jar.file for jar in SPARK]
    assert jars.corrupt_jars("spark", tmp_path / "cache") == []
    steps = [f"{number} of {len(SPARK)}" for number in range(1, len(SPARK) + 1)]
    assert said == [*(f"looking up {step}" for step in steps), *(f"{step} jars" for step in steps)]
    assert sorted(path.name for path in (tmp_path / "cache" / "jars").iterdir()) == [".spark.lock", "spark"]


@pytest.mark.slow
def test_only_what_is_missing_is_fetched(cache, repository):
    (cache / "jars" / "spark" / FIRST.file).unlink()
    in_repository(repository, SPARK[1].file).unlink()
    assert len(jars.ensure_jars("spark", cache)) == len(SPARK)


@pytest.mark.slow
def test_no_network_is_said_in_javas_words_and_the_next_fetch_goes_on(tmp_path, repository, monkeypatch):
    with monkeypatch.context() as offline:
        offline.setenv("JAVA_TOOL_OPTIONS", "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=9")
        told = f"{len(SPARK)} of {len(SPARK)} jars could not be fetched, .*: .*Connection refused.*headrace jars"
        with pytest.raises(MachineError, match=told):
            jars.ensure_jars("spark", tmp_path / "cache")
    assert len(jars.ensure_jars("spark", tmp_path / "cache")) == len(SPARK)


@pytest.mark.slow
def test_a_jar_that_the_source_lacks_is_named_and_nothing_is_called_complete(tmp_path, repository):
    in_repository(repository, FIRST.file).unlink()
    with pytest.raises(MachineError, match=f"{FIRST.file} among them: the source does not have it"):
        jars.ensure_jars("spark", tmp_path / "cache")
    assert jars.missing_jars("spark", tmp_path / "cache") == list(SPARK)


@pytest.mark.slow
def test_a_source_that_serves_another_file_is_refused_and_nothing_of_it_is_kept(tmp_path, repository):
    served = in_repository(repository, FIRST.file)
    good = served.read_bytes()
    served.write_bytes(good[:-1])  # a download that was cut off
    with pytest.raises(MachineError, match=f"what was fetched as {FIRST.file} is not the locked file"):
        jars.ensure_jars("spark", tmp_path / "cache")
    assert list((tmp_path / "cache" / "jars").glob("**/*.jar")) == []
    served.write_bytes(good)
    assert len(jars.ensure_jars("spark", tmp_path / "cache")) == len(SPARK)


@pytest.mark.slow
def test_two_processes_that_fetch_at_once_both_get_all(tmp_path, repository):
    program = (
        "import sys; from pathlib import Path; from headrace.infra.local.jars import ensure_jars; "
        "said = []; ensure_jars('spark', Path(sys.argv[1]), said.append); print(len(said))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "cache")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[0].strip() for process in both]
    assert sorted(map(int, said)) == [0, 2 * len(SPARK)]  # one fetched, the other waited


def test_without_pyspark_there_is_no_ivy_and_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "find_spec", lambda name: None)
    monkeypatch.setattr(jars, "find_java", lambda: fetch.Java(tmp_path / "java", 17))
    with pytest.raises(MachineError, match=r"pip install 'headrace\[jobs\]'"):
        jars.ensure_jars("spark", tmp_path)


def test_a_fetch_that_says_nothing_for_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "STALLED_AFTER_S", 0.2)
    silent = tmp_path / "java"
    silent.write_text("#!/bin/sh\nexec sleep 600\n")
    silent.chmod(0o755)
    with pytest.raises(MachineError, match=r"nothing arrived for 0\.2 s"):
        fetch.fetch(SPARK, tmp_path / "partial", fetch.Java(silent, 17), print)
