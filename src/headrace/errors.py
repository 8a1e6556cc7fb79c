"""The errors that a user of Headrace can meet.

    HeadraceError
    ├── UsageError          what was asked cannot be: wrong option, setting or file              (exit 2)
    │   ├── SettingsError   a flag, a HEADRACE_* variable or headrace.toml
    │   └── PipelineError   names file, line, what was found and what is legal
    ├── MachineError        the machine lacks something: Java, a jar, a free port, disk          (exit 1)
    ├── BrokerError         the broker does not answer, or does not know the topic               (exit 1)
    ├── ContractError       a table is missing or is not what its contract says it is            (exit 1)
    │   └── ForeignCluster  the lake holds this topic of another Kafka cluster
    ├── SchemaRegistryError  the schema registry does not answer, or not as one                  (exit 1)
    ├── LockTimeout         another process holds the table's lock for longer than allowed       (exit 1)
    ├── Superseded          another rebuild of the source was switched to meanwhile              (exit 1)
    ├── CheckFailed         a check did not hold: the audit does not balance                     (exit 3)
    │   └── Held            an expectation did not hold: the source stops before anything is written
    ├── PositionLost        the broker no longer holds what the table asks for next              (exit 3)
    └── LandingConflict     another consumer landed this partition first; reload and go on       (retriable)

A bad event is not an error: it becomes a row with a reason. What may be meant, but seldom is, is a HeadraceWarning.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near_names(name: str, known: Iterable[str]) -> str:
    """The legal names nearest to `name`, or all of them, as one comma-separated line; '(none)' where there are none."""
    names = sorted(known)
    return ", ".join(get_close_matches(name, names, n=3) or names) or "(none)"


class HeadraceError(Exception):
    """Root of all errors raised on purpose. The message says what was asked, what was found and what to do."""

    exit_code = 1
    retriable = False


class UsageError(HeadraceError):
    """What was asked cannot be: a wrong option, setting or file."""

    exit_code = 2


class SettingsError(UsageError):
    """A flag, a `HEADRACE_*` variable or `headrace.toml` cannot be used as it is."""


class PipelineError(UsageError):
    """The pipeline file cannot be used as it is. `others` are further errors of the same file, in its order."""

    others: tuple[PipelineError, ...] = ()

    def __init__(self, path: str, line: int, problem: str, hint: str) -> None:
        super().__init__(f"{path}:{line}: {problem}. {hint}")
        self.path, self.line, self.problem, self.hint = path, line, problem, hint

    @classmethod
    def unknown_name(cls, path: str, line: int, kind: str, name: str, known: Iterable[str]) -> PipelineError:
        """Builds the error for a name that nothing declares, with the nearest legal ones first."""
        return cls(path, line, f"there is no {kind} named '{name}'", f"Did you mean: {near_names(name, known)}?")


class MachineError(HeadraceError):
    """The machine lacks something that was needed: Java, a jar, a free port, space on the disk."""


class BrokerError(HeadraceError):
    """The Kafka cluster does not answer, or does not hold what was asked of it."""


class ContractError(HeadraceError):
    """A table is missing, or is not what its contract says it is."""


class ForeignCluster(ContractError):
    """The raw table holds this topic of another Kafka cluster."""


class SchemaRegistryError(HeadraceError):
    """The schema registry does not answer, refuses, or answers as no schema registry would. Nothing was written."""


class LockTimeout(HeadraceError):
    """Another process held a table's lock for longer than the setting allows."""


class Superseded(HeadraceError):
    """A run began with tables that are no longer the present ones of their source. It wrote nothing into them since:
    started again, it goes on with the present ones.
    """


class CheckFailed(HeadraceError):
    """A check did not hold, such as an audit that does not balance."""

    exit_code = 3


class Held(CheckFailed):
    """An expectation did not hold, and what arrived is held back: nothing of it was written, and raw has the bytes."""


class PositionLost(HeadraceError):
    """The broker no longer holds the record that the table asks for next. Nothing was skipped."""

    exit_code = 3


class LandingConflict(HeadraceError):
    """Another consumer has landed rows of this partition since its position was read.

    Raised by a commit. Nothing was written: drop what is buffered, read the position again and seek to it.
    """

    retriable = True

    def __init__(self, topic: str, partition: int, expected: int | None, found: int | None) -> None:
        start = "the beginning" if expected is None else f"position {expected}"
        super().__init__(f"{topic}[{partition}]: expected to land from {start}, but the table is already at {found}")
        self.topic, self.partition, self.expected, self.found = topic, partition, expected, found


class HeadraceWarning(UserWarning):
    """Root of all warnings given on purpose."""


class UnpinnedWarning(HeadraceWarning):
    """A training set was stored, and the lake cannot be told: a vacuum will not know that it needs its tables."""


class BeyondBuildWarning(HeadraceWarning):
    """Rows ask for an instant after the one up to which features are built."""
