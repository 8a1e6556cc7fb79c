"""The embedded online store: packed rows by key in one LMDB environment, safe for several processes.

    R + space + key   a packed row (`packed_row`)
    P + space         what was last published: table versions and instant
    S + space         the space's name
    C + service       the selections of features of a service, as JSON

A space holds the rows of one feature group under one definition. In keys it is the first 12 bytes of its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import lmdb

from headrace.errors import ContractError

from .packed_row import clocks

T = TypeVar("T")

DATA_FILE = "data.mdb"  # LMDB's own name for it
FIRST_MAP_BYTES = 16 * 2**20
BATCH_ROWS = 10_000  # one transaction, and one fsync
MOST_KEY_BYTES = 480  # LMDB allows 511, the space before the key included; a longer key is stored by its hash
_ROW, _PUBLISHED, _SPACE, _SELECTIONS = b"R", b"P", b"S", b"C"
_HASHED = b"\xff"  # no packed key begins so


@dataclass(frozen=True)
class Published:
    """What a space holds: the rows of these table versions, as of this instant (microseconds since 1970).

    `rebuild` is the folder of the feature table. The ids are those that Delta gave the two tables: versions of another
    rebuild, or of a table that was removed and made again, count anew.
    """

    features_version: int | None
    pushed_version: int | None
    instant_us: int
    rebuild: str = ""
    features_id: str = ""
    pushed_id: str | None = None


def service_of(pipeline_name: str, service: str) -> str:
    """The name under which the selections of a service are recorded."""
    return f"{pipeline_name}/{service}"


def space_of(pipeline_name: str, group: str, definition: str) -> str:
    """The name of the space of a feature group under one definition."""
    return f"{pipeline_name}/{group}/{definition}"


class _Environment:
    """An open environment. LMDB forbids to open one twice in a process, so all who open a folder share it."""

    def __init__(self, folder: Path, map_bytes: int) -> None:
        self.users, self.pid = 0, os.getpid()
        self.guard = threading.RLock()
        self.lmdb = lmdb.open(str(folder), map_size=map_bytes, max_readers=1024)
        self.file = _file_in(folder)

    def run(self, work: Callable[[lmdb.Transaction], T], *, write: bool) -> T:
        """Does `work` in one transaction; when the map is full or was grown by another process, again in a larger."""
        if os.getpid() != self.pid:
            raise RuntimeError("an online store must be opened after a fork, not before it")
        with self.guard:  # the map may only change its size while no thread is inside a transaction
            while True:
                try:
                    with self.lmdb.begin(write=write) as transaction:
                        return work(transaction)
                except lmdb.MapFullError:
                    self.lmdb.set_mapsize(self.lmdb.info()["map_size"] * 2)
                except lmdb.MapResizedError:
                    self.lmdb.set_mapsize(0)


_open: dict[Path, _Environment] = {}
_open_guard = threading.Lock()


def _file_in(folder: Path) -> tuple[int, int] | None:
    """Which file holds the store in `folder`; None where there is none."""
    try:
        found = (folder / DATA_FILE).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class OnlineRows:
    """Packed rows by space and key, in folder `folder`, which is made if it is not there.

    A store that is removed and made again, as going back needs it, is opened anew by those who have it open.

    Raises:
        ContractError: the folder cannot be made, or what is in it is no online store.
    """

    def __init__(self, folder: Path, *, map_bytes: int = FIRST_MAP_BYTES) -> None:
        self._folder = folder.resolve()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._environment: _Environment | None = self._join(map_bytes)
        except (OSError, lmdb.Error) as err:
            raise ContractError(
                f"the online store in {self._folder} cannot be opened: {err}. Name another folder (setting "
                "online_store), or remove this one and publish again: `headrace materialize`"
            ) from err

    def _join(self, map_bytes: int) -> _Environment:
        with _open_guard:
            found = _open.get(self._folder)
            if found is None or found.pid != os.getpid() or found.file != _file_in(self._folder):
                found = _open[self._folder] = _Environment(self._folder, map_bytes)
            found.users += 1
        return found

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether there is an online store in `folder`."""
        return (folder / DATA_FILE).is_file()

    def __enter__(self) -> OnlineRows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the store; a second time does nothing."""
        found, self._environment = self._environment, None
        if found is None:
            return
        with _open_guard:
            found.users -= 1
            if not found.users and found.pid == os.getpid():
                found.lmdb.close()
                if _open.get(self._folder) is found:
                    del _open[self._folder]

    def publish(self, space: str, rows: Iterable[tuple[bytes, bytes]]) -> int:
        """Stores packed rows by packed key, each unless a newer one is there: newer by (event_at, _created_at).

        An equal one is written over. Every 10,000 rows are one transaction, durable when it ends.
        Returns how many rows were written.
        """
        written, rest = 0, iter(rows)
        while batch := list(islice(rest, BATCH_ROWS)):
            written += self._run(partial(_put, space=space, batch=batch), write=True)
        return written

    def replace(self, space: str, rows: Iterable[tuple[bytes, bytes]]) -> int:
        """Stores packed rows by packed key whatever is there, and removes all other rows of the space. Every 10,000
        rows are one transaction, so a reader meanwhile may find some keys as they are and some as they were.

        Returns how many rows were written.
        """
        prefix, rest, kept = _prefix(_ROW, space), iter(rows), set[bytes]()
        while batch := list(islice(rest, BATCH_ROWS)):
            stored = [(_stored(prefix, key), row) for key, row in batch]
            self._run(partial(_overwrite, space=space, stored=stored), write=True)
            kept |= {key for key, _ in stored}
        self._run(partial(_delete_others, prefix=prefix, kept=kept), write=True)
        return len(kept)

    def read(self, space: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """The packed rows of packed keys, in their order; None where there is none. One consistent view."""
        prefix = _prefix(_ROW, space)
        return self._run(lambda transaction: [_get(transaction, _stored(prefix, key)) for key in keys])

    def answer(self, space: str, keys: Sequence[bytes]) -> tuple[list[bytes | None], Published | None]:
        """The packed rows of packed keys, as `read`, and what was last published when they were read: one view."""
        prefix = _prefix(_ROW, space)

        def get(transaction: lmdb.Transaction) -> tuple[list[bytes | None], Published | None]:
            return [_get(transaction, _stored(prefix, key)) for key in keys], _published(transaction, space)

        return self._run(get)

    def count(self, space: str) -> int:
        """How many rows the space holds."""
        prefix = _prefix(_ROW, space)
        return self._run(lambda transaction: sum(1 for _ in _keys(transaction, prefix)))

    def drop(self, space: str) -> None:
        """Removes the rows of the space, and what was said of its publication."""

        def remove(transaction: lmdb.Transaction) -> None:
            for key in list(_keys(transaction, _prefix(_ROW, space))):
                transaction.delete(key)
            for kind in (_PUBLISHED, _SPACE):
                transaction.delete(_prefix(kind, space))

        self._run(remove, write=True)

    def spaces(self) -> list[str]:
        """The names of all spaces that hold something, sorted."""
        return self._run(
            lambda transaction: sorted((_get(transaction, key) or b"").decode() for key in _keys(transaction, _SPACE))
        )

    def published(self, space: str) -> Published | None:
        """What was last published into the space; None where nothing was."""
        return self._run(partial(_published, space=space))

    def record_published(self, space: str, published: Published) -> None:
        """Says what the space holds now. To be called after the rows are in it."""

        def put(transaction: lmdb.Transaction) -> None:
            transaction.put(_prefix(_SPACE, space), space.encode())
            transaction.put(_prefix(_PUBLISHED, space), json.dumps(asdict(published)).encode())

        self._run(put, write=True)

    def selections(self, service: str) -> Any:
        """What was last recorded of the selections of `service` (`{pipeline}/{service}`); None where nothing was."""
        text = self._run(lambda transaction: _get(transaction, _prefix(_SELECTIONS, service)))
        return None if text is None else json.loads(text)

    def record_selections(self, service: str, found: Mapping[str, Any]) -> None:
        """Says which selections of features there are of `service`."""
        self._run(lambda at: at.put(_prefix(_SELECTIONS, service), json.dumps(found).encode()), write=True)

    def _run(self, work: Callable[[lmdb.Transaction], T], *, write: bool = False) -> T:
        if self._environment is None:
            raise ValueError("the online store is closed")
        if self._environment.file != (present := _file_in(self._folder)):
            if present is None:
                raise ContractError(
                    f"the online store in {self._folder} was removed. `headrace materialize` makes it again"
                )
            self._environment = self._join(FIRST_MAP_BYTES)  # the one before goes with its last transaction
        return self._environment.run(work, write=write)


def _put(transaction: lmdb.Transaction, space: str, batch: list[tuple[bytes, bytes]]) -> int:
    prefix, written = _prefix(_ROW, space), 0
    transaction.put(_prefix(_SPACE, space), space.encode())
    for key, row in batch:
        stored = _stored(prefix, key)
        present = _get(transaction, stored)
        if present is None or clocks(row) >= clocks(present):
            transaction.put(stored, row)
            written += 1
    return written


def _overwrite(transaction: lmdb.Transaction, space: str, stored: list[tuple[bytes, bytes]]) -> None:
    transaction.put(_prefix(_SPACE, space), space.encode())
    for key, row in stored:
        transaction.put(key, row)


def _delete_others(transaction: lmdb.Transaction, prefix: bytes, kept: set[bytes]) -> None:
    for key in [key for key in _keys(transaction, prefix) if key not in kept]:
        transaction.delete(key)


def _published(transaction: lmdb.Transaction, space: str) -> Published | None:
    text = _get(transaction, _prefix(_PUBLISHED, space))
    return None if text is None else Published(**json.loads(text))


def _get(transaction: lmdb.Transaction, key: bytes) -> bytes | None:
    found = transaction.get(key)
    return None if found is None else bytes(found)


def _keys(transaction: lmdb.Transaction, prefix: bytes) -> Iterator[bytes]:
    cursor = transaction.cursor()
    more = cursor.set_range(prefix)
    while more and (key := bytes(cursor.key())).startswith(prefix):
        yield key
        more = cursor.next()


def _prefix(kind: bytes, space: str) -> bytes:
    return kind + hashlib.sha256(space.encode()).digest()[:12]


def _stored(prefix: bytes, key: bytes) -> bytes:
    return prefix + (key if len(key) <= MOST_KEY_BYTES else _HASHED + hashlib.sha256(key).digest())
