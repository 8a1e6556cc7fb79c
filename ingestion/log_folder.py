"""The folder `_delta_log` on a local disk: entries that are put if absent, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import uuid
from pathlib import Path

from headrace.errors import MachineError

# What `link` answers on a file system without hard links (FAT, some FUSE and network file systems).
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
LAST_CHECKPOINT = "_last_checkpoint"


class LogFolder:
    """The log of the table in `table_folder`. With `durable`, what was put survives a power cut."""

    def __init__(self, table_folder: Path, *, durable: bool) -> None:
        self.folder = table_folder / "_delta_log"
        self._durable = durable

    def entry(self, version: int) -> str:
        """The path of an entry, whether it is there or not."""
        return f"{self.folder}/{version:020d}.json"

    def checkpoint(self, version: int) -> Path:
        """The path of a checkpoint of one file, whether it is there or not."""
        return self.folder / f"{version:020d}.checkpoint.parquet"

    def has(self, version: int) -> bool:
        """Whether there is an entry of this version."""
        return os.path.exists(self.entry(version))

    def read(self, version: int) -> bytes | None:
        """An entry as it is on disk, None where there is none."""
        try:
            with open(self.entry(version), "rb", buffering=0) as file:
                return file.read()
        except FileNotFoundError:
            return None

    def put(self, version: int, text: bytes) -> bool:
        """Writes an entry unless there is one of this version; says whether it did.

        The text goes into a file of another name, and that file gets the name of the entry by `link`, which fails where
        the name is taken: no reader ever sees a part of it, and of two writers one is refused.

        Raises:
            OSError: the disk is full or broken. The entry may be there if it is the last step that failed.
            MachineError: the file system has no hard links.
        """
        entry = self.entry(version)
        temporary = f"{self.folder}/.{version:020d}.json.{uuid.uuid4().hex}.tmp"
        try:
            self._write(temporary, text)
            os.link(temporary, entry)
        except FileExistsError:
            return False
        except OSError as err:
            if err.errno in _NO_HARD_LINKS and err.filename2:
                raise MachineError(
                    f"the file system of {self.folder} has no hard links ({err.strerror}), without which two writers "
                    "of a Delta log can overwrite each other. Put the lake on another disk"
                ) from err
            raise
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)
        if self._durable:
            sync(self.folder)
        return True

    def put_checkpoint(self, version: int, file: bytes, hint: str) -> None:
        """Writes a checkpoint, and the hint that names it unless there is a newer one; neither is ever seen in part.

        Raises:
            OSError: the disk is full or broken.
        """
        self._replace(f"{version:020d}.checkpoint.parquet", file)
        if self._durable:
            sync(self.folder)
        if self.checkpoint_version() < version:
            self._replace(LAST_CHECKPOINT, hint.encode())
            if self._durable:
                sync(self.folder)

    def sync_entry(self, version: int) -> None:
        """Has an entry that deltalake wrote, which syncs nothing, on the disk; with `durable` only."""
        if self._durable:
            sync(Path(self.entry(version)))
            sync(self.folder)

    def checkpoint_version(self) -> int:
        """The version of the newest checkpoint as the log's own hint has it; -1 where there is none to be read."""
        try:
            with open(self.folder / LAST_CHECKPOINT, "rb", buffering=0) as file:
                return int(json.loads(file.read())["version"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return -1

    def _replace(self, name: str, content: bytes) -> None:
        temporary = f"{self.folder}/.{name}.{uuid.uuid4().hex}.tmp"
        try:
            self._write(temporary, content)
            os.replace(temporary, self.folder / name)
        except OSError:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise

    def _write(self, path: str, text: bytes) -> None:
        with open(path, "xb", buffering=0) as file:
            written = file.write(text)
            if written != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            if self._durable:
                os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Returns when a file, or the names in a folder, are on the disk.

    Raises:
        OSError: the disk says that they are not.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
