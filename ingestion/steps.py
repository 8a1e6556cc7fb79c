"""The named points of a landing, in the order in which a flush passes them.

A caller may hang a function on them (`on_step`), to watch a landing or, in a proof, to kill it there.
"""

from __future__ import annotations

from collections.abc import Callable

AFTER_POLL = "after_poll"  # records were read and proved to be of the topic that we believe them to be of
MID_BUFFER = "mid_buffer"  # some of them are in the buffer, some are not
AFTER_DATA_FILE = "after_data_file"  # the rows are on disk, and no commit names them
BEFORE_LOG_ENTRY = "before_log_entry"
AFTER_LOG_ENTRY = "after_log_entry"  # rows and positions are committed
DURING_CHECKPOINT = "during_checkpoint"  # a thread of its own is writing one; seldom: once in a hundred commits
BEFORE_KAFKA_COMMIT = "before_kafka_commit"
AFTER_KAFKA_COMMIT = "after_kafka_commit"
IN_REVOCATION = "in_revocation"  # the group takes partitions away, and what is buffered of them is not yet committed

STEPS = (
    AFTER_POLL,
    MID_BUFFER,
    AFTER_DATA_FILE,
    BEFORE_LOG_ENTRY,
    AFTER_LOG_ENTRY,
    DURING_CHECKPOINT,
    BEFORE_KAFKA_COMMIT,
    AFTER_KAFKA_COMMIT,
    IN_REVOCATION,
)

OnStep = Callable[[str], None]


def ignore(step: str) -> None:
    """The `on_step` of who does not watch."""
