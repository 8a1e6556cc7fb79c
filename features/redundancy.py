"""Which features say what another says: clusters of likeness, and the one of each that stays. Pure.

Two features are neighbours where |r| is at least the threshold; a cluster is a connected component, so its members are
linked by neighbours, and two of them need not be alike themselves. Of a cluster stays the one with the fewest missing
values, of these the first declared. Features kept by hand stay all, in the place of that one; those dropped by hand
take no part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .correlation import Floats


@dataclass(frozen=True)
class Dropped:
    """A feature that is left out: `kept` stays for it, `r` is its correlation with that one (None: not defined).

    Its nearest neighbour in the cluster is `neighbour`, by `neighbour_r`. All are None where it is dropped `by_hand`.
    """

    feature: str
    by_hand: bool = False
    kept: str | None = None
    r: float | None = None
    neighbour: str | None = None
    neighbour_r: float | None = None


def redundant(
    names: Sequence[str],
    missing: Sequence[int],
    r: Floats,
    *,
    above: float,
    keep: Collection[str] = (),
    drop: Collection[str] = (),
) -> list[Dropped]:
    """The features to leave out among `names` (k, as they are declared), in that order.

    Args:
        missing: for each feature, in how many rows it has no value.
        r: [k, k], `correlations`; NaN is no likeness.
        above: |r| from which on two are neighbours.
        keep, drop: names that stay, or go, whatever they are like.
    """
    alike = np.abs(r) >= above  # False where r is NaN
    by_hand = np.array([name in drop for name in names], dtype=bool)
    alike[by_hand] = alike[:, by_hand] = False
    found = {number: Dropped(names[number], by_hand=True) for number in np.flatnonzero(by_hand).tolist()}
    for cluster in _clusters(alike):
        kept = [number for number in cluster if names[number] in keep]
        stays = min(kept or cluster, key=lambda number: (missing[number], number))
        for number in set(cluster) - {stays, *kept}:
            found[number] = _dropped(names, r, alike, number, stays)
    return [found[number] for number in sorted(found)]


def _clusters(alike: npt.NDArray[np.bool_]) -> Iterator[list[int]]:
    """The connected components of two features and more."""
    seen: set[int] = set()
    for first in range(len(alike)):
        if first in seen:
            continue
        cluster, waiting = {first}, [first]
        while waiting:
            new = set(np.flatnonzero(alike[waiting.pop()]).tolist()) - cluster
            cluster |= new
            waiting += new
        seen |= cluster
        if len(cluster) > 1:
            yield sorted(cluster)


def _dropped(names: Sequence[str], r: Floats, alike: npt.NDArray[np.bool_], number: int, stays: int) -> Dropped:
    near = [other for other in np.flatnonzero(alike[number]).tolist() if other != number]
    neighbour = min(near, key=lambda other: (-abs(r[number, other]), other != stays, other))
    return Dropped(
        names[number],
        kept=names[stays],
        r=_number(r[number, stays]),
        neighbour=names[neighbour],
        neighbour_r=_number(r[number, neighbour]),
    )


def _number(r: float) -> float | None:
    return None if np.isnan(r) else float(r)
