"""The check of whole tables, and the repair of what can be repaired without loss."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headrace import locks
from headrace.errors import ContractError
from headrace.lake_tables import LakeTable

from .data_files import check_files, list_files, litter
from .delta_log import DeltaLog
from .finding import Finding
from .log_checks import LogChecks
from .repair import apply_repair
from .table_state import compare_checkpoints, newest_state

ATTEMPTS = 3  # where files vanish meanwhile: landers clean up their log


@dataclass(frozen=True)
class Checked:
    """What was found in a table, and of that what was repaired."""

    table: LakeTable
    version: int
    files: int
    findings: tuple[Finding, ...]
    repaired: tuple[Finding, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether no damage is left; what only lies about is none."""
        return not any(finding.is_damage for finding in self.findings)


def check_table(table: LakeTable, *, deep: bool) -> Checked:
    """Looks at the log and the data files of one table, beside whoever writes it; with `deep` it reads every page.

    Raises:
        ContractError: the folder cannot be read at all.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _check(table, deep=deep)
        except OSError as err:
            if attempt == ATTEMPTS or not isinstance(err, FileNotFoundError):
                raise ContractError(
                    f"{table.folder} cannot be checked: {err}. Mend the disk, or its permissions"
                ) from err
    raise AssertionError("unreachable")


def _check(table: LakeTable, *, deep: bool) -> Checked:
    listed = list_files(table.folder)
    log = compare_checkpoints(DeltaLog.read(table.folder))
    state = newest_state(log)
    findings = list(LogChecks(table, log, state).findings())
    if state:
        findings += check_files(table, log, state, deep=deep)
    findings += litter(table, log, listed, state)
    return Checked(table, log.newest, len(state.files) if state else 0, tuple(findings))


def repair_table(table: LakeTable, *, deep: bool, litter_age_h: float, lock_wait_s: float) -> Checked:
    """Checks one table and does what is safe, holding its lock alone.

    What was put aside is in the folder `_damaged` of the table. Litter goes when it is `litter_age_h` hours old.

    Raises:
        ContractError: the folder cannot be read at all.
        MachineError: a file cannot be moved.
        LockTimeout: a writer held the table's lock.
    """
    with locks.exclusive(table.lock_file, wait_s=lock_wait_s, purpose="repair by headrace fsck"):
        repaired: list[Finding] = []
        found = check_table(table, deep=deep)
        while done := [each for each in found.findings if apply_repair(each, litter_age_h=litter_age_h)]:
            repaired += done
            found = check_table(table, deep=deep)  # a pointer to what was put aside is the next one
    return replace(found, repaired=tuple(repaired))
