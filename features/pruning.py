"""Pruning: which features of a service say what another says, found on its training rows, stored as a selection."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from headrace import __version__
from headrace.errors import UsageError, near_names
from headrace.pipeline import Pipeline, Prune
from headrace.pipeline.definition import service_definition
from headrace.pipeline.times import iso
from headrace.settings import Settings

from .asked_rows import asked_instants
from .correlation import Floats, correlations
from .redundancy import Dropped, redundant
from .selection import UNNUMBERED, Selection
from .selections_table import store_selection
from .service_join import tables_of, warn_beyond_builds
from .spec import ServiceSpec, service_spec
from .training_assembly import joined_rows
from .training_inputs import AT, Inputs, pin_inputs
from .training_rows import Bounds
from .training_set import NUMERIC


def prune(pipeline: Pipeline, service: str, settings: Settings, training_set: str | None = None) -> Selection:
    """Decides which features of `service` are left out, and stores the decision as its next version.

    It looks at the training rows whose instant is in the `fit` interval of the service's `prune` block, with a label or
    without, and at the features as of those instants: at nothing later, and at no label. Features that are not numbers
    or booleans take no part and stay.

    Args:
        training_set: whose rows; needed only where several training sets have this service.

    Raises:
        UsageError: no such service, nothing said of pruning, no training set (or several), or no rows in the interval.
        ContractError: the rows or a feature group are not built.
        LockTimeout: another process writes selections.
    """
    spec, declared = service_spec(pipeline, service), _declared(pipeline, service)
    rows_of = _training_set(pipeline, service, training_set)
    inputs = pin_inputs(pipeline, rows_of, spec, settings.lake)
    table = _rows(pipeline, rows_of, spec, inputs, declared, settings)
    decision = decide(spec, declared, table)
    found = Selection(
        service=service,
        version=UNNUMBERED,
        definition=service_definition(pipeline, service),
        measure=declared.measure,
        above=declared.above,
        from_us=declared.fit.from_us,
        to_us=declared.fit.to_us,
        training_set=rows_of,
        rows=table.num_rows,
        inputs=inputs.to_json(),
        kept=decision.kept,
        dropped=decision.dropped,
        constant=decision.constant,
        code=__version__,
        created_at_us=time.time_ns() // 1_000,
    )
    return store_selection(settings.lake, pipeline.pipeline, found, lock_wait_s=settings.lock_wait_s)


@dataclass(frozen=True)
class Decision:
    """What stays, what goes, and what is constant and stays for that; in the order of the service."""

    kept: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    constant: tuple[str, ...]


def decide(spec: ServiceSpec, declared: Prune, table: pa.Table) -> Decision:
    """The decision on the features of `spec`, by their columns in `table`; a null, NaN or infinity is no value."""
    names = [name for name, kind in spec.features.items() if kind in NUMERIC]
    columns = [_as_floats(table.column(name)) for name in names]
    missing = [int(np.count_nonzero(~np.isfinite(column))) for column in columns]
    r = correlations(columns, declared.measure)
    gone = {name: Dropped(name, by_hand=True) for name in declared.drop}
    found = redundant(names, missing, r, above=declared.above, keep=declared.keep, drop=declared.drop)
    gone |= {one.feature: one for one in found}
    constant = {name for name, itself in zip(names, np.diagonal(r), strict=True) if np.isnan(itself)} - gone.keys()
    return Decision(
        kept=tuple(name for name in spec.features if name not in gone),
        dropped=tuple(gone[name] for name in spec.features if name in gone),
        constant=tuple(name for name in names if name in constant),
    )


def _as_floats(column: pa.ChunkedArray) -> Floats:
    """[n] float64; NaN where there is no value. Longs beyond 2^53 are rounded."""
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def _declared(pipeline: Pipeline, service: str) -> Prune:
    declared = pipeline.services[service].prune
    if declared is None:
        raise UsageError(
            f"the service '{service}' has no 'prune' block, so nothing is left out of it. Add one, such as: "
            "prune: {measure: pearson, above: 0.95, fit: {from: 2013-01-01, to: 2013-10-01}}"
        )
    return declared


def _rows(
    pipeline: Pipeline, rows_of: str, spec: ServiceSpec, inputs: Inputs, declared: Prune, settings: Settings
) -> pa.Table:
    """The training rows of the interval, with all features of the service."""
    within = Bounds(declared.fit.from_us, declared.fit.to_us, None)
    table = joined_rows(pipeline, rows_of, spec, settings.lake, inputs, within, with_unlabelled=True)
    if not table.num_rows:
        raise UsageError(
            f"the training set '{rows_of}' has no rows from {iso(declared.fit.from_us)} to {iso(declared.fit.to_us)}, "
            "the interval on which features are compared. Build rows of that time (`headrace build`), or change 'fit' "
            "under 'prune'"
        )
    warn_beyond_builds(tables_of(settings.lake, pipeline.pipeline, spec), asked_instants(table, AT))
    return table


def _training_set(pipeline: Pipeline, service: str, asked: str | None) -> str:
    """The training set whose rows are looked at."""
    fitting = [name for name, declared in pipeline.training_sets.items() if declared.service == service]
    if asked is not None and asked not in fitting:
        near = near_names(asked, fitting)
        raise UsageError(f"there is no training set '{asked}' of the service '{service}'. Did you mean: {near}?")
    if asked is None and not fitting:
        raise UsageError(
            f"no training set has the service '{service}', so there are no rows to compare its features on. "
            "Declare one under training_sets"
        )
    if asked is None and len(fitting) > 1:
        raise UsageError(
            f"several training sets have the service '{service}': {', '.join(fitting)}. Say whose rows are looked at: "
            "--training-set NAME"
        )
    return asked or fitting[0]
