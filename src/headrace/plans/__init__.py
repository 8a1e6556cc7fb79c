"""Plans: what was fitted for the cleaning rules of a source, as data, and what it makes of values.

    plan        bounds, fills and statistics of one source, as they are stored
    formulas    statistics of a window → bounds and fills
    ellipse     the robust centre and covariance of several columns
    treatment   a source's rules under one plan: all that the two faces read
    columnar    the NumPy face: rows in memory, such as a pushed row or a value at the time of a request
    choice      which version is used: the pinned one, else the newest
    stored      reading versions from the lake without a JVM

The other face, Spark's, is `headrace.jobs.treatment`. Both give the same values, to the last bit.
"""

from .plan import (
    Bounds,
    ColumnPlan,
    ColumnStatistics,
    Ellipse,
    Fills,
    Group,
    Grouped,
    JointPlan,
    OutlierPlan,
    Plan,
    PlanVersion,
)
from .treatment import ColumnTreatment, JointTreatment, Treatment, bind

__all__ = [
    "Bounds",
    "ColumnPlan",
    "ColumnStatistics",
    "ColumnTreatment",
    "Ellipse",
    "Fills",
    "Group",
    "Grouped",
    "JointPlan",
    "JointTreatment",
    "OutlierPlan",
    "Plan",
    "PlanVersion",
    "Treatment",
    "bind",
]
