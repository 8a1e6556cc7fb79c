"""The safe repairs: each loses nothing that is not lost already, and can be undone."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from headrace import __version__
from headrace.errors import MachineError

from .finding import Finding, Repair

SET_ASIDE_IN = "_damaged"  # a folder of the table; engines pass over names with an underscore


def apply_repair(finding: Finding, *, litter_age_h: float) -> bool:
    """Does the repair of a finding, if there is one, and says whether it did something.

    The caller holds the table's lock alone.

    Raises:
        MachineError: a file cannot be moved, written or removed.
    """
    path = finding.path
    if finding.repair is None:
        return False
    try:
        if finding.repair is Repair.REMOVE:
            if time.time() - path.stat().st_mtime < litter_age_h * 3600:
                return False
            path.unlink()
        elif finding.repair is Repair.VOID_LAST_COMMIT:
            _void(finding)
        else:
            _set_aside(finding)
        _sync(path.parent)
    except OSError as err:
        raise MachineError(f"{path} cannot be repaired: {err}. The other files are as they were") from err
    return True


def _void(finding: Finding) -> None:
    """Keeps the entry in the folder for damaged files, and puts one in its place that is whole and brings nothing.

    The version stays taken, so no reader that has seen it takes the next commit for the same.
    """
    kept = _place_aside(finding)
    kept.write_bytes(finding.path.read_bytes())
    _sync(kept.parent)
    temporary = finding.path.with_name(f"{finding.path.name}.fsck.tmp")
    with temporary.open("w") as file:
        file.write(_void_entry(finding))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(finding.path)


def _void_entry(finding: Finding) -> str:
    information = {
        "timestamp": time.time_ns() // 1_000_000,
        "operation": "FSCK",
        "operationParameters": {"found": finding.kind.value},
        "engineInfo": f"headrace/{__version__}",
        "headrace": {"void": {"found": finding.found}},
    }
    return json.dumps({"commitInfo": information})


def _set_aside(finding: Finding) -> None:
    """Moves a file, all parts of it where it is a checkpoint, and the checksums that Spark keeps beside them."""
    version = finding.path.name.split(".")[0]
    is_checkpoint = ".checkpoint." in finding.path.name
    whole = list(finding.path.parent.glob(f"{version}.checkpoint*")) if is_checkpoint else [finding.path]
    for path in whole:
        path.replace(_place_aside(finding, path.name))
        checksum = path.with_name(f".{path.name}.crc")
        if checksum.exists():
            checksum.replace(_place_aside(finding, checksum.name))


def _place_aside(finding: Finding, name: str | None = None) -> Path:
    folder = finding.table.folder / SET_ASIDE_IN
    folder.mkdir(exist_ok=True)
    name = name or finding.path.name
    taken = sum(1 for path in folder.iterdir() if path.name == name or path.name.startswith(f"{name}~"))
    return folder / (f"{name}~{taken}" if taken else name)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
