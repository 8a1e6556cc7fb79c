"""Archives of the classes that a JVM loads, which let the next one start at half the CPU (class data sharing).

There is one for the embedded broker and one for the drivers of Spark's jobs. `headrace jars` makes them, once per user
and class path. A JVM uses an archive only where Java and every jar are those that it was made with, and starts as ever
where they are not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from headrace.locks import exclusive

from .java import Java

ArchiveName = Literal["broker", "spark"]

KEPT = 4  # archives of a name: one for each environment of a user; Spark's takes 190 MB, the broker's 50
WAIT_FOR_ANOTHER_S = 600.0
SUFFIX = ".jsa"  # as Java's own are called


def archive_file(name: ArchiveName, java: Java, class_path: Sequence[Path], cache: Path) -> Path:
    """Where the archive is, or would be, for this Java and these jars as they are now."""
    parts = [java.path.resolve(), java.path.resolve().parents[1] / "lib" / "modules", *class_path]
    text = "\n".join(f"{path} {_state_of(path)}" for path in parts)
    return cache / "classes" / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}{SUFFIX}"


def archive_options(name: ArchiveName, java: Java, class_path: Sequence[Path], cache: Path) -> list[str]:
    """What to tell a JVM so that it takes the archive; nothing where there is none."""
    file = archive_file(name, java, class_path, cache)
    return [f"-XX:SharedArchiveFile={file}", "-Xshare:auto", *_SILENT] if file.is_file() else []


def ensure_archive(
    name: ArchiveName, java: Java, class_path: Sequence[Path], cache: Path, work: Callable[[list[str]], None]
) -> bool:
    """Makes the archive if it is missing, by `work`, which runs a JVM with the given options to its orderly end.

    Gives whether there is one now; some builds of Java make none. What `work` raises is passed on. Only the newest few
    archives of a name are kept.
    """
    file = archive_file(name, java, class_path, cache)
    with exclusive(
        cache / "classes" / f".{name}.lock", wait_s=WAIT_FOR_ANOTHER_S, purpose=f"archiving {name}'s classes"
    ):
        if not file.is_file():
            partial = file.with_suffix(".partial")
            partial.unlink(missing_ok=True)
            work([f"-XX:ArchiveClassesAtExit={partial}", *_SILENT])
            with suppress(FileNotFoundError):
                partial.rename(file)
            _forget_old(file)
    return file.is_file()


# What cannot be archived, and an archive that does not fit, are no matter to whoever starts a job.
_SILENT = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off", "-Xlog:class+path=off")


def _forget_old(newest: Path) -> None:
    name = newest.name.rpartition("-")[0]
    archives = sorted(newest.parent.glob(f"{name}-*{SUFFIX}"), key=lambda file: file.stat().st_mtime_ns)
    for file in archives[:-KEPT]:
        file.unlink(missing_ok=True)


def _state_of(path: Path) -> str:
    with suppress(OSError):
        found = path.stat()
        return f"{found.st_size} {found.st_mtime_ns}"
    return "missing"
