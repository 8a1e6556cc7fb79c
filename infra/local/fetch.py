"""Fetching jars, with the Ivy that pyspark brings: no tool beyond Java is needed.

The list of the lock file is the whole truth: Ivy reads no pom and follows no dependency, which makes a fetch of the
broker's 46 jars take 7 seconds instead of 40. Whoever has to use a mirror or a proxy says so to Java, in the
variable JAVA_TOOL_OPTIONS: `-Divy.ibiblio.default.artifact.root=https://mirror/path/`, `-Dhttps.proxyHost=…`.
"""

from __future__ import annotations

import os
import re
import selectors
import subprocess
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from xml.sax.saxutils import quoteattr

from headrace.errors import MachineError

from .commands import headrace
from .java import Java
from .locked import Jar

STALLED_AFTER_S = 120.0  # Ivy prints a dot every few kilobytes; a link that is silent for this long is dead

SETTINGS = """<ivysettings>
  <property name="ivy.checksums" value=""/>
  <settings defaultResolver="central"/>
  <timeout-constraints>
    <timeout-constraint name="patient" connectionTimeout="15000" readTimeout="60000"/>
  </timeout-constraints>
  <resolvers>
    <ibiblio name="central" timeoutConstraint="patient"
             pattern="[orgPath]/[module]/[revision]/[artifact]-[revision].[ext]"/>
  </resolvers>
</ivysettings>
"""


def fetch(jars: Sequence[Jar], partial: Path, java: Java, report: Callable[[str], None]) -> Path:
    """Fetches `jars` and gives the folder that they are in; their sums are not checked yet.

    `partial` is a folder to work in; when a fetch fails, the next one with the same folder goes on from there.

    Raises:
        MachineError: pyspark is not installed, or a jar did not arrive; the message says why and what to do.
    """
    partial.mkdir(parents=True, exist_ok=True)
    (partial / "settings.xml").write_text(SETTINGS)
    (partial / "ivy.xml").write_text(_wanted(jars))
    files = ["-settings", "settings.xml", "-ivy", "ivy.xml", "-cache", str(partial / "ivy")]
    command = [str(java.path), "-jar", str(_ivy()), *files, "-retrieve", "arrived/[artifact]-[revision].[ext]"]
    progress = _Progress(len(jars), report)
    log_file = partial / "ivy.log"
    with log_file.open("w") as log:
        for line in _output_lines(command, partial):
            log.write(line + "\n")
            progress.read(line)
    absent = [jar.file for jar in jars if not (partial / "arrived" / jar.file).is_file()]
    if absent:
        raise MachineError(
            f"{len(absent)} of {len(jars)} jars could not be fetched, {absent[0]} among them: "
            f"{_reason(log_file.read_text())}. When that is mended, go on with: {headrace('jars')} "
            f"(the log is {log_file})"
        )
    return partial / "arrived"


def _wanted(jars: Sequence[Jar]) -> str:
    lines = (
        f"    <dependency org={quoteattr(jar.organisation)} name={quoteattr(jar.module)} rev={quoteattr(jar.revision)}"
        ' conf="default->default" transitive="false"/>\n'
        for jar in jars
    )
    return (
        '<ivy-module version="2.0">\n  <info organisation="headrace" module="jars"/>\n'
        '  <configurations><conf name="default"/></configurations>\n'
        f"  <dependencies>\n{''.join(lines)}  </dependencies>\n</ivy-module>\n"
    )


def _ivy() -> Path:
    """The Ivy jar inside pyspark, which is looked for without importing pyspark."""
    spec = find_spec("pyspark")
    folders = spec.submodule_search_locations if spec else None
    found = [jar for folder in folders or () for jar in Path(folder, "jars").glob("ivy-*.jar")]
    if not found:
        raise MachineError(
            "jars are fetched with the Ivy of pyspark, which is not here. Type: pip install 'headrace[jobs]'"
        )
    return found[0]


def _output_lines(command: Sequence[str], folder: Path) -> Iterator[str]:
    """Runs `command` in `folder` and yields its lines; ends it when it is silent for too long, or abandoned."""
    with subprocess.Popen(  # noqa: S603  Java and Ivy, with arguments made here
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield from _lines(process.stdout)
        finally:
            process.kill()  # nothing happens where it has ended by itself


def _lines(pipe: IO[bytes] | None) -> Iterator[str]:
    assert pipe is not None  # noqa: S101  it was asked for
    with selectors.DefaultSelector() as ready:
        ready.register(pipe, selectors.EVENT_READ)
        rest = b""
        while ready.select(STALLED_AFTER_S):
            chunk = os.read(pipe.fileno(), 65536)
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
            if not chunk:
                return
        yield f"[FAILED] silent: nothing arrived for {STALLED_AFTER_S:g} s (0ms)"


class _Progress:
    """Turns what Ivy prints into "looking up 7 of 46" and "12 of 46 jars"."""

    def __init__(self, total: int, report: Callable[[str], None]) -> None:
        self._total, self._report = total, report
        self._found = self._arrived = 0

    def read(self, line: str) -> None:
        if line.startswith("\tfound "):
            self._found += 1
            self._report(f"looking up {self._found} of {self._total}")
        elif line.startswith("\t[SUCCESSFUL ]"):
            self._arrived += 1
            self._report(f"{self._arrived} of {self._total} jars")


def _reason(log: str) -> str:
    """What Ivy gives as the cause, in its own words, without all else that it prints."""
    for pattern in (
        r"Server access error at url \S+ \((.+)\)",
        r"\[FAILED *\] .*?: (.+?) \(\d+ms\)",
        r"\w*(?:Exception|Error): .+",
    ):
        if found := re.search(pattern, log):
            return found[found.re.groups]
    return "the source does not have it"
