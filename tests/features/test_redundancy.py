"""Which of features that are alike stays: by the stated rule, against a slow and plain one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.features.redundancy import Dropped, redundant


def matrix(size, pairs):
    found = np.eye(size)
    for (one, other), r in pairs.items():
        found[one, other] = found[other, one] = r
    return found


def dropped(size, pairs, missing=None, **options):
    names = [f"f{number}" for number in range(size)]
    options = {"above": 0.9, **options}
    return redundant(names, missing or [0] * size, matrix(size, pairs), **options)


def test_of_two_alike_the_first_stays_and_the_other_is_named_with_it_and_the_coefficient():
    assert dropped(3, {(0, 2): -0.95}) == [Dropped("f2", kept="f0", r=-0.95, neighbour="f0", neighbour_r=-0.95)]


def test_the_one_with_the_fewest_missing_values_stays():
    (out,) = dropped(2, {(0, 1): 0.95}, missing=[3, 2])
    assert (out.feature, out.kept) == ("f0", "f1")


def test_a_likeness_of_just_the_threshold_counts():
    assert len(dropped(2, {(0, 1): 0.9})) == 1
    assert dropped(2, {(0, 1): 0.899999}) == []


def test_a_chain_is_one_cluster_though_its_ends_are_not_alike():
    found = dropped(3, {(0, 1): 0.95, (1, 2): 0.93, (0, 2): 0.5})
    assert found[1] == Dropped("f2", kept="f0", r=0.5, neighbour="f1", neighbour_r=0.93)
    assert [out.feature for out in found] == ["f1", "f2"]


def test_what_has_no_correlation_is_like_nothing():
    assert dropped(3, {(0, 1): np.nan, (1, 2): np.nan, (1, 1): np.nan}) == []


def test_a_feature_kept_by_hand_stays_for_the_others():
    found = dropped(3, {(0, 1): 0.95, (1, 2): 0.95}, keep={"f2"})
    assert [(out.feature, out.kept) for out in found] == [("f0", "f2"), ("f1", "f2")]
    assert found[0].r == 0
    both = dropped(3, {(0, 1): 0.95, (1, 2): 0.95}, keep={"f1", "f2"})
    assert [(out.feature, out.kept) for out in both] == [("f0", "f1")]


def test_a_feature_dropped_by_hand_links_nobody():
    found = dropped(3, {(0, 1): 0.95, (1, 2): 0.95}, drop={"f1"})
    assert found == [Dropped("f1", by_hand=True)]


@st.composite
def likenesses(draw):
    size = draw(st.integers(1, 7))
    r = st.sampled_from([np.nan, -1.0, -0.95, -0.9, -0.5, 0.0, 0.5, 0.9, 0.95, 1.0])
    pairs = {(i, j): draw(r) for i in range(size) for j in range(i)}
    names = st.sets(st.sampled_from([f"f{number}" for number in range(size)]))
    keep = draw(names)
    missing = draw(st.lists(st.integers(0, 2), min_size=size, max_size=size))
    return size, pairs, missing, keep, draw(names) - keep


def plain(size, pairs, missing, keep, drop):
    """The features that go, and for whom, by the words of the rule: links are followed until nothing is added."""
    alive = [number for number in range(size) if f"f{number}" not in drop]
    linked = {(i, j) for (i, j), r in pairs.items() if {i, j} <= set(alive) and abs(r) >= 0.9}
    linked |= {(j, i) for i, j in linked} | {(i, i) for i in alive}
    for _ in range(size):
        linked |= {(i, k) for i, j in linked for also_j, k in linked if also_j == j}
    found = dict.fromkeys(drop)
    for i in alive:
        cluster = [j for j in alive if (i, j) in linked]
        by_hand = [j for j in cluster if f"f{j}" in keep]
        stays = sorted(by_hand or cluster, key=lambda j: (missing[j], j))[0]
        if i != stays and i not in by_hand:
            found[f"f{i}"] = f"f{stays}"
    return found


@settings(deadline=None)
@given(likenesses())
def test_the_rule_is_the_plain_one(drawn):
    size, pairs, missing, keep, drop = drawn
    found = dropped(size, pairs, missing, keep=keep, drop=drop)
    assert {out.feature: out.kept for out in found} == plain(*drawn)
    assert [out.feature for out in found] == sorted(out.feature for out in found)


@pytest.mark.parametrize("size", [0, 1])
def test_there_may_be_nothing_to_compare(size):
    assert dropped(size, {}) == []
