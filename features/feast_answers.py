"""Online rows as Feast answers them: values, statuses and instants in its response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from feast import FeatureView
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus, GetOnlineFeaturesResponse
from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

from .feast_frames import answer_name
from .feast_source import RegisteredGroup
from .packed_row import OnlineRow
from .point_in_time import Status

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = {"string": "string_val", "long": "int64_val", "double": "double_val", "boolean": "bool_val"}
_STATUS = {Status.NOT_FOUND: FieldStatus.NOT_FOUND, Status.EXPIRED: FieldStatus.OUTSIDE_MAX_AGE}


@dataclass(frozen=True)
class GroupRows:
    """What one group answered: for each key its row (None: none), and what that means."""

    group: RegisteredGroup
    rows: Sequence[OnlineRow | None]
    status: Sequence[Status]

    def event_at(self, index: int) -> datetime | None:
        """The instant from which the row holds."""
        row = self.rows[index]
        return None if row is None else _EPOCH + timedelta(microseconds=row.event_at_us)

    def value(self, index: int, feature: str) -> Value:
        """The value of a feature as Feast writes it; an empty one where there is none, or it expired."""
        row = self.rows[index]
        if row is None or self.status[index] != Status.PRESENT:
            return Value()
        names = list(self.group.features)
        return _value(self.group.features[feature], row.values[names.index(feature)])


def add_answers(
    response: GetOnlineFeaturesResponse,
    view: FeatureView,
    features: Sequence[str],
    found: GroupRows,
    *,
    full_names: bool,
) -> None:
    """Adds the features of one view to Feast's response: [n] values, statuses and instants a feature.

    In the order of the group, since Feast asks for them in one that differs from process to process.
    """
    name = view.projection.name_to_use()
    features = [feature for feature in found.group.features if feature in features]
    response.metadata.feature_names.val.extend(answer_name(name, f, full_names=full_names) for f in features)
    count = range(len(found.rows))
    instants = [_timestamp(found.event_at(index)) for index in count]
    for feature in features:
        values = [found.value(index, feature) for index in count]
        statuses = [_field_status(status, value) for status, value in zip(found.status, values, strict=True)]
        response.results.append(
            GetOnlineFeaturesResponse.FeatureVector(values=values, statuses=statuses, event_timestamps=instants)
        )


def add_version(response: GetOnlineFeaturesResponse, view: FeatureView) -> None:
    """Adds the registry's version of a view to Feast's response, once."""
    name = view.projection.name_alias or view.projection.name
    if all(known.name != name for known in response.metadata.feature_view_metadata):
        response.metadata.feature_view_metadata.add(name=name, version=view.current_version_number or 0)


def _field_status(status: Status, value: Value) -> Any:
    if status != Status.PRESENT:
        return _STATUS[status]
    return FieldStatus.NULL_VALUE if value.WhichOneof("val") is None else FieldStatus.PRESENT


def _timestamp(at: datetime | None) -> Timestamp:
    found = Timestamp()
    if at is not None:
        found.FromDatetime(at)
    return found


def _value(kind: str, value: Any) -> Value:
    if value is None:
        return Value()
    if kind == "date":
        value = datetime.combine(date.fromordinal(value.toordinal()), datetime.min.time(), UTC)
    if kind in ("date", "timestamp"):
        return Value(unix_timestamp_val=(value - _EPOCH) // timedelta(seconds=1))  # Feast has whole seconds
    return Value(**{_FIELDS[kind]: value})
