"""Which rows a training set has: its rows table, parted by time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headrace.errors import UsageError
from headrace.pipeline import Split as DeclaredSplit
from headrace.pipeline.times import iso

Part = Literal["train", "test"]


@dataclass(frozen=True)
class Choice:
    """What was asked of a training set, in microseconds since 1970; None where the pipeline file decides."""

    split: Part | None = None
    split_at_us: int | None = None
    until_us: int | None = None
    by_knowledge: bool = False
    with_unlabelled: bool = False


@dataclass(frozen=True)
class Bounds:
    """Rows with `at` in [from_us, until_us) whose label was known before `label_before_us`; None: no bound."""

    from_us: int | None
    until_us: int | None
    label_before_us: int | None


def bounds(choice: Choice, declared: DeclaredSplit) -> Bounds:
    """The rows of a part, half open. Train: before the split, labels known before it, too. Test: from the split and
    the embargo on. Both together: all before `until`.

    Raises:
        UsageError: a split is given and no part; or no time is left for a part.
    """
    split_us = declared.train.until_us if choice.split_at_us is None else choice.split_at_us
    until_us = declared.test.until_us if choice.until_us is None else choice.until_us
    if choice.split is None and choice.split_at_us is not None:
        raise UsageError(f"rows are split at {iso(split_us)}, and no part is asked. Ask for the part train or test")
    if choice.split is None:
        return Bounds(None, choice.until_us, None)
    if split_us >= until_us:
        raise UsageError(f"rows are split at {iso(split_us)}, which is not before their end at {iso(until_us)}")
    if choice.split == "train":
        return Bounds(None, split_us, split_us)
    if choice.split == "test":
        from_us = split_us + declared.embargo_us
        if from_us >= until_us:
            raise UsageError(
                f"no time is left for the test: the split and the embargo end at {iso(from_us)}, which is not before "
                f"the end of the rows at {iso(until_us)}"
            )
        return Bounds(from_us, until_us, None)
    raise UsageError(f"there is no part '{choice.split}' of a training set. Legal are train and test")
