"""Feast's feature store of a pipeline, made from the settings, and the apply that registers a pipeline file in it.

The registry is SQL: each object is a row, so that applies at once are all kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feast import FeatureService, FeatureStore, FeatureView, RepoConfig
from feast.data_source import DataSource
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from headrace import locks
from headrace.errors import ContractError, MachineError, UsageError, near_names
from headrace.pipeline import Pipeline, load_pipeline
from headrace.settings import Settings, load_settings

from .feast_offline import DeltaOfflineStoreConfig
from .feast_online import LmdbOnlineStoreConfig
from .feast_registry import tell_copies_apart
from .feast_views import PIPELINE_TAG, FeastObject, feast_objects
from .registry_changes import REMOVED, Change, changes_between, identity
from .selection import Selections, choose
from .selections_table import read_selections

CONFIG_FILE = "feature_store.yaml"  # what Feast's own command line looks for

# How long a process may go on with what it has read of the registry. Zero would mean for ever.
CACHE_TTL_S = 1

# Without the first, Feast pulls every row of the interval, and rounds whole numbers above 2**53 beside nulls.
MATERIALIZATION = {"pull_latest_features": True, "online_write_batch_size": 10_000}

SQLITE = "sqlite:///"

# What Feast is told to have published of a new view, or of one of a new definition: nothing, so that its
# materialize_incremental begins at the beginning. Else it would begin at now - ttl, or where the old definition was.
BEGINNING = (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC))


def store_config(project: str, settings: Settings) -> dict[str, Any]:
    """What `feature_store.yaml` says, and what `RepoConfig` takes."""
    registry: dict[str, Any] = {
        "registry_type": "sql",
        "path": settings.registry_url,
        "cache_ttl_seconds": CACHE_TTL_S,
    }
    if settings.registry_url.startswith(SQLITE):  # another process may be writing
        registry["sqlalchemy_config_kwargs"] = {"connect_args": {"timeout": settings.lock_wait_s}}
    offline = DeltaOfflineStoreConfig(
        lake=str(settings.lake), clock=settings.clock, lock_wait_s=settings.lock_wait_s
    ).model_dump()
    online = LmdbOnlineStoreConfig(path=str(settings.online_store), clock=settings.clock).model_dump()
    return {
        "project": project,
        "provider": "local",
        "registry": registry,
        "offline_store": offline,
        "online_store": online,
        "materialization": MATERIALIZATION,
        "entity_key_serialization_version": 3,
    }


def feature_store(pipeline: Path | str | Pipeline, settings: Settings | None = None) -> FeatureStore:
    """Feast's store over the objects that `headrace apply` registered for `pipeline`: a pipeline file, or a Pipeline.

    `settings` are those of the working folder by default.

    Raises:
        ContractError: nothing of the pipeline is registered.
        MachineError: the registry cannot be opened.
    """
    settings = settings or load_settings()
    pipeline = pipeline if isinstance(pipeline, Pipeline) else load_pipeline(Path(pipeline))
    store = None if _is_absent(settings) else _open(pipeline, settings)
    if store is None or not store.list_feature_views(allow_cache=True):
        raise ContractError(
            f"the registry {_shown(settings)} holds no feature view of the pipeline '{pipeline.pipeline}'. "
            "`headrace apply` registers them"
        )
    return store


def feature_service(store: FeatureStore, name: str) -> FeatureService:
    """The registered service `name`.

    Raises:
        UsageError: there is none; the message lists the nearest.
    """
    known = [service.name for service in store.list_feature_services()]
    if name not in known:
        near = near_names(name, known)
        raise UsageError(f"no service '{name}' is registered in '{store.project}'. Did you mean: {near}?")
    return store.get_feature_service(name)


def plan_changes(pipeline: Pipeline, settings: Settings) -> list[Change]:
    """What `apply_pipeline` would add, change and remove. Makes nothing, not even an empty registry.

    Raises:
        UsageError, MachineError: as `apply_pipeline`.
    """
    present = [] if _is_absent(settings) else _registered(_open(pipeline, settings))
    return changes_between(present, _wanted(pipeline, settings))


def apply_pipeline(
    pipeline: Pipeline, settings: Settings, announce: Callable[[Sequence[Change]], None] = lambda _: None
) -> list[Change]:
    """Registers the objects of the pipeline file; gives what changed, which `announce` is told before it happens.

    Raises:
        UsageError: the file cannot be said in Feast, others registered an object of the same kind and name, or what
            was decided of a service that is pruned was decided of another declaration of it.
        MachineError: the registry cannot be opened.
        LockTimeout: another apply on this machine runs.
    """
    wanted = _wanted(pipeline, settings)
    store = _open(pipeline, settings)
    with _alone(settings, f"apply {pipeline.pipeline}"):
        present = _registered(store)
        changes = changes_between(present, wanted)
        announce(changes)
        if changes:
            _apply(store, present, wanted, changes)
        _write_config(pipeline.pipeline, settings)
    return changes


def _wanted(pipeline: Pipeline, settings: Settings) -> list[FeastObject]:
    selections = {}
    for name, service in pipeline.services.items():
        known = read_selections(settings.lake, pipeline.pipeline, name) if service.prune else Selections()
        if chosen := choose(pipeline, name, known):
            selections[name] = chosen
    return feast_objects(pipeline, selections)


def _apply(
    store: FeatureStore, present: Sequence[FeastObject], wanted: Sequence[FeastObject], changes: Sequence[Change]
) -> None:
    touched = {(change.kind, change.name): change for change in changes}
    gone = [old for old in present if identity(old) in touched and touched[identity(old)].what == REMOVED]
    new: list[Any] = [found for found in wanted if identity(found) in touched]
    for view in new:
        if isinstance(view, FeatureView) and touched[identity(view)].begins_anew:
            view.materialization_intervals = [BEGINNING]
    store.apply(new, objects_to_delete=[*gone, *_sources(store, gone)], partial=False)


def _sources(store: FeatureStore, gone: Sequence[FeastObject]) -> list[DataSource]:
    """The registered data sources of views that go: Feast leaves them behind."""
    views = [view for view in gone if isinstance(view, FeatureView)]
    names = {source.name for view in views for source in (view.stream_source, view.batch_source) if source}
    registered = store.registry.list_data_sources(store.project, allow_cache=False)
    return [source for source in registered if source.name in names]


def _registered(store: FeatureStore) -> list[FeastObject]:
    entities = store.registry.list_entities(store.project, allow_cache=False)
    views = store.registry.list_feature_views(store.project, allow_cache=False)
    services = store.registry.list_feature_services(store.project, allow_cache=False)
    # Feast makes a project of its own before anything is in it; that one may be written over.
    projects = [found for found in store.list_projects() if found.name == store.project and PIPELINE_TAG in found.tags]
    return [*projects, *entities, *views, *services]


def _is_absent(settings: Settings) -> bool:
    """Whether there is no registry yet; one that is no file, only opening it can tell."""
    url = settings.registry_url
    return url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).is_file()


def _open(pipeline: Pipeline, settings: Settings) -> FeatureStore:
    tell_copies_apart()
    url = settings.registry_url
    try:
        if url.startswith(SQLITE):
            Path(url.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
        store = FeatureStore(config=RepoConfig(**store_config(pipeline.pipeline, settings)))
        with _alone(settings, "open the registry"):  # two that open a new one would both make its tables
            store.registry.list_projects(allow_cache=False)
    except (OSError, ImportError, SQLAlchemyError) as err:
        raise MachineError(
            f"the registry {_shown(settings)} cannot be opened: {err}. The setting registry says where it is"
        ) from err
    return store


@contextmanager
def _alone(settings: Settings, purpose: str) -> Iterator[None]:
    lock_file = settings.home / "feast" / ".registry.lock"
    with locks.exclusive(lock_file, wait_s=settings.lock_wait_s, purpose=purpose):
        yield


def _write_config(project: str, settings: Settings) -> None:
    """Writes what Feast's command line needs. The URL of a registry may hold a password, so only the user may read."""
    path = settings.home / "feast" / CONFIG_FILE
    text = json.dumps(store_config(project, settings), indent=2)  # JSON is YAML
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def _shown(settings: Settings) -> str:
    try:
        return make_url(settings.registry_url).render_as_string(hide_password=True)
    except ArgumentError:
        return "of the settings, whose URL is none of SQLAlchemy,"
