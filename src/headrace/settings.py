"""Settings: where things are and how long to wait, read once at the door into one frozen object.

Sources, the first that names a value wins: command-line flags, `HEADRACE_*` variables, `headrace.toml` in the working
folder (`[profile.x]` when a profile is chosen, then `[default]`), and the defaults below, which are the embedded places
under `./.headrace`.
"""

from __future__ import annotations

import os
import re
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from headrace.pipeline.times import instant_us

from .errors import SettingsError, near_names
from .log_lines import LogFormat

ENVIRONMENT_PREFIX = "HEADRACE_"
ENVIRONMENT = "the environment"
SETTINGS_FILE = "headrace.toml"
SYSTEM_CLOCK = "system"

# Places that follow the home unless they are named: folder there to setting.
PLACES_OF_HOME = {"lake": "lake", "online": "online_store"}

# What only a variable may say: files are copied and committed, and command lines are seen by every process.
SECRETS = frozenset({"schema_registry_password"})

LEAST_DRIVER_MIB = 512  # Spark refuses less than 450

UNOPENABLE = frozenset("[]^|")  # run: deltalake 1.6.6 panics


class Settings(BaseModel):
    """Everything that differs between a laptop and a cluster. Paths are absolute once loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Path = Field(Path(".headrace"), description="folder of the embedded broker, its records and its state")
    brokers: str | None = Field(None, description="host:port[,host:port] of a Kafka cluster; unset: the embedded one")
    lake: Path = Field(Path(".headrace/lake"), description="root folder of the Delta tables")
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]*$", description="put before every topic of a pipeline file")
    tables: dict[str, Path] = Field(default_factory=dict, description="reference tables: name to folder")
    cache: Path = Field(
        default_factory=lambda: Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headrace",
        description="folder of the jars, one per user",
    )
    registry: str | None = Field(None, description="SQLAlchemy URL of Feast's registry; unset: SQLite under home")
    online_store: Path = Field(Path(".headrace/online"), description="folder of the embedded online store (LMDB)")
    schema_registry: str | None = Field(
        None, description="http://host:port[,…] of a schema registry, which sources in Avro need; unset: none"
    )
    schema_registry_user: str | None = Field(None, description="who asks the registry; unset: nobody in particular")
    schema_registry_password: SecretStr | None = Field(None, description="the password, as a variable only")
    schema_registry_ca: Path | None = Field(
        None, description="PEM file of the authority behind an https registry; unset: those of the system"
    )
    clock: str = Field("system", description="what 'now' means: system, or an ISO 8601 instant for a replay of history")
    spark_master: str = Field("local[*]", description="where Spark jobs run")
    # Spark's own default of 1 GB spills a unit of a third of a million rows.
    driver_memory: str = Field("2g", description="heap of the driver's JVM of a Spark job: at least 512m")
    lock_wait_s: float = Field(600.0, gt=0, description="how long to wait for another writer of the same table")
    durable: bool = Field(True, description="landing: whether a commit is on the disk (fsync) before it counts")
    max_batch_bytes: int = Field(
        64 * 2**20, gt=0, le=2**30, description="the largest record batch that is landed, in bytes when decompressed"
    )
    max_buffered_mib: int = Field(256, ge=8, description="memory of what a lander has read and not landed, in MiB")
    metrics_port: int | None = Field(None, ge=0, le=65_535, description="port of a lander's metrics; unset: none")
    metrics_address: str = Field("127.0.0.1", description="address on which metrics are served")
    log_format: LogFormat = Field(LogFormat.TEXT, description="how a lander writes its log: text, or json")

    @field_validator("clock")
    @classmethod
    def _check_clock(cls, text: str) -> str:
        if text != SYSTEM_CLOCK:
            instant_us(text)
        return text

    @field_validator("driver_memory")
    @classmethod
    def _check_memory(cls, text: str) -> str:
        size = re.fullmatch(r"([1-9]\d*)([mgt])", text)
        if size is None or (size[2] == "m" and int(size[1]) < LEAST_DRIVER_MIB):
            raise ValueError(f"write a size of at least {LEAST_DRIVER_MIB}m, such as 4g")
        return text

    @field_validator("schema_registry")
    @classmethod
    def _check_addresses(cls, text: str | None) -> str | None:
        for address in [] if text is None else text.split(","):
            place = urlsplit(address)
            if place.username or place.password:
                raise ValueError(
                    "credentials do not belong into an address; use HEADRACE_SCHEMA_REGISTRY_USER and …_PASSWORD"
                )
            if place.scheme not in ("http", "https") or not place.hostname or place.query or place.fragment:
                raise ValueError("write http://host:port or https://host:port, several of one registry with commas")
        return text

    def now_us(self) -> int:
        """The present instant by the clock of the settings, in microseconds since 1970."""
        return time.time_ns() // 1000 if self.clock == SYSTEM_CLOCK else instant_us(self.clock)

    @property
    def registry_url(self) -> str:
        """The SQLAlchemy URL of Feast's registry."""
        return self.registry or f"sqlite:///{self.home / 'feast' / 'registry.db'}"

    def topic(self, name: str) -> str:
        """The name on the cluster of a topic that a pipeline file calls `name`."""
        return self.topic_prefix + name

    def reference_table(self, name: str) -> Path:
        """The folder of the reference table `name`."""
        return self.tables.get(name, self.lake / "tables" / name)


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Reads the settings that hold for a command started in `folder` (default: the working folder).

    Flags that are None count as not given.

    Raises:
        SettingsError: unknown name, or a value of the wrong kind; the message names its source.
    """
    environment = os.environ if environment is None else environment
    folder = (folder or Path.cwd()).absolute()
    profile, from_environment = _read_environment(environment)
    layers = [
        ({k: v for k, v in (flags or {}).items() if v is not None}, "the command line"),
        (from_environment, ENVIRONMENT),
        *_read_file(folder / SETTINGS_FILE, profile),
    ]
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for layer, source in reversed(layers):
        _refuse_unknown(layer, source)
        merged |= layer
        origin |= dict.fromkeys(layer, source)
    for name, setting in PLACES_OF_HOME.items():
        merged.setdefault(setting, Path(merged.get("home", ".headrace")) / name)
    try:
        settings = Settings(**merged)
    except ValidationError as err:
        first = err.errors()[0]
        name = str(first["loc"][0])
        found, problem = _shown(name, str(first["input"])), first["msg"].removeprefix("Value error, ")
        problem = problem[:1].lower() + problem[1:]
        raise SettingsError(
            f"setting '{name}' from {origin.get(name, 'the defaults')}: found {found!r}; {problem}"
        ) from err
    settings = _absolute(settings, folder)
    if UNOPENABLE & set(str(settings.lake)):
        source = origin.get("lake") or origin.get("home", "the defaults")
        raise SettingsError(
            f"setting 'lake' from {source}: found '{settings.lake}'; deltalake cannot open a folder with one of "
            f"{' '.join(sorted(UNOPENABLE))} in its name. Choose another"
        )
    return settings


def _read_environment(environment: Mapping[str, str]) -> tuple[str | None, dict[str, Any]]:
    named = {
        key.removeprefix(ENVIRONMENT_PREFIX).lower(): value
        for key, value in environment.items()
        if key.startswith(ENVIRONMENT_PREFIX)
    }
    profile = named.pop("profile", None)
    if "tables" in named:
        raise SettingsError(
            "HEADRACE_TABLES: a mapping cannot be given as a variable. Put [default.tables] into headrace.toml"
        )
    return profile, named


def _read_file(path: Path, profile: str | None) -> list[tuple[dict[str, Any], str]]:
    if not path.exists():
        if profile:
            raise SettingsError(f"profile '{profile}' was asked for, but there is no {path}")
        return []
    try:
        content = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise SettingsError(f"{path} is not valid TOML: {err}") from err
    if unknown := sorted(set(content) - {"default", "profile"}):
        raise SettingsError(f"{path}: there is no section [{unknown[0]}]. Legal are [default] and [profile.NAME]")
    profiles = content.get("profile", {})
    if profile and profile not in profiles:
        raise SettingsError(f"{path}: there is no [profile.{profile}]. Did you mean: {near_names(profile, profiles)}?")
    layers = [(profiles[profile], f"{path} [profile.{profile}]")] if profile else []
    return [*layers, (content.get("default", {}), f"{path} [default]")]


def _shown(name: str, text: str) -> str:
    """A value as a message shows it: no password of any kind is in it."""
    return "…" if name in SECRETS else re.sub("//.*@", "//…@", text)


def _refuse_unknown(layer: Mapping[str, Any], source: str) -> None:
    for name in layer:
        if name not in Settings.model_fields:
            near = near_names(name, Settings.model_fields)
            raise SettingsError(f"there is no setting '{name}' (from {source}). Did you mean: {near}?")
        if name in SECRETS and source != ENVIRONMENT:
            raise SettingsError(
                f"setting '{name}' stands in {source}: give it as {ENVIRONMENT_PREFIX}{name.upper()} only"
            )


def _absolute(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(
        update={
            "home": folder / settings.home,
            "lake": folder / settings.lake,
            "online_store": folder / settings.online_store,
            "cache": folder / settings.cache,
            "schema_registry_ca": settings.schema_registry_ca and folder / settings.schema_registry_ca,
            "tables": {name: folder / path for name, path in settings.tables.items()},
        }
    )
