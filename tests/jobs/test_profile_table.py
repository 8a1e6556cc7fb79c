"""Profiles of the published flights and weather, and of a table of odd columns, by the job as it runs."""

from __future__ import annotations

import json
import math
import re

import pytest
from support.profiled import HOSTILE, HOSTILE_NAME, ODD_ROWS
from support.rooms import REPOSITORY

from headrace.profile import Profile

pytestmark = pytest.mark.slow


@pytest.fixture
def flights(profiled):
    return profiled["flights"]


@pytest.fixture
def weather(profiled):
    return profiled["weather"]


@pytest.fixture
def odd(profiled):
    return profiled["odd"].profile


def pair(profile: Profile, first: str, second: str):
    return next(each for each in profile.associations if (each.first, each.second) == (first, second))


def texts(profile: Profile) -> list[str]:
    return [finding.text for finding in profile.findings]


@pytest.mark.parametrize(("name", "rows", "columns"), [("flights", 336_776, 19), ("weather", 26_115, 15)])
def test_rows_missing_values_and_distinct_ones_are_counted_as_in_the_published_files(profiled, name, rows, columns):
    found, frame = profiled[name].profile, profiled[name].frame
    assert (found.rows, len(found.columns)) == (rows, columns) == frame.shape
    assert {c.name: c.missing for c in found.columns} == frame.isna().sum().to_dict()
    assert {c.name: c.distinct for c in found.columns} == frame.nunique().to_dict()
    assert all(column.distinct_exact for column in found.columns)


@pytest.mark.parametrize("name", ["flights", "weather"])
def test_moments_quantiles_and_extremes_are_those_of_pandas(profiled, name):
    found, frame = profiled[name].profile, profiled[name].frame
    numbers = {c.name: c.numbers for c in found.columns if c.numbers}
    assert len(numbers) == {"flights": 14, "weather": 13}[name]
    for column, facts in numbers.items():
        values = frame[column].dropna().astype(float)
        expected = (values.mean(), values.std(), values.min(), values.max(), (values == 0).sum(), (values < 0).sum())
        told = (facts.mean, facts.deviation, facts.minimum, facts.maximum, facts.zeros, facts.negatives)
        assert told == pytest.approx(expected, rel=1e-9, abs=1e-9), column
        assert facts.quantiles == pytest.approx({q: values.quantile(float(q)) for q in facts.quantiles}), column
        assert facts.mad == pytest.approx((values - values.median()).abs().median()), column
        if values.std():
            assert facts.skewness == pytest.approx(values.skew(), rel=1e-3, abs=1e-3), column


def test_the_missing_values_of_the_flights_are_those_that_are_known(flights):
    expected = {"dep_time": 8_255, "dep_delay": 8_255, "arr_time": 8_713, "arr_delay": 9_430, "air_time": 9_430}
    missing = {c.name: c.missing for c in flights.profile.columns if c.missing}
    assert missing == {**expected, "tailnum": 2_512}
    assert round(100 * 8_255 / flights.profile.rows, 2) == 2.45


@pytest.mark.parametrize(
    ("name", "first", "second", "expected"),
    [
        ("flights", "air_time", "distance", 0.99),
        ("flights", "dep_delay", "arr_delay", 0.91),
        ("weather", "temp", "dewp", 0.89),
        ("weather", "wind_speed", "wind_gust", 0.88),
        ("weather", "dewp", "humid", 0.51),
    ],
)
def test_the_correlations_are_those_that_are_known(profiled, name, first, second, expected):
    names = [column.name for column in profiled[name].profile.columns]
    ordered = sorted((first, second), key=names.index)
    assert round(pair(profiled[name].profile, *ordered).pearson, 2) == expected


@pytest.mark.parametrize("name", ["flights", "weather"])
def test_all_correlations_are_those_of_pandas(profiled, name):
    found, frame = profiled[name].profile, profiled[name].frame
    numbers = frame.select_dtypes("number").astype(float)
    expected = numbers.corr()
    ranked = numbers.rank().corr()
    pairs = [each for each in found.associations if each.pearson is not None]
    assert len(pairs) > 60
    for each in pairs:
        assert each.pearson == pytest.approx(expected.loc[each.first, each.second], abs=1e-6)
        assert each.spearman == pytest.approx(ranked.loc[each.first, each.second], abs=0.002)


def test_the_one_impossible_wind_is_found_with_its_row(weather):
    farthest = next(row for row in weather.profile.outlier_rows if row.column == "wind_speed")
    assert farthest.value == pytest.approx(1048.36058)
    told = {"origin": "EWR", "month": "2", "day": "12", "time_hour": "2013-02-12 08:00:00"}
    assert farthest.row.items() >= told.items()
    assert texts(weather.profile)[0] == (
        "wind_speed has one value far from all others: 1048.36; the next highest is 42.58. It looks like a fault."
    )


def test_pressure_is_missing_in_the_rain(weather):
    rain = next(m for m in weather.profile.missing_by if (m.column, m.by) == ("pressure", "precip"))
    dry, wet = rain.groups
    assert (dry.group, wet.group) == ("is 0", "is above 0")
    assert (dry.rows, dry.missing, wet.rows, wet.missing) == (24_366, 1_797, 1_749, 932)
    assert (
        "pressure is missing in 53 % of the rows where precip is above 0, and in 7.4 % of those where precip is 0."
    ) in texts(weather.profile)


def test_gusts_are_missing_in_a_calm_and_in_a_third_of_the_windiest_fifth(weather):
    wind = next(m for m in weather.profile.missing_by if (m.column, m.by) == ("wind_gust", "wind_speed"))
    shares = {group.group: round(100 * group.missing / group.rows) for group in wind.groups}
    assert (shares["is 0"], shares["is above 14.96"]) == (100, 32)


def test_delays_have_heavy_tails_of_the_known_size(flights):
    columns = {name: flights.profile.column(name).numbers for name in ("dep_delay", "arr_delay")}
    assert {name: facts.beyond["mad"].rows for name, facts in columns.items()} == {
        "dep_delay": 45_136,
        "arr_delay": 10_200,
    }
    assert (columns["dep_delay"].maximum, round(columns["dep_delay"].quantiles["0.999"])) == (1301, 340)


def test_a_missing_tail_number_tells_of_cancelled_flights_and_of_the_label(flights):
    told = texts(flights.profile)
    assert (
        "Wherever tailnum is missing (2,512 rows), so are dep_time, dep_delay, arr_time, arr_delay and air_time."
        in told
    )
    assert "dep_time and dep_delay are missing in the same 8,255 rows." in told
    label = next(text for text in told if text.startswith("A missing tailnum tells of the label"))
    assert "arr_delay is missing in 100 % of these rows, and in 2.1 % of the others" in label


def test_the_stations_lack_the_known_hours_and_end_before_the_year(weather):
    entities = weather.profile.entities
    assert {entity.key: (entity.absent, entity.latest) for entity in entities.shown} == {
        ("EWR",): (27, "2013-12-30T23:00:00Z"),
        ("JFK",): (24, "2013-12-30T23:00:00Z"),
        ("LGA",): (24, "2013-12-30T23:00:00Z"),
    }
    assert entities.regular


def test_the_time_line_counts_every_row_once(flights):
    times, frame = flights.profile.times, flights.frame
    by_day = frame["time_hour"].dt.floor("D").value_counts()
    assert {bucket.at[:10]: bucket.rows for bucket in times.buckets} == {f"{d:%Y-%m-%d}": n for d, n in by_day.items()}
    assert sum(rows for _, _, rows in times.hours) == len(frame)
    cancelled = frame[frame["dep_time"].isna()]["time_hour"].dt.floor("D").value_counts()
    told = {bucket.at[:10]: bucket.missing["dep_time"] for bucket in times.buckets if bucket.missing["dep_time"]}
    assert told == {f"{d:%Y-%m-%d}": n for d, n in cancelled.items()}


@pytest.mark.parametrize(("name", "passes"), [("flights", 5), ("weather", 6), ("odd", 5)])
def test_the_rows_are_read_in_a_fixed_number_of_passes_whatever_the_columns(profiled, name, passes):
    found = profiled[name]
    assert found.profile.passes == passes
    # What is read beside them is the log of the table, a few lines an action.
    assert found.records_read / found.profile.rows == pytest.approx(passes, abs=0.05)


def test_columns_without_values_or_with_one_have_defined_answers(odd):
    nothing, one = odd.column("nothing"), odd.column("one")
    assert (nothing.missing, nothing.distinct, nothing.numbers.mean, nothing.numbers.histogram) == (
        ODD_ROWS,
        0,
        None,
        None,
    )
    assert (one.distinct, one.numbers.deviation, one.numbers.beyond, one.numbers.histogram) == (1, 0.0, {}, None)
    assert (odd.column("nowhere").missing, odd.column("nowhere").top) == (ODD_ROWS, ())
    assert "nothing has no value in any row." in texts(odd)
    assert "one is always 7." in texts(odd)


def test_nan_counts_as_missing_and_infinite_values_apart(odd):
    column = odd.column("not finite")
    assert (column.missing, column.numbers.nan, column.numbers.infinite) == (2, 2, 3)
    assert column.numbers.maximum == 9
    assert math.isfinite(column.numbers.mean)


def test_a_number_with_very_many_values_is_counted_in_cells_near_the_exact_answer(odd):
    numbers = odd.column("many").numbers
    exact = [float(n) ** 2 for n in range(ODD_ROWS)]
    middle, width = exact[ODD_ROWS // 2], exact[3 * ODD_ROWS // 4] - exact[ODD_ROWS // 4]
    assert not numbers.exact
    for share, found in numbers.quantiles.items():
        true = exact[int(float(share) * (ODD_ROWS - 1))]
        assert abs(found - true) <= 0.002 * (width + abs(true - middle)) + 1e5
    assert (numbers.minimum, numbers.maximum) == (exact[0], exact[-1])


def test_other_kinds_of_columns_are_taken_for_what_they_are(odd):
    kinds = {column.name: column.kind for column in odd.columns}
    assert {name: kinds[name] for name in ("truth", "money", "day", "list", "bytes")} == {
        "truth": "category",
        "money": "number",
        "day": "time",
        "list": "other",
        "bytes": "other",
    }
    assert odd.column("day").instants.latest == "2020-02-19T00:00:00Z"


def test_the_page_of_a_hostile_table_holds_its_texts_as_texts(profiled, odd):
    assert {count.value for count in odd.column("hostile").top} >= {HOSTILE, ""}
    assert HOSTILE_NAME in odd.column(HOSTILE_NAME).name
    page = profiled["odd"].page.read_text()
    assert HOSTILE_NAME not in page
    assert "onerror=alert(1)>" not in page
    assert page.count("<script>") == 1


def test_the_findings_that_the_documentation_shows_are_those_of_a_run(weather):
    page = (REPOSITORY / "docs" / "profiling.md").read_text()
    (shown,) = re.findall(r"^```text\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    assert [line.removeprefix("- ") for line in shown.splitlines()] == texts(weather.profile)


def test_the_json_is_of_the_stated_shape_and_says_no_nan(profiled):
    for found in profiled.values():
        text = found.page.with_suffix(".json").read_text()
        assert json.loads(text, parse_constant=pytest.fail)["format"] == "headrace.profile/1"
        assert found.result["findings"] == texts(found.profile)
