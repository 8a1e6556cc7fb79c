"""Pins: which versions of which tables stored training sets are made from, kept in the lake for the vacuum.

    <lake>/<pipeline>/manifests/<training set>-<digest>.json

A pin holds until its file is deleted, wherever the manifest has gone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .errors import ContractError, UsageError
from .tables import MANIFESTS


@dataclass(frozen=True)
class Pin:
    """What one manifest needs: `tables` are (folder under the lake, version)."""

    pipeline: str
    training_set: str
    manifest: str  # where it was stored
    tables: tuple[tuple[str, int], ...]

    @classmethod
    def of_manifest(cls, manifest: Mapping[str, Any], path: Path) -> Pin:
        """The pin of the manifest in file `path`.

        Raises:
            UsageError: it is no manifest of a training set.
        """
        try:
            inputs = manifest["inputs"]
            tables = [(inputs["rows"], inputs["rows_version"])]
            for group in inputs["groups"].values():
                tables += [(group[kind], group[f"{kind}_version"]) for kind in ("features", "pushed")]
            found = tuple((str(folder), int(version)) for folder, version in tables if version is not None)
            return cls(manifest["pipeline"], manifest["training_set"], str(path), found)
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            raise UsageError(f"{path} is no manifest of a training set: {err!r}") from err

    def store(self, lake: Path) -> Path:
        """Writes the pin into the lake, and gives its file. The same manifest in the same place has one pin.

        Raises:
            OSError: the lake cannot be written.
        """
        digest = hashlib.sha256(self.manifest.encode()).hexdigest()[:12]
        file = lake / self.pipeline / MANIFESTS / f"{self.training_set}-{digest}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(asdict(self), indent=2) + "\n")
        return part.replace(file)

    def versions(self, table: str) -> list[int]:
        """The versions of a table (its folder under the lake) that are needed."""
        return sorted({version for folder, version in self.tables if folder == table})


def pins_of(lake: Path) -> dict[Path, Pin]:
    """The pins of a lake, by their files.

    Raises:
        ContractError: one cannot be read, so nobody knows what it needs.
    """
    return {file: _read(file) for file in sorted(lake.glob(f"*/{MANIFESTS}/*.json"))}


def _read(file: Path) -> Pin:
    try:
        content = json.loads(file.read_bytes())
        return Pin(**{**content, "tables": tuple((folder, int(version)) for folder, version in content["tables"])})
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise ContractError(
            f"{file} is not a pin, so nobody knows what it needs: {err}. Delete it, and give its manifest as --manifest"
        ) from err
