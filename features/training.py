"""What a trainer asks for: a training set by name, or the features of a service for rows of one's own."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from headrace.errors import UnpinnedWarning, UsageError, near_names
from headrace.pins import Pin
from headrace.pipeline import Pipeline, load_pipeline
from headrace.pipeline.times import EPOCH, instant_us
from headrace.settings import Settings, load_settings

from .asked_rows import as_table, asked_instants, key_columns
from .manifest import MANIFEST_FILE, store
from .point_in_time import Status
from .selection import Selection, choose, kept_by
from .selections_table import read_selections
from .service_join import join_service, pin, tables_of, warn_beyond_builds
from .spec import service_spec
from .training_assembly import assemble, columns_of
from .training_inputs import AT, pin_inputs
from .training_rows import Choice, Part, bounds
from .training_set import TrainingSet
from .treating import Treating

Clock = Literal["event", "knowledge"]
STATUS_PREFIX = "_status_"


class TrainingClient(Treating):
    """Reads features and training sets from the lake of `settings` (default: those of the working folder).

    `pipeline` is a pipeline file, or a Pipeline. Nothing is kept open between calls: each sees the newest versions; but
    `treat` keeps to the plan that it began with.
    """

    def __init__(self, pipeline: Path | str | Pipeline, settings: Settings | None = None) -> None:
        if isinstance(pipeline, Pipeline):
            self.pipeline, self._text = pipeline, None
        else:
            self.pipeline, self._text = load_pipeline(Path(pipeline)), Path(pipeline).read_bytes().decode()
        self.settings = settings or load_settings()
        self._treatments = {}

    def training_set(
        self,
        name: str,
        *,
        split: Part | None = None,
        split_at: datetime | str | None = None,
        until: datetime | str | None = None,
        as_of: Clock = "event",
        with_unlabelled: bool = False,
        selection: int | None = None,
    ) -> TrainingSet:
        """The training set `name` of the pipeline file, or its part `train` or `test`.

        Train: rows before the split whose label was known before it. Test: rows from the split and the embargo on, up
        to the end. Without `split`: all rows, up to `until` where it is given.

        Args:
            split_at, until: instead of the split and the end in the file: an aware datetime or ISO 8601 (UTC).
            as_of: `knowledge` sees only what had arrived by the row's instant.
            with_unlabelled: rows without a label, too.
            selection: the version of the selection of features, instead of the one that holds; 0: all features.

        Raises:
            UsageError: no training set of this name, bounds that cannot be, or no such selection.
            ContractError: the rows or a feature group are not built.
        """
        choice = Choice(split, _instant(split_at), _instant(until), _by_knowledge(as_of), with_unlabelled)
        known = self.pipeline.training_sets
        if name not in known:
            raise UsageError(f"there is no training set '{name}'. Did you mean: {near_names(name, known)}?")
        service = service_spec(self.pipeline, known[name].service)
        bounds(choice, known[name].split)  # refused before anything is read
        chosen = self._selection(service.name, selection)
        inputs = pin_inputs(self.pipeline, name, service, self.settings.lake, chosen)
        made = assemble(self.pipeline, name, self.settings.lake, inputs, choice)
        at_us = asked_instants(made.table, AT)
        warn_beyond_builds(tables_of(self.settings.lake, self.pipeline.pipeline, service), at_us)
        return made

    def store(self, training_set: TrainingSet, folder: Path | str) -> dict[str, Any]:
        """Writes `data.parquet` and `manifest.json` into `folder`; gives the manifest, from which `manifest.rebuild`
        makes the same bytes again.

        The lake is told, so that a vacuum leaves what the manifest needs.

        Warns:
            UnpinnedWarning: the lake cannot be written.
        """
        manifest = store(training_set, Path(folder), self.pipeline, self._text)
        pin = Pin.of_manifest(manifest, Path(folder).absolute() / MANIFEST_FILE)
        try:
            pin.store(self.settings.lake)
        except OSError as err:
            text = f"{pin.manifest} could not be pinned in the lake ({err}): give it to `headrace vacuum` as --manifest"
            warnings.warn(text, UnpinnedWarning, stacklevel=2)
        return manifest

    def features_at(
        self,
        service: str,
        frame: Any,
        at: Any,
        *,
        as_of: Clock = "event",
        with_status: bool = False,
        selection: int | None = None,
    ) -> pa.Table:
        """The features of `service` for the rows of `frame`, as they were at the instants `at`.

        One row in, one row out, in order: all columns of `frame`, then the features as `{group}__{column}`; null where
        nothing was known. With `with_status`, also `_status_{group}`: PRESENT, NOT_FOUND or EXPIRED.

        Args:
            frame: an Arrow table, a pandas DataFrame or a mapping of columns, with the keys of the service.
            at: the name of a column, or one instant a row: aware datetimes, or int64 microseconds since 1970.
            selection: as in `training_set`.

        Raises:
            UsageError: no such service or selection, a key column missing or of another type, or naive instants.
            ContractError: a feature group is not built.
        """
        service_spec(self.pipeline, service)  # refused before anything is read
        spec = service_spec(self.pipeline, service, kept_by(self._selection(service, selection)))
        asked = as_table(frame)
        keys = key_columns(asked, spec.keys, f"the service '{service}'")
        at_us = asked_instants(asked, at)
        if clash := [column for column in asked.column_names if column in spec.features]:
            raise UsageError(f"the rows asked have the column '{clash[0]}', which is a feature. Rename it")
        tables = tables_of(self.settings.lake, self.pipeline.pipeline, spec)
        joined = join_service(spec, tables, pin(spec, tables), keys, at_us, by_knowledge=_by_knowledge(as_of))
        warn_beyond_builds(tables, at_us)
        found = {**columns_of(asked), **columns_of(joined.features)}
        if with_status:
            found |= {STATUS_PREFIX + group: _status_names(status) for group, status in joined.status.items()}
        return pa.table(found)

    def _selection(self, service: str, asked: int | None) -> Selection | None:
        known = read_selections(self.settings.lake, self.pipeline.pipeline, service)
        return choose(self.pipeline, service, known, asked)


def _status_names(status: np.ndarray[Any, np.dtype[np.int8]]) -> pa.Array:
    names = pa.array([status.name for status in Status])
    return names.take(pa.array(status))


def _by_knowledge(as_of: str) -> bool:
    if as_of not in ("event", "knowledge"):
        raise UsageError(f"there is no clock '{as_of}' to join as of. Legal are event and knowledge")
    return as_of == "knowledge"


def _instant(at: datetime | str | None) -> int | None:
    if at is None:
        return None
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise UsageError(f"the instant {at} names no time zone. Write datetime(…, tzinfo=UTC)")
        return (at.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
    try:
        return instant_us(at)
    except ValueError as err:
        raise UsageError(f"{err}. Write 2013-10-01 or 2013-10-01T10:15:00Z") from err
