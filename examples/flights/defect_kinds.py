"""The kinds of defects, and what must become of each."""

from __future__ import annotations

from enum import StrEnum


class Defect(StrEnum):
    """What a record that the published data does not have is there to show."""

    EXACT_COPY = "exact_copy"  # the same bytes, sent later
    CONFLICTING_COPY = "conflicting_copy"  # the same event id with another value, sent later
    LATE = "late"  # a new event that arrives more than 7 days after it happened
    IN_THE_FUTURE = "in_the_future"  # a new event, more than an hour after its own arrival
    UNKNOWN_FIELD = "unknown_field"  # a new event with a field that nothing declares
    TOMBSTONE = "tombstone"
    TRUNCATED = "truncated"
    INVALID_UTF8 = "invalid_utf8"
    TRAILING_GARBAGE = "trailing_garbage"
    REPEATED_KEY = "repeated_key"
    BAD_NUMBER = "bad_number"  # NaN, Infinity and other numbers that JSON does not have
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"  # a required column is absent or null
    WRONG_TYPE = "wrong_type"


COPIES = {Defect.EXACT_COPY: "exact", Defect.CONFLICTING_COPY: "conflict"}
MADE = (Defect.LATE, Defect.IN_THE_FUTURE, Defect.UNKNOWN_FIELD)
ACCEPTED = (Defect.LATE, Defect.UNKNOWN_FIELD)

# The reason (of headrace.tables.REASONS) under which each rejected defect must be found.
REASON_OF = {
    Defect.IN_THE_FUTURE: "in_the_future",
    Defect.TOMBSTONE: "tombstone",
    Defect.TRUNCATED: "invalid_json",
    Defect.INVALID_UTF8: "invalid_utf8",
    Defect.TRAILING_GARBAGE: "invalid_json",
    Defect.REPEATED_KEY: "invalid_json",
    Defect.BAD_NUMBER: "invalid_json",
    Defect.NOT_AN_OBJECT: "not_an_object",
    Defect.MISSING_FIELD: "missing_field",
    Defect.WRONG_TYPE: "wrong_type",
}
