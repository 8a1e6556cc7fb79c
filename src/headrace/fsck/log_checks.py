"""What is wrong with the log of a table: entries, their order, checkpoints, and what lies about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headrace.lake_tables import LakeTable
from headrace.log_entry import EntryFault, LogEntry, entry_path

from .delta_log import Checkpoint, DeltaLog
from .finding import Finding, Kind, Repair, repair_command, restore_advice
from .table_state import TableState, state_at

UNREADABLE = "No engine reads the table, and nothing can be written to it."
ENTRY_LOST = {
    EntryFault.EMPTY: "deltalake reads it in silence as a commit of nothing: its rows are missing.",
    EntryFault.CUT: UNREADABLE,
    EntryFault.TORN: "It reads as if it were whole: rows without their position land twice, or rows are missing.",
}


@dataclass(frozen=True)
class LogChecks:
    """The findings of one log. `state` is that of the newest version up to which the log suffices."""

    table: LakeTable
    log: DeltaLog
    state: TableState | None

    def findings(self) -> Iterator[Finding]:
        """All of them, in the order in which a person should look at them."""
        if self.log.newest < 0:
            yield self._finding(Kind.MISSING_COMMIT, 0, "the log has no entry and no checkpoint", UNREADABLE)
            return
        for entry in self.log.entries.values():
            if entry.fault:
                yield self._faulty(entry, entry.fault)
        yield from self._missing()
        yield from self._broken_chain()
        yield from self._checkpoints()
        yield from self._pointer()

    def _faulty(self, entry: LogEntry, fault: EntryFault) -> Finding:
        kind, lost = Kind(fault), ENTRY_LOST[fault]
        if entry.version <= self._base():
            return self._finding(kind, entry.version, entry.detail, self._only_itself(entry.version))
        before = state_at(self.log, entry.version - 1) if entry.version == self.log.newest else None
        if before is None or not before.is_landed:
            return self._finding(kind, entry.version, entry.detail, lost)
        refilled = f"{lost} The table is whole up to version {before.version}, and Kafka refills what follows."
        advice = f"stop the landers, then: {repair_command(self.table)}; then land on: headrace land"
        return self._finding(kind, entry.version, entry.detail, refilled, advice, Repair.VOID_LAST_COMMIT)

    def _missing(self) -> Iterator[Finding]:
        """Versions without an entry: between others, or after the newest checkpoint, or with none to stand for them."""
        base, first = self._base(), min(self.log.entries, default=self.log.newest)
        cleaned_up = first if self.log.checkpoints else 0  # where there was a checkpoint, older entries may be gone
        for version in range(min(cleaned_up, base + 1) if base >= 0 else cleaned_up, self.log.newest + 1):
            if version in self.log.entries or version == base:
                continue
            lost = self._only_itself(version) if version < base else UNREADABLE
            yield self._finding(Kind.MISSING_COMMIT, version, f"the log has no version {version}", lost)

    def _broken_chain(self) -> Iterator[Finding]:
        """Landed positions that do not go on from the ones before, although the log reads as if it were whole."""
        reached: dict[tuple[str, int], int] = {}
        for entry in self.log.entries.values():
            gaps = []
            for partition, (start, position) in (entry.landed.positions if entry.landed else {}).items():
                place = (entry.landed.topic_id if entry.landed else "", partition)
                before = reached.get(place, start)
                if start != before:
                    gaps.append(f"partition {partition} goes on from {start}, and was left at {before}")
                reached[place] = position
            if gaps and entry.version > self._base() and self.state and self.state.version >= entry.version - 1:
                lost = "The rows between are not in the table, or are in it twice."
                log_folder = str(entry.path.parent.relative_to(self.table.folder))
                advice = restore_advice(self.table, log_folder)
                name = str(entry.path.relative_to(self.table.folder))
                yield Finding(self.table, Kind.BROKEN_CHAIN, name, "; ".join(gaps), lost, advice)

    def _checkpoints(self) -> Iterator[Finding]:
        for checkpoint in self.log.checkpoints.values():
            if checkpoint.fault:
                yield self._checkpoint(checkpoint, checkpoint.fault)

    def _checkpoint(self, checkpoint: Checkpoint, fault: str) -> Finding:
        name = str(checkpoint.paths[0].relative_to(self.table.folder))
        if checkpoint.differs:
            kind, lost = Kind.WRONG_CHECKPOINT, "Engines that start from it see other rows or positions, or fail."
        else:
            kind, lost = Kind.CORRUPT_CHECKPOINT, "Engines that start from it do not read the table."
        if not self._suffices:
            lost += " Without it the entries do not suffice."
            return Finding(self.table, kind, name, fault, lost, restore_advice(self.table, name))
        lost += " The entries suffice without it."
        return Finding(self.table, kind, name, fault, lost, repair_command(self.table), Repair.SET_ASIDE)

    def _pointer(self) -> Iterator[Finding]:
        pointer = self.log.pointer
        if pointer is None or pointer.version in self.log.checkpoints:
            return
        name = str(pointer.path.relative_to(self.table.folder))
        kind = Kind.CORRUPT_POINTER if pointer.fault else Kind.MISSING_CHECKPOINT
        found = pointer.fault or f"it names a checkpoint of version {pointer.version}, which is not there"
        if self._suffices:
            lost = "The log itself suffices: without this file engines look for the newest checkpoint themselves."
            yield Finding(self.table, kind, name, found, lost, repair_command(self.table), Repair.SET_ASIDE)
        else:
            yield Finding(self.table, kind, name, found, UNREADABLE, restore_advice(self.table, name))

    def _only_itself(self, version: int) -> str:
        return f"The newest version is whole; who asks for version {version} itself gets an error, or other rows."

    @property
    def _suffices(self) -> bool:
        """Whether the log gives the newest version, whatever is wrong with it."""
        return self.state is not None and self.state.version == self.log.newest

    def _base(self) -> int:
        """The newest whole checkpoint, which stands for every entry up to it; -1 where there is none."""
        return max((each.version for each in self.log.checkpoints.values() if not each.fault), default=-1)

    def _finding(
        self, kind: Kind, version: int, found: str, lost: str, advice: str | None = None, repair: Repair | None = None
    ) -> Finding:
        name = str(entry_path(self.table.folder, version).relative_to(self.table.folder))
        return Finding(self.table, kind, name, found, lost, advice or restore_advice(self.table, name), repair)
