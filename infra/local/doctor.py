"""What this machine lacks, and the command that mends it. Nothing here uses the network or changes anything."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import headrace
from headrace.errors import MachineError
from headrace.settings import Settings

from . import broker, commands
from .jars import corrupt_jars, jar_folder, missing_jars
from .java import find_java, how_to_install
from .locked import JarSet, locked_jars
from .packages import wanting_packages
from .ports import is_free

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
SPARK_MODULE = "jdk.incubator.vector"
DISK_NEEDED_GB = 3.0  # the demo's records, tables and checkpoints, and room to work
MEMORY_NEEDED_GB = 4.0
MEMORY_WANTED_GB = 8.0
ROOMS = ("examples", "features", "infra", "ingestion", "jobs")  # links of a checkout


@dataclass(frozen=True)
class Finding:
    """One check: what was found, and where it does not hold (`ok` false) the command that mends it."""

    name: str
    ok: bool
    found: str
    mend: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Makes every check, in the order in which a new user should mend what fails."""
    return [
        _python(),
        _links(),
        _packages(),
        *_java(),
        _jars("broker", settings.cache),
        _jars("spark", settings.cache),
        *_disks(settings),
        _memory(),
        _broker(settings),
    ]


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    legal = "Python {}.{} to {}.{}".format(*OLDEST_PYTHON, *NEWEST_PYTHON)
    ok = OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON
    return Finding(
        "python", ok, found if ok else f"{found}, but {legal} is needed", "make setup PYTHON=/path/to/python3.12"
    )


def _links() -> Finding:
    """A checkout on a system without symbolic links has small text files where the rooms should be."""
    package = Path(headrace.__path__[0])
    broken = [str(package / room) for room in ROOMS if not (package / room / "__init__.py").is_file()]
    if not broken:
        return Finding("checkout", True, f"all rooms are in {package}")
    links, root = shlex.join(broken), package.parents[1]
    restore = (
        f"git config core.symlinks true && rm -f {links} && git checkout -- {links}"  # links only: no work is lost
    )
    mend = (
        f"cd {shlex.quote(str(root))} && {restore}"
        if (root / ".git").exists()
        else "pip install --force-reinstall headrace"
    )
    return Finding("checkout", False, f"no folder behind {broken[0]}, which should be a symbolic link", mend)


def _packages() -> Finding:
    wanting = wanting_packages()
    found = "; ".join(wanting) if wanting else "all as required"
    return Finding("packages", not wanting, found, "make setup, or: pip install 'headrace[demo]'")


def _java() -> Iterator[Finding]:
    try:
        java = find_java()
        complete = java.has_module(SPARK_MODULE)
    except MachineError as err:
        yield Finding("java", False, str(err).partition(". ")[0], how_to_install())
        return
    yield Finding("java", True, f"Java {java.version} at {java.path}")
    found = "has" if complete else "lacks"
    yield Finding("java for Spark", complete, f"{found} the module {SPARK_MODULE}", how_to_install())


def _jars(name: JarSet, cache: Path) -> Finding:
    folder = jar_folder(name, cache)
    missing = missing_jars(name, cache)
    wrong = [jar for jar, _ in corrupt_jars(name, cache)]
    total = len(locked_jars(name))
    if wrong:
        mend = f"{commands.remove(*(folder / jar.file for jar in wrong))} && {commands.headrace('jars')}"
        return Finding(f"jars of {name}", False, f"{len(wrong)} of {total} are corrupt, {wrong[0].file} first", mend)
    if missing:
        return Finding(f"jars of {name}", False, f"{len(missing)} of {total} are missing", commands.headrace("jars"))
    return Finding(f"jars of {name}", True, f"{total}, all as locked, in {folder}")


def _disks(settings: Settings) -> Iterator[Finding]:
    """One finding for each disk that something will be written to, and for each folder that may not be written to."""
    seen: set[int] = set()
    for name in ("lake", "home", "cache"):
        folder: Path = getattr(settings, name)
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(existing, os.W_OK | os.X_OK):
            elsewhere = f"export HEADRACE_{name.upper()}=/a/folder/of/yours"
            yield Finding(
                f"folder {name}", False, f"{existing}, in which {folder} should be, may not be written to", elsewhere
            )
        elif (device := existing.stat().st_dev) not in seen:
            seen.add(device)
            free_gb = shutil.disk_usage(existing).free / 1e9
            found = f"{free_gb:.1f} GB free at {existing}, {DISK_NEEDED_GB:g} needed"
            mend = f"make room on the disk that is shown by: {shlex.join(['df', '-h', str(existing)])}"
            yield Finding("disk", free_gb >= DISK_NEEDED_GB, found, mend)


def _memory() -> Finding:
    total_gb = _memory_bytes() / 1e9
    wanted = f"; {MEMORY_WANTED_GB:g} GB make the demo comfortable" if total_gb < MEMORY_WANTED_GB else ""
    mend = f"use a machine, or give this one, at least {MEMORY_NEEDED_GB:g} GB"
    return Finding("memory", total_gb >= MEMORY_NEEDED_GB, f"{total_gb:.1f} GB{wanted}", mend)


def _memory_bytes() -> int:
    """The memory of this machine, or of this container where that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else ""
    return min(machine, int(text)) if text.isdigit() else machine


def _broker(settings: Settings) -> Finding:
    if settings.brokers:
        return Finding("broker", True, f"a cluster of yours, {settings.brokers} (not asked)")
    state = broker.status(settings.home)
    if state:
        again = f"{commands.headrace('down')} && {commands.headrace('up')}"
        found = f"runs at {state.address}, process {state.pid}" + ("" if state.ready else ", but does not answer")
        return Finding("broker", state.ready, found, again)
    address = broker.address(settings.home)
    if address and not is_free(int(address.rpartition(":")[2])):
        found = f"not running, and its address {address} is taken by another program"
        return Finding("broker", False, found, broker.way_to_another_port(settings.home))
    return Finding("broker", True, "not running; `headrace up` starts it")
