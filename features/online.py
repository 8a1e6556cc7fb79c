"""What a model asks online: the newest features by keys, from the online store, with status and age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.errors import ContractError, UsageError
from headrace.pipeline import Pipeline, load_pipeline
from headrace.settings import Settings, load_settings

from .asked_rows import as_table, key_columns
from .group_rows import ARROW_TYPES
from .online_rows import OnlineRows, Published, service_of, space_of
from .packed_row import OnlineRow, RowFormat, pack_key
from .point_in_time import Status
from .selection import Selections, choose, kept_by
from .spec import GroupSpec, ServiceSpec, service_spec
from .training_set import Matrix, matrix
from .treating import Treating

NEVER_US = np.iinfo(np.int64).min
NOT_PUBLISHED = " in the online store (`headrace materialize` publishes what was decided)"


@dataclass(frozen=True)
class GroupAnswer:
    """What one group answered for n keys.

    `status` is [n] int8, of `Status`. `event_at_us` and `age_us` are [n] int64, of the row found even if it expired;
    NEVER_US where there is none. `published` says which table versions the store holds, as of when; None where the
    group was only pushed to.
    """

    status: npt.NDArray[np.int8]
    event_at_us: npt.NDArray[np.int64]
    age_us: npt.NDArray[np.int64]
    published: Published | None


@dataclass(frozen=True)
class Vectors:
    """The features of a service for n keys, in the caller's order.

    `table` has a column a feature, `{group}__{column}` in the order of the service, null where there is no value;
    `missing` is [n, k] bool; `groups` says by group what was found.
    """

    table: pa.Table
    features: Mapping[str, str]  # name to type
    missing: npt.NDArray[np.bool_]
    groups: Mapping[str, GroupAnswer]

    def to_arrow(self) -> pa.Table:
        """All features, each in its type."""
        return self.table

    def to_numpy(self) -> Matrix:
        """The numeric and boolean features as [n, k] float64, in the columns of `TrainingSet.to_numpy`'s features."""
        return matrix(self.table, self.features)


@dataclass(frozen=True)
class Vector:
    """The features of a service for one key: `values` by name, in order (None: no value); by group what was found."""

    values: Mapping[str, Any]
    status: Mapping[str, Status]
    event_at_us: Mapping[str, int | None]
    age_us: Mapping[str, int | None]
    published: Mapping[str, Published | None]


class OnlineClient(Treating):
    """Reads the online store of `settings` (default: those of the working folder); now is the clock of the settings.

    Of a service that is pruned the client gives the features of the selection that held, as it was published, when the
    service was first asked for; a later one is taken up by a new client.

    Raises:
        ContractError: there is no online store yet, or it cannot be opened.
    """

    def __init__(self, pipeline: Path | str | Pipeline, settings: Settings | None = None) -> None:
        self.pipeline = pipeline if isinstance(pipeline, Pipeline) else load_pipeline(Path(pipeline))
        self.settings = settings or load_settings()
        self._treatments = {}
        if not OnlineRows.is_in(self.settings.online_store):
            folder = self.settings.online_store
            raise ContractError(f"there is no online store in {folder}. `headrace materialize` makes it")
        self._store = OnlineRows(self.settings.online_store)
        self._specs: dict[tuple[str, int | None], ServiceSpec] = {}

    def __enter__(self) -> OnlineClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the store."""
        self._store.close()

    def vector(self, service: str, keys: Mapping[str, str | int], *, selection: int | None = None) -> Vector:
        """The features of `service` for one key: `{"origin": "EWR", "carrier": "UA"}`; `selection` as in `vectors`.

        Raises:
            UsageError, ContractError: as `vectors`.
        """
        found = self.vectors(service, {name: [value] for name, value in keys.items()}, selection=selection)
        groups = found.groups.items()
        return Vector(
            found.table.to_pylist()[0] if found.features else {},
            {name: Status(int(group.status[0])) for name, group in groups},
            {name: _known(group.event_at_us[0]) for name, group in groups},
            {name: _known(group.age_us[0]) for name, group in groups},
            {name: group.published for name, group in groups},
        )

    def vectors(
        self,
        service: str,
        keys: Mapping[str, Sequence[str | int | None]] | pa.Table,
        *,
        selection: int | None = None,
    ) -> Vectors:
        """The features of `service` for n keys, each key column with n values; a null key has no features.

        `selection` is the version of the selection of features that the model was trained with (in its manifest), for
        the one that holds; 0: all features.

        Raises:
            UsageError: no such service or selection; a key column missing, too many, of another type or length.
            ContractError: a group was never published under the present definition.
        """
        spec = self._spec(service, selection)
        asked = _asked(keys, spec)
        now_us = self.settings.now_us()
        columns: dict[str, pa.Array] = {}
        groups = {}
        for group in spec.groups:
            values, groups[group.name] = self._group(group, spec.served(group), asked, now_us)
            columns |= values
        table = pa.table(columns)
        missing = np.column_stack([column.is_null().to_numpy() for column in table.columns])
        return Vectors(table, spec.features, missing, groups)

    def _spec(self, service: str, selection: int | None) -> ServiceSpec:
        found = self._specs.get((service, selection))
        if found is None:
            service_spec(self.pipeline, service)  # refused before anything is read
            recorded = self._store.selections(service_of(self.pipeline.pipeline, service))
            known = Selections.from_json(recorded, NOT_PUBLISHED) if recorded else Selections(where=NOT_PUBLISHED)
            chosen = choose(self.pipeline, service, known, selection)
            found = self._specs[service, selection] = service_spec(self.pipeline, service, kept_by(chosen))
        return found

    def _group(
        self, spec: GroupSpec, served: Mapping[str, str], asked: pa.Table, now_us: int
    ) -> tuple[dict[str, pa.Array], GroupAnswer]:
        space = self._space(spec)
        form = RowFormat(list(spec.features.values()))
        packed, published = self._read(space, [asked.column(key).to_pylist() for key in spec.keys])
        rows = [_visible(form.unpack(data), now_us) if data else None for data in packed]
        status = np.array([_status(row, now_us, spec.ttl_us) for row in rows], dtype=np.int8)
        event_at_us = np.array([NEVER_US if row is None else row.event_at_us for row in rows], dtype=np.int64)
        age_us = np.array([NEVER_US if row is None else now_us - row.event_at_us for row in rows], dtype=np.int64)
        valid = [row if state == Status.PRESENT else None for row, state in zip(rows, status, strict=True)]
        columns = {
            spec.full_name(name): pa.array([row and row.values[index] for row in valid], ARROW_TYPES[kind])
            for index, (name, kind) in enumerate(spec.features.items())
            if name in served
        }
        return columns, GroupAnswer(status, event_at_us, age_us, published)

    def _read(self, space: str, columns: Sequence[Sequence[Any]]) -> tuple[list[bytes | None], Published | None]:
        keys = list(zip(*columns, strict=True))
        whole = [index for index, key in enumerate(keys) if None not in key]
        stored, published = self._store.answer(space, [pack_key(keys[i]) for i in whole])
        found: list[bytes | None] = [None] * len(keys)
        for index, data in zip(whole, stored, strict=True):
            found[index] = data
        return found, published

    def _space(self, spec: GroupSpec) -> str:
        space = space_of(self.pipeline.pipeline, spec.name, spec.definition)
        spaces = self._store.spaces()
        if space in spaces:
            return space
        others = [name for name in spaces if name.startswith(space_of(self.pipeline.pipeline, spec.name, ""))]
        made_by = f"`headrace materialize {spec.name}` publishes it"
        if others:
            raise ContractError(
                f"'{spec.name}' is not in the online store as the pipeline file now defines it ({spec.definition}), "
                f"only as {', '.join(others)}. The file changed since: {made_by}, or take the file of then"
            )
        raise ContractError(f"'{spec.name}' is not in the online store {self.settings.online_store}. {made_by}")


def _asked(keys: Any, spec: ServiceSpec) -> pa.Table:
    asked = as_table(keys)
    if extra := [name for name in asked.column_names if name not in spec.keys]:
        legal = ", ".join(spec.keys)
        raise UsageError(f"the service '{spec.name}' has no key '{extra[0]}'. Its keys are: {legal}")
    return key_columns(asked, spec.keys, f"the service '{spec.name}'")


def _visible(row: OnlineRow, now_us: int) -> OnlineRow | None:
    return row if row.event_at_us <= now_us else None  # a clock set before the publication


def _status(row: OnlineRow | None, now_us: int, ttl_us: int | None) -> Status:
    if row is None:
        return Status.NOT_FOUND
    return Status.EXPIRED if ttl_us is not None and now_us - row.event_at_us > ttl_us else Status.PRESENT


def _known(value_us: Any) -> int | None:
    return None if value_us == NEVER_US else int(value_us)
