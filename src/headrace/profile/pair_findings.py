"""Findings on pairs of columns: those that say nearly the same, and those that are related along no line."""

from __future__ import annotations

from collections.abc import Iterator

from .report import Association, Finding, Profile
from .words import counted

SAME, STRONG = 0.95, 0.8
# Ranks agree this much better than values: a curve, or far values.
BENT = 0.25
LEAST_ROWS = 30
MOST = 15


def pair_findings(profile: Profile) -> Iterator[Finding]:
    """The strongest pairs."""
    known = [pair for pair in profile.associations if pair.rows >= LEAST_ROWS]
    told = [finding for pair in known if (finding := _of_pair(pair)) is not None]
    yield from sorted(told, key=lambda finding: -finding.weight)[:MOST]


def _of_pair(pair: Association) -> Finding | None:
    names = (pair.first, pair.second)
    both = f"{pair.first} and {pair.second}"
    if pair.cramers_v is not None:
        if pair.cramers_v < SAME:
            return None
        text = f"{both} tell each other: Cramér's V is {pair.cramers_v:.2f}."
        return Finding(kind="association", columns=names, text=text, weight=0.5)
    if pair.pearson is None or pair.spearman is None:
        return None
    strength = abs(pair.pearson)
    if strength >= STRONG:
        how = (
            "say nearly the same"
            if strength >= SAME
            else "move together"
            if pair.pearson > 0
            else "move against each other"
        )
        text = f"{both} {how}: correlation {pair.pearson:.2f} over {counted(pair.rows)} (Spearman {pair.spearman:.2f})."
        return Finding(kind="correlation", columns=names, text=text, weight=0.45 + 0.3 * strength)
    if abs(pair.spearman) >= STRONG - BENT and abs(pair.spearman) - strength >= BENT:
        text = (
            f"{both} are related, but along no line: Spearman {pair.spearman:.2f}, Pearson {pair.pearson:.2f} "
            f"over {counted(pair.rows)}."
        )
        return Finding(kind="correlation", columns=names, text=text, weight=0.45)
    return None
