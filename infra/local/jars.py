"""The jars of the broker and of Spark: where they are, and that they are the ones of the lock file.

They are fetched once per user into `<cache>/jars/<set>/`; from then on nothing here uses the network.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from headrace.errors import MachineError
from headrace.locks import exclusive

from .commands import headrace, remove
from .fetch import fetch
from .java import find_java
from .locked import Jar, JarSet, locked_jars

Report = Callable[[str], None]

WAIT_FOR_ANOTHER_FETCH_S = 900.0


def ensure_jars(name: JarSet, cache: Path, report: Report | None = None) -> list[Path]:
    """Gives the files of one set of jars, every one checked against its sha256 sum; fetches those that are missing.

    Safe to call from several processes at once: one fetches, the others wait. `report` is told, in a few words, how
    far a fetch has come. A fetch that fails keeps what it has, and the next one goes on from there.

    Raises:
        MachineError: a jar in the cache is not the locked one, or one cannot be fetched; the message has the command
            that mends it.
    """
    folder = jar_folder(name, cache)
    try:
        if missing_jars(name, cache):
            _fetch_missing(name, cache, report or _say_nothing)
        wrong = corrupt_jars(name, cache)
    except OSError as err:
        raise MachineError(f"the jars in {folder} cannot be used: {err}") from err
    if wrong:
        jar, found = wrong[0]
        raise MachineError(
            f"{folder / jar.file} is corrupt: its sha256 is {found}, and should be {jar.sha256}. "
            f"Fetch it again with: {remove(*(folder / jar.file for jar, _ in wrong))} && {headrace('jars')}"
        )
    return [folder / jar.file for jar in locked_jars(name)]


def jar_folder(name: JarSet, cache: Path) -> Path:
    """Where the jars of one set are kept."""
    return cache / "jars" / name


def missing_jars(name: JarSet, cache: Path) -> list[Jar]:
    """The jars of one set that are not in the cache."""
    folder = jar_folder(name, cache)
    return [jar for jar in locked_jars(name) if not (folder / jar.file).is_file()]


def corrupt_jars(name: JarSet, cache: Path) -> list[tuple[Jar, str]]:
    """The jars in the cache that are not the locked ones, each with the sha256 sum that was found.

    Reads every byte: a tenth of a second for the 44 MB of the broker, so it is done at every use.
    """
    folder = jar_folder(name, cache)
    present = [jar for jar in locked_jars(name) if (folder / jar.file).is_file()]
    sums = [(jar, _sha256_of(folder / jar.file)) for jar in present]
    return [(jar, found) for jar, found in sums if found != jar.sha256]


def _fetch_missing(name: JarSet, cache: Path, report: Report) -> None:
    lock_file = cache / "jars" / f".{name}.lock"
    with exclusive(lock_file, wait_s=WAIT_FOR_ANOTHER_FETCH_S, purpose=f"fetching the jars of the {name}"):
        missing = missing_jars(name, cache)  # another process may have fetched them meanwhile
        if missing:
            partial = cache / "jars" / f".{name}.partial"
            arrived = fetch(missing, partial, find_java(), report)
            _accept(missing, arrived, partial, jar_folder(name, cache))
            shutil.rmtree(partial)


def _accept(jars: list[Jar], arrived: Path, partial: Path, folder: Path) -> None:
    """Moves each jar into its place, once all of them are known to be the locked ones."""
    for jar in jars:
        found = _sha256_of(arrived / jar.file)
        if found != jar.sha256:
            shutil.rmtree(partial)
            raise MachineError(
                f"what was fetched as {jar.file} is not the locked file: its sha256 is {found}, and should be "
                f"{jar.sha256}. Nothing of it was kept. A download that broke is mended by: {headrace('jars')}; if "
                "the sum stays the same, a proxy or mirror on the way serves another file"
            )
    folder.mkdir(parents=True, exist_ok=True)
    for jar in jars:
        (arrived / jar.file).replace(folder / jar.file)


def _sha256_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _say_nothing(text: str) -> None:
    pass
