"""Going on behind a gap that somebody has accepted: the table's position moves over it, and the table says so.

One commit holds the position, the table property that names all gaps, and commit metadata for whoever reads the log.
"""

from __future__ import annotations

import getpass
import logging
import os
import socket
from dataclasses import asdict
from datetime import UTC, datetime

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import DeltaError

from headrace import locks, tables
from headrace.errors import LandingConflict
from headrace.gaps import CUT, DELETED, Gap, gaps_from_property, gaps_to_property

from .positions import Lost
from .raw_table import RawTable, one_line

log = logging.getLogger(__name__)


def gaps_of(table: DeltaTable, topic_id: str) -> tuple[Gap, ...]:
    """The accepted gaps of one topic id, oldest first."""
    found = gaps_from_property(table.metadata().configuration.get(tables.GAPS_PROPERTY))
    return tuple(gap for gap in found if gap.topic_id == topic_id)


def accept_gap(table: RawTable, topic_id: str, lost: Lost, *, lock_wait_s: float) -> Gap:
    """Records that the range which `lost` names will not be landed, and returns it.

    Of deleted records the table's position moves to the first that the broker still holds. Where the log was cut the
    position stays: the table has records of the offsets behind the cut already, and the broker's new ones there cannot
    be landed beside them; landing goes on when the log has grown up to the position.

    Raises:
        LandingConflict: another lander has moved the position since; nothing was written.
        LockTimeout, MachineError: as `RawTable.enter`.
    """
    with locks.exclusive(table.lock_file, wait_s=lock_wait_s, purpose="accepting a gap"):
        handle = table.open()
        application = tables.landing_application(topic_id, lost.place[1])
        found = handle.transaction_version(application)
        if found != lost.position:
            raise LandingConflict(table.topic, lost.place[1], lost.position, found)
        gap, position = _gap(topic_id, lost)
        try:
            _write(handle, application, gap, lost.position, position)
        except (DeltaError, OSError) as err:
            if gap not in gaps_of(table.open(), topic_id):
                raise table.write_error(err) from err
            log.warning("%s: accepting a gap reported an error and had succeeded: %s", table.topic, one_line(err))
    log.warning("%s: not landed, as accepted: %s", table.topic, gap, extra={"fields": asdict(gap)})
    return gap


def _gap(topic_id: str, lost: Lost) -> tuple[Gap, int]:
    """The gap, and the table's position after it."""
    assert lost.bounds is not None  # noqa: S101  only a running lander meets a cut without its bounds
    who, when = f"{_user()}@{socket.gethostname()}", datetime.now(UTC).isoformat(timespec="seconds")
    if lost.position < lost.bounds.beginning:
        ends = (lost.position, lost.bounds.beginning)
        return Gap(topic_id, lost.place[1], *ends, DELETED, who, when), lost.bounds.beginning
    return Gap(topic_id, lost.place[1], lost.bounds.end, lost.position, CUT, who, when), lost.position


def _write(handle: DeltaTable, application: str, gap: Gap, before: int, after: int) -> None:
    known = gaps_from_property(handle.metadata().configuration.get(tables.GAPS_PROPERTY))
    note = {
        "topic_id": gap.topic_id,
        "rows": 0,
        "positions": {str(gap.partition): [before, after]},
        "gaps": [asdict(gap)],
    }
    handle.alter.set_table_properties(
        {tables.GAPS_PROPERTY: gaps_to_property([*known, gap])},
        raise_if_not_exists=False,
        commit_properties=CommitProperties(
            custom_metadata={"headrace": note}, app_transactions=[Transaction(application, after)]
        ),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        return str(os.getuid())
