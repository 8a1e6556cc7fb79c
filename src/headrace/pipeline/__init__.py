"""The pipeline file: what a user declares once, checked at the door, executed by nobody here."""

from .cleaning import (
    Bounds,
    ColumnCleaning,
    Constant,
    Iqr,
    Mad,
    Mahalanobis,
    Mean,
    Median,
    Mode,
    Quantile,
    Unfilled,
    Zscore,
)
from .describe import describe
from .expressions import Expression
from .feature import Entity, FeatureColumn, FeatureGroup, Prune, Service
from .loading import load_pipeline
from .model import Pipeline
from .source import Column, Derived, Interval, Late, Source
from .times import Duration
from .training import Label, Rows, Split, TrainingSet, Until

__all__ = [
    "Bounds",
    "Column",
    "ColumnCleaning",
    "Constant",
    "Derived",
    "Duration",
    "Entity",
    "Expression",
    "FeatureColumn",
    "FeatureGroup",
    "Interval",
    "Iqr",
    "Label",
    "Late",
    "Mad",
    "Mahalanobis",
    "Mean",
    "Median",
    "Mode",
    "Pipeline",
    "Prune",
    "Quantile",
    "Rows",
    "Service",
    "Source",
    "Split",
    "TrainingSet",
    "Unfilled",
    "Until",
    "Zscore",
    "describe",
    "load_pipeline",
]
