"""Values treated by the plan of their source, without Spark: a pushed row, or a value at the time of a request."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from headrace.pipeline import Pipeline
from headrace.plans import Treatment
from headrace.plans.columnar import treat_rows
from headrace.plans.stored import read_treatment
from headrace.settings import Settings

from .asked_rows import as_table


class Treating:
    """A client whose `treat` follows, for each source, the plan that it read first, as a running stream does."""

    pipeline: Pipeline
    settings: Settings
    _treatments: dict[str, Treatment]

    def treat(self, source: str, rows: Any) -> pa.Table:
        """The rows of `source`, as sent → treated, in order, by the plan that held when this client first asked.

        Args:
            rows: an Arrow table, a pandas DataFrame or a mapping of columns; those that rules group by included.

        Each treated column is replaced; then come, of each, `x_original`, `x_outlier` and `x_missing`, a flag for each
        joint rule, `_reason` ('outlier' where cleaning would refuse the row, else null) and `_plan`. The values are
        those of the clean table, to the last bit.

        Raises:
            UsageError: no such source; a rule must be fitted and no plan holds; or columns are missing or of another
                type.
            ContractError: the plans cannot be read.
        """
        if source not in self._treatments:
            self._treatments[source] = read_treatment(self.pipeline, source, self.settings.lake)
        return treat_rows(as_table(rows), self._treatments[source])
