"""Which rebuild of a source or a feature group is read and written, and which one is being made beside it.

    <pipeline>/clean/.<source>.rebuilds.json, <pipeline>/features/.<group>.rebuilds.json

    {"0123456789ab": {"present": 2, "since_us": 1357000000000000, "making": null}}

Under each definition the rebuilds are numbered, and a folder is named `<definition>-<number>`. The file comes with the
first rebuild; before it, the newest folder is the present one. To replace it is the switch: one rename, so that whoever
looks sees the one or the other. Whoever writes it holds the lock of the source, or of the group.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import ContractError

FIRST = 1

PartitionKey = tuple[str, int]


@dataclass(frozen=True)
class Making:
    """A rebuild that is not switched to: its number, the plan and the rules by which it judges, and how far it came.

    `rules` is the fingerprint of all that the pipeline file says of the source. `done` is the last offset of each
    (topic id, partition) up to which everything is placed.
    """

    number: int
    plan: int | None
    rules: str
    done: Mapping[PartitionKey, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """What stands under one definition: the number that is present, since when (0: always), and what is being made.

    `present` is None where no rebuild was ever begun.
    """

    present: int | None = None
    since_us: int = 0
    making: Making | None = None


def read_standings(file: Path) -> dict[str, Standing]:
    """What stands, by definition; nothing where no rebuild was ever begun.

    Raises:
        ContractError: the file is none of ours.
    """
    try:
        return {str(name): _standing(found) for name, found in json.loads(file.read_bytes()).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as err:
        raise ContractError(
            f"{file} does not say which rebuild is present: {err!r}. Restore it from a copy of the lake: without it "
            "the newest folder is taken, whether or not its rebuild was finished"
        ) from err


def read_standing(file: Path, definition: str) -> Standing:
    """What stands under one definition.

    Raises:
        ContractError: the file is none of ours.
    """
    return read_standings(file).get(definition, Standing())


def write_standing(file: Path, definition: str, standing: Standing) -> None:
    """Says what stands under one definition, in one step. The caller holds the lock of the source, or of the group.

    Raises:
        ContractError: the file is there, and none of ours.
        OSError: it cannot be written; what stood stands.
    """
    standings = read_standings(file) | {definition: standing}
    content = {name: _content(found) for name, found in sorted(standings.items())}
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with part.open("w") as out:
        out.write(json.dumps(content, indent=2) + "\n")
        out.flush()
        os.fsync(out.fileno())  # a power cut must not leave a name without its content
    part.replace(file)


def present_number(file: Path, folder: Path, definition: str) -> int:
    """The number of the present rebuild under a definition, whose folders are in `folder`; 1 where there is none yet.

    Raises:
        ContractError: the file is there, and none of ours.
    """
    return read_standing(file, definition).present or max(numbers_in(folder, definition), default=FIRST)


def numbers_in(folder: Path, definition: str) -> list[int]:
    """The numbers of the rebuilds that have a folder, in order."""
    matches = (re.fullmatch(rf"{re.escape(definition)}-(\d+)", path.name) for path in folder.glob(f"{definition}-*"))
    return sorted(int(match[1]) for match in matches if match)


def folder_name(definition: str, number: int) -> str:
    """The name of the folders of one rebuild."""
    return f"{definition}-{number}"


def parts_of(name: str) -> tuple[str, int]:
    """Definition and number of a folder's name."""
    definition, _, number = name.rpartition("-")
    return definition, int(number)


def _standing(found: Mapping[str, Any]) -> Standing:
    making = found["making"]
    return Standing(int(found["present"]), int(found["since_us"]), None if making is None else _making(making))


def _making(found: Mapping[str, Any]) -> Making:
    done = {(str(topic_id), int(partition)): int(offset) for topic_id, partition, offset in found["done"]}
    plan = found["plan"]
    return Making(int(found["number"]), None if plan is None else int(plan), str(found["rules"]), done)


def _content(standing: Standing) -> dict[str, Any]:
    making = standing.making
    done = [] if making is None else [[*key, offset] for key, offset in sorted(making.done.items())]
    return {**asdict(standing), "making": None if making is None else {**asdict(making), "done": done}}
