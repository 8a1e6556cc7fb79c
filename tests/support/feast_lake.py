"""A small lake whose pipeline is registered with Feast, and what is asked of Feast's own store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from feast import FeatureStore
from feast.online_response import OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus

from headrace.features.registry import apply_pipeline, feature_store
from headrace.settings import Settings

from .feature_lake import T0_US, FeatureLake

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
T0 = EPOCH + timedelta(microseconds=T0_US)
PUSHED = {
    "account": "object",
    "event_at": "datetime64[us, UTC]",
    "_created_at": "datetime64[us, UTC]",
    "amount": "float64",
    "kind": "object",
    "pieces": "Int64",
    "refunded": "boolean",
}
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class FeastLake(FeatureLake):
    """A `FeatureLake` with its registry under `<folder>/home`."""

    def settings(self, at_us: int | None = None) -> Settings:
        return super().settings(at_us).model_copy(update={"home": self.folder / "home"})

    def store(self, at_us: int | None = None) -> FeatureStore:
        """Feast's store, with the clock at `at_us`, over the pipeline as it is registered by this call."""
        settings = self.settings(at_us)
        apply_pipeline(self.pipeline, settings)
        return feature_store(self.pipeline, settings)


def at(instant_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=instant_us)


def asked(keys: Mapping[str, Sequence[Any]], instants_us: Sequence[int]) -> pd.DataFrame:
    """Rows to ask `get_historical_features` for."""
    return pd.DataFrame({**keys, "event_timestamp": [pd.Timestamp(at(us)) for us in instants_us]})


def pushed(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of `account_last` to push: what a row does not say is null; `event_at` is microseconds."""
    filled = [{**row, "event_at": at(row["event_at"])} for row in rows]
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in filled], dtype=kind) for name, kind in PUSHED.items()}
    )


def online_answers(
    store: FeatureStore, view: str, feature: str, keys: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Any]]:
    """What `get_online_features` says of a feature for each of `keys`: status and value."""
    return answers(store.get_online_features([f"{view}:{feature}"], [dict(key) for key in keys]), feature)


def answers(response: OnlineResponse, feature: str) -> list[tuple[str, Any]]:
    """Status and value of a feature, a key each."""
    place = list(response.proto.metadata.feature_names.val).index(feature)
    statuses = [FieldStatus.Name(status) for status in response.proto.results[place].statuses]
    return list(zip(statuses, response.to_dict()[feature], strict=True))
