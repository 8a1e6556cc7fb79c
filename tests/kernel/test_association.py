"""What columns say of each other, from sums of products of facets, against pandas and SciPy on the rows themselves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from headrace.profile.association import Products, cramers_v
from headrace.profile.facets import Compared, Facets, RankScale, Role
from headrace.profile.number_counts import NumberCounts
from headrace.profile.report import ValueCount
from headrace.profile.value_groups import (
    Interval,
    OtherValues,
    Value,
    Zero,
    groups_of_categories,
    groups_of_numbers,
)

SEEDS = (1, 2, 3)


def drawn_rows(seed: int, rows: int = 400) -> pd.DataFrame:
    """Two related numbers with gaps (one with many zeros and an infinite value), two related categories."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows).round(1)
    y = np.where(rng.random(rows) < 0.4, 0.0, x * 3 + rng.normal(size=rows))
    color = rng.choice(["red", "green", "blue"], size=rows)
    size = np.where(rng.random(rows) < 0.7, np.char.add(color, "-ish"), "other")
    frame = pd.DataFrame({"x": x, "y": y, "color": color, "size": size})
    frame.loc[rng.random(rows) < 0.3, "x"] = np.nan
    frame.loc[(rng.random(rows) < 0.5) & (frame["y"] == 0), "y"] = np.nan
    frame.loc[frame["color"] == "red", "size"] = None
    frame.loc[0, "y"] = np.inf
    return frame


def compared(frame: pd.DataFrame, name: str) -> Compared:
    values = frame[name].dropna()
    if frame[name].dtype == object:
        top = [ValueCount(value=value, rows=rows) for value, rows in Counter(values).most_common()]
        groups = groups_of_categories(top, len(top))
        return Compared(name, len(frame), int(frame[name].isna().sum()), groups=tuple(groups))
    finite = values[np.isfinite(values)]
    counts = NumberCounts.of(Counter(finite).items())
    return Compared(
        name,
        len(frame),
        int(frame[name].isna().sum()),
        int(np.isinf(values).sum()),
        float(finite.mean()),
        float(finite.std()),
        RankScale.of(counts),
        tuple(groups_of_numbers(counts)),
    )


def facet_values(frame: pd.DataFrame, facets: Facets) -> np.ndarray:
    """The facets of every row, by a second hand."""
    columns = {column.name: column for column in facets.columns}
    found = [np.ones(len(frame))]
    for facet in facets.all[1:]:
        values, facts = frame[facet.column], columns[facet.column]
        if facet.role is Role.PRESENT:
            made = values.notna()
        elif facet.role is Role.GROUP:
            made = is_in(values, facet.group)
        else:
            finite = values.where(np.isfinite(values))
            rank = (finite.rank() - 0.5) / finite.count() - 0.5
            scaled = (finite - facts.mean) / facts.deviation
            made = {
                Role.FINITE: finite.notna(),
                Role.VALUE: scaled,
                Role.SQUARE: scaled**2,
                Role.RANK: rank,
                Role.RANK_SQUARE: rank**2,
            }[facet.role]
        found.append(made.astype(float).fillna(0.0).to_numpy())
    return np.array(found)


def is_in(values: pd.Series, group: object) -> pd.Series:
    match group:
        case Zero():
            return values == 0
        case Value(value):
            return values == value
        case OtherValues(named):
            return values.notna() & ~values.isin(named)
        case Interval(low, high, without_zero):
            inside = np.isfinite(values) & (values > (-np.inf if low is None else low))
            return inside & (values <= (np.inf if high is None else high)) & ~(without_zero & (values == 0))


@pytest.fixture(params=SEEDS)
def rows(request):
    return drawn_rows(request.param)


@pytest.fixture
def products(rows):
    facets = Facets(tuple(compared(rows, name) for name in rows))
    values = facet_values(rows, facets)
    return Products(facets, (values @ values.T).tolist())


def found_of(products, first, second):
    return next(each for each in products.associations() if (each.first, each.second) == (first, second))


def test_pearson_is_that_of_pandas_over_the_rows_in_which_both_are_finite(rows, products):
    finite = rows[["x", "y"]].replace(np.inf, np.nan)
    found = found_of(products, "x", "y")
    assert found.rows == len(finite.dropna())
    assert found.pearson == pytest.approx(finite["x"].corr(finite["y"]), abs=1e-9)


def test_spearman_is_pearson_of_the_ranks_that_the_columns_have_by_themselves(rows, products):
    finite = rows[["x", "y"]].replace(np.inf, np.nan)
    ranks = finite.rank()
    assert found_of(products, "x", "y").spearman == pytest.approx(ranks["x"].corr(ranks["y"]), abs=1e-9)


def test_cramers_v_is_that_of_scipy(rows, products):
    table = pd.crosstab(rows["color"], rows["size"]).to_numpy()
    expected = stats.contingency.association(table, method="cramer")
    assert found_of(products, "color", "size").cramers_v == pytest.approx(expected, abs=1e-9)


def test_missing_values_are_counted_in_every_group_of_every_other_column(rows, products):
    for each in products.missing_by():
        groups = next(column.groups for column in products.facets.columns if column.name == each.by)
        for group, share in zip(groups, each.groups, strict=True):
            there = rows[is_in(rows[each.by], group)]
            assert (share.rows, share.missing) == (len(there), there[each.column].isna().sum()), (each.column, group)


def test_columns_that_are_missing_together_are_counted(rows, products):
    found = {(each.first, each.second): each.both_rows for each in products.missing_pairs()}
    expected = {pair: int(rows[list(pair)].isna().all(axis=1).sum()) for pair in (("x", "y"), ("x", "size"))}
    assert {pair: found[pair] for pair in expected} == expected


def test_what_missing_values_say_of_a_label_is_what_the_rows_say(rows, products):
    facts = {fact.column: fact for fact in products.label_facts("y")}
    assert facts.keys() == {"x", "size"}
    for name, fact in facts.items():
        lacking = rows[rows[name].isna()]["y"]
        having = rows[rows[name].notna()]["y"]
        assert fact.label_missing_where_missing == pytest.approx(lacking.isna().mean())
        assert fact.label_missing_where_present == pytest.approx(having.isna().mean())
        means = [part[np.isfinite(part)].mean() for part in (lacking, having)]
        assert (fact.mean_where_missing, fact.mean_where_present) == pytest.approx(means)


def test_ranks_in_classes_are_near_the_exact_ones():
    values = np.random.default_rng(5).exponential(size=20_000)
    scale = RankScale.of(NumberCounts.of((value, 1) for value in values.tolist()), classes=1000)
    assert len(scale.ranks) <= 1001
    classes = np.searchsorted(scale.splits()[1:-1], values, side="right")
    exact = (stats.rankdata(values) - 0.5) / len(values) - 0.5
    assert np.abs(np.array(scale.ranks)[classes] - exact).max() <= 0.001


def test_every_role_of_a_facet_is_its_own():
    assert len(Role) == 7


def test_a_table_with_one_class_has_no_cramers_v():
    assert cramers_v([[3, 4]]) is None
    assert cramers_v([[3, 0], [4, 0]]) is None


def test_a_value_is_in_exactly_one_group():
    counts = NumberCounts.of([(0.0, 900), (0.5, 40), (-2.0, 30), (7.0, 30)])
    values = pd.Series([0.0, 0.5, -2.0, 7.0])
    groups = groups_of_numbers(counts)
    assert sum(is_in(values, group).astype(int) for group in groups).tolist() == [1, 1, 1, 1]
    assert [group.words() for group in groups] == ["is 0", "is below 0", "is above 0"]
