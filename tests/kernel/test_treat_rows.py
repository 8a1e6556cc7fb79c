"""The NumPy face of a treatment against a plain loop, and what it says of rows that it cannot treat."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from support.shop import orders
from support.treatment_oracle import as_lists, as_table, rows, treat_plainly, treatments

from headrace.errors import UsageError
from headrace.plans import Treatment, bind
from headrace.plans.columnar import treat_rows


@settings(max_examples=300, deadline=None)
@given(drawn=rows(), treatment=treatments())
def test_rows_in_memory_are_treated_as_a_plain_loop_treats_them(drawn, treatment):
    table = as_table(drawn)
    found = as_lists(treat_rows(table, treatment))
    del found["number"]
    assert found == treat_plainly(drawn, treatment)


def test_a_rule_of_a_column_that_the_rows_lack_does_not_apply():
    treated = treat_rows(pa.table({"amount": [0.5, None], "note": ["a", "b"]}), bind(orders()))
    assert treated.column_names == [
        "amount", "note", "amount_original", "amount_outlier", "amount_missing", "_reason", "_plan",
    ]  # fmt: skip
    assert treated["amount"].to_pylist() == [1.0, None]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"amount": ["much"]}, "the column 'amount' is a double; found values of type string"),
        ({"pieces": [1.5]}, "the column 'pieces' is a long; found values of type double"),
    ],
)
def test_values_of_another_type_are_refused_with_the_column(columns, says):
    with pytest.raises(UsageError, match=says):
        treat_rows(pa.table(columns), bind(orders()))


BY_SHOP = {
    "fit": {"from": "2013-01-01", "to": "2014-01-01"},
    "joint_outliers": {"basket": {"columns": ["amount", "pieces"], "by": ["shop"], "action": "null_value"}},
}


def fitted_by_shop() -> Treatment:
    from support.plans import a_plan

    return bind(orders(**BY_SHOP), a_plan(orders(**BY_SHOP)))


def test_a_grouping_column_that_is_missing_is_named():
    with pytest.raises(UsageError, match="a rule groups by 'shop', and the rows have no such column"):
        treat_rows(pa.table({"amount": [1.0], "pieces": [2]}), fitted_by_shop())


def test_a_joint_rule_wants_all_of_its_columns_or_none():
    with pytest.raises(UsageError, match="looks at amount, pieces together, and the rows lack pieces"):
        treat_rows(pa.table({"amount": [1.0], "shop": ["north"]}), fitted_by_shop())
    assert "basket_outlier" not in treat_rows(pa.table({"shop": ["north"]}), fitted_by_shop()).column_names


def test_no_rows_are_treated_rows():
    table = as_table([])
    assert treat_rows(pa.table({"amount": pa.array([], pa.float64())}), bind(orders())).num_rows == table.num_rows == 0
