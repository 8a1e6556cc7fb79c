from __future__ import annotations

import pytest

from headrace.errors import MachineError
from headrace.infra.local.java import feature_version, find_java


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Makes a `java` that prints and exits as it is told, the only one that can be found."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(says: str, exits: int = 0):
        java = tmp_path / "java"
        java.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit {exits}\n")
        java.chmod(0o755)
        return java

    return install


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Da=b\nopenjdk version "25-ea" 2025-09-16', 25),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_the_feature_version_is_read_from_every_form_that_java_prints(text, expected):
    assert feature_version(text) == expected


def test_java_on_the_path_is_found(installed):
    program = installed('openjdk version "21.0.2" 2024-01-16')
    assert (find_java().path, find_java().version) == (program, 21)


def test_java_home_goes_before_the_path_as_in_spark(installed, tmp_path, monkeypatch):
    installed('openjdk version "21.0.2"')
    home = tmp_path / "jdk17"
    (home / "bin").mkdir(parents=True)
    (tmp_path / "java").rename(home / "bin" / "java")
    installed('openjdk version "25"')
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert find_java().path == home / "bin" / "java"


def test_no_java_is_an_error_that_says_what_to_install(installed):
    with pytest.raises(MachineError, match=r"there is no java on the PATH\. Install") as caught:
        find_java()
    assert caught.value.exit_code == 1


def test_a_java_home_without_java_is_named(installed, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", "/nowhere/jdk")
    with pytest.raises(MachineError, match="JAVA_HOME is /nowhere/jdk, but there is no /nowhere/jdk/bin/java"):
        find_java()


def test_an_old_java_is_named_with_its_version(installed):
    program = installed('openjdk version "11.0.21" 2023-10-17')
    with pytest.raises(MachineError, match=f"Java 17 or newer is needed, but {program} is Java 11"):
        find_java()


def test_a_java_that_does_not_run_is_quoted(installed):
    program = installed("Unable to locate a Java Runtime.", exits=1)
    with pytest.raises(MachineError, match=f"{program} does not run: Unable to locate a Java Runtime"):
        find_java()


def test_a_file_that_is_no_program_is_an_error_too(installed):
    installed("").write_bytes(b"\x7fELF of another machine")
    with pytest.raises(MachineError, match="does not run"):
        find_java()
