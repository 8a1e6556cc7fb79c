"""The demo's model: will a flight arrive 15 minutes late or more, asked two hours before its departure?

Gradient-boosted trees over the training set `late15`: the features of the service, the extra columns of the row, and
the categories carrier, origin and destination. Missing values stay missing: the trees take them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

CATEGORIES = ("carrier", "origin", "dest")
SETTINGS = {"max_iter": 200, "learning_rate": 0.08, "max_leaf_nodes": 31, "min_samples_leaf": 200, "random_state": 0}

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass
class LatenessModel:
    """A model of the columns `numbers` and of `CATEGORIES`, whose values are learnt from the training rows."""

    numbers: Sequence[str]
    categories: dict[str, list[str]] = field(default_factory=dict)
    trees: HistGradientBoostingClassifier = field(default_factory=lambda: HistGradientBoostingClassifier(**SETTINGS))

    def fit(self, rows: pa.Table, label: str) -> LatenessModel:
        """Learns from `rows`, whose boolean column `label` has no null."""
        self.categories = {name: sorted(pc.unique(rows[name]).drop_null().to_pylist()) for name in CATEGORIES}
        self.trees.fit(self.matrix(rows), rows[label].to_numpy())
        return self

    def predict(self, rows: pa.Table | Mapping[str, Any]) -> Array:
        """The probability of being late, [n] float64, for rows with the columns that it was fitted on."""
        found: Array = self.trees.predict_proba(self.matrix(rows))[:, 1]
        return found

    def matrix(self, rows: pa.Table | Mapping[str, Any]) -> Array:
        """[n, numbers + categories] float64; a null is NaN, and so is a category that was not in the training rows."""
        columns = [_as_floats(rows[name]) for name in self.numbers]
        columns += [_codes(rows[name], known) for name, known in self.categories.items()]
        return np.column_stack(columns)


@dataclass(frozen=True)
class Evaluation:
    """How well a model ranks test rows: area under the ROC curve, average precision, and the share that was late."""

    auc: float
    average_precision: float
    train_rows: int
    test_rows: int
    late_share: float


def train_and_evaluate(
    train: pa.Table, test: pa.Table, *, label: str, numbers: Sequence[str]
) -> tuple[LatenessModel, Evaluation]:
    """Fits a model on `train` and asks it about `test`."""
    model = LatenessModel(numbers).fit(train, label)
    late, predicted = test[label].to_numpy(), model.predict(test)
    return model, Evaluation(
        auc=float(roc_auc_score(late, predicted)),
        average_precision=float(average_precision_score(late, predicted)),
        train_rows=train.num_rows,
        test_rows=test.num_rows,
        late_share=float(late.mean()),
    )


def _as_floats(values: pa.ChunkedArray | pa.Array) -> Array:
    found: Array = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _codes(values: pa.ChunkedArray | pa.Array, known: Sequence[str]) -> Array:
    """The place of each value among `known`."""
    return _as_floats(pc.index_in(values, value_set=pa.array(known, pa.string())))
