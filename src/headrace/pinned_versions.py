"""Which version of a plan or a selection is pinned: a small file of the lake, such as `plans.pinned.json`.

{"weather_observed": 3}
"""

from __future__ import annotations

import json
from pathlib import Path

from .errors import ContractError


def read_pins(file: Path) -> dict[str, int]:
    """The pinned version of each name that has one; the file is called after what it pins.

    Raises:
        ContractError: the file is none of ours.
    """
    try:
        return {str(name): int(version) for name, version in json.loads(file.read_bytes()).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as err:
        what = file.name.partition(".")[0]
        raise ContractError(f"{file} does not say which {what} are pinned: {err}. Delete it, and pin again") from err


def write_pin(file: Path, name: str, version: int | None) -> None:
    """Pins a version of `name`, or, with None, lets the newest hold again. The caller holds the lock of what is pinned.

    Raises:
        ContractError: the file is there, and none of ours.
        OSError: it cannot be written; what was pinned is as it was.
    """
    pins = read_pins(file)
    pins.pop(name, None)
    if version is not None:
        pins[name] = version
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(dict(sorted(pins.items())), indent=2) + "\n")
    part.replace(file)
