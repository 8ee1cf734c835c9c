"""The targets of the plan: what is measured in a phase, and what it is called."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from roundtrip import duck
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.rollout import follow_plan
from roundtrip.rollout.kpis import wilson
from roundtrip.rollout.status import NOT_STARTED, NOT_YET_MEASURABLE
from tests.rollout_fixture import STARTS_ON, change_story, product, publish_story, write_effects

IN_SEPTEMBER = date(2025, 9, 30)
IN_DECEMBER = date(2025, 12, 31)
#: Summers bring 30 % more, in every year.
SUMMER = "100.0 * CASE WHEN month(month) BETWEEN 4 AND 9 THEN 1.3 ELSE 1 END"


def kpis(home: Home, as_of: date) -> pd.DataFrame:
    follow_plan(home, as_of)
    return pd.read_parquet(product(home, "rollout_kpis", as_of)).set_index(["phase", "indicator"])


def test_a_summer_is_no_progress(home):
    publish_story(home, IN_SEPTEMBER, spend=SUMMER)
    revenue = kpis(home, IN_SEPTEMBER).loc[("implementation", "revenue")]
    assert revenue["change_unadjusted"] == pytest.approx(0.3, abs=0.03)
    assert revenue["season_factor"] == pytest.approx(1.3, abs=0.03)
    assert revenue["change_ci_low"] < 0 < revenue["change_ci_high"] < 0.1
    assert revenue["status"] == "at_risk"
    assert revenue["change_on_year_before"] == pytest.approx(0, abs=0.03)


def test_progress_within_a_summer_is_seen(home):
    publish_story(home, IN_SEPTEMBER, spend=f"{SUMMER} * CASE WHEN month > '2025-03-31' THEN 1.2 ELSE 1 END")
    revenue = kpis(home, IN_SEPTEMBER).loc[("implementation", "revenue")]
    assert revenue["change_ci_low"] < 0.2 < revenue["change_ci_high"]
    assert revenue["status"] == "achieved"
    expected = revenue["baseline"] * revenue["season_factor"]
    assert revenue["target"] == revenue["target_low"] == pytest.approx(1.1 * expected)
    assert revenue["target_high"] == pytest.approx(1.2 * expected)
    assert "+" in revenue["status_reason_en"]
    assert "剔除季节因素" in revenue["status_reason_zh"]


@pytest.mark.parametrize(
    ("as_of", "share_later", "status"),
    [
        (date(2025, 8, 31), 0.060, "on_track"),
        (IN_SEPTEMBER, 0.060, "achieved"),
        (IN_SEPTEMBER, 0.080, "at_risk"),
        (IN_SEPTEMBER, 0.110, "at_risk"),
    ],
)
def test_a_fall_of_churn_by_what_is_left_of_it(home, as_of, share_later, status):
    later = f"CASE WHEN month > '2025-03-31' THEN {share_later} ELSE 0.08 END"
    publish_story(home, as_of, churn_share=later, customers=1800 if status == "on_track" else 12000)
    churn = kpis(home, as_of).loc[("implementation", "churn_rate")]
    assert churn["status"] == status
    assert churn["actual"] == pytest.approx(share_later, abs=0.006)


def test_what_is_not_reached_by_the_end_is_missed_and_uncertainty_is_no_verdict(home):
    publish_story(home, IN_DECEMBER, customers=12000, churn_share="0.15")
    many = kpis(home, IN_DECEMBER)
    assert many.loc[("optimisation", "churn_rate"), "status"] == "missed"
    assert many.loc[("implementation", "churn_rate"), "status"] == "at_risk"
    publish_story(home, IN_DECEMBER, customers=300)
    few = kpis(home, IN_DECEMBER).loc[("optimisation", "churn_rate")]
    assert few["status"] == NOT_YET_MEASURABLE
    assert "chance cannot be told" in few["status_reason_en"]


def test_baseline_and_actual_are_pooled_over_the_months(home):
    publish_story(home, IN_SEPTEMBER, churn_share="0.02 + 0.01 * month(month)", spend=SUMMER)
    table = kpis(home, IN_SEPTEMBER)
    connection = duck.connect(home.current_db, home.tmp_dir, read_only=True)
    pooled = dict(
        connection.execute(
            "SELECT indicator, sum(numerator) / sum(denominator) FROM marts.kpi_months "
            "WHERE month BETWEEN '2025-01-01' AND '2025-03-01' GROUP BY indicator"
        ).fetchall()
    )
    connection.close()
    for indicator, value in pooled.items():
        assert table.loc[("implementation", indicator), "baseline"] == pytest.approx(value)
        assert table.loc[("assessment", indicator), "actual"] == pytest.approx(value)
    low, high = table.loc[("assessment", "churn_rate"), ["ci_low", "ci_high"]]
    assert low < pooled["churn_rate"] < high


def test_wilson_is_what_the_books_say():
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(0, 50)[0] == pytest.approx(0)


def test_in_the_assessment_there_is_a_baseline_and_nothing_else(home):
    as_of = date(2025, 3, 31)
    publish_story(home, as_of, first_month=date(2025, 1, 31))
    table = kpis(home, as_of)
    assert set(table.loc["assessment", "status"]) == {NOT_YET_MEASURABLE}
    assert set(table.loc["assessment", "months_measured"]) == {3}
    assert "3 whole months" in table.loc[("assessment", "revenue"), "status_reason_en"]
    assert table.loc["implementation", "baseline"].notna().all()
    assert (
        set(table.loc["implementation", "status"])
        == set(table.loc["optimisation", "status"])
        == {NOT_STARTED}
    )
    assert "2025-04-01" in table.loc[("implementation", "margin"), "status_reason_en"]


def test_a_baseline_is_told_when_the_assessment_is_over_and_not_before(home):
    as_of = date(2025, 3, 30)
    publish_story(home, as_of)
    table = kpis(home, as_of)
    assert table.loc[("assessment", "revenue"), "actual"] > 0
    assert table["baseline"].isna().all()


def test_before_a_whole_month_is_over_there_is_nothing_to_measure(home):
    as_of = date(2025, 4, 29)
    publish_story(home, as_of)
    row = kpis(home, as_of).loc[("implementation", "churn_rate")]
    assert (row["status"], row["months_measured"]) == (NOT_YET_MEASURABLE, 0)
    assert "no whole calendar month" in row["status_reason_en"]


def test_a_plan_that_begins_within_a_month_counts_whole_months_of_one_phase_only(home):
    publish_story(home, IN_SEPTEMBER, plan_starts_on=date(2025, 1, 15))
    table = kpis(home, IN_SEPTEMBER)
    # 15 January to 14 April, then to 14 October: April lies in both.
    assert table.loc[("assessment", "churn_rate"), "months_measured"] == 2
    assert table.loc[("implementation", "churn_rate"), "months_measured"] == 5


def test_without_a_start_nothing_has_started(home):
    publish_story(home, IN_SEPTEMBER, plan_starts_on=None)
    table = kpis(home, IN_SEPTEMBER)
    assert len(table) == 12
    assert set(table["status"]) == {NOT_STARTED}
    assert table["actual"].isna().all()
    assert set(table["status_reason_en"]) == {"the plan has no start date: plan_starts_on in company.yml"}


def test_no_prices_and_no_surveys_are_said(home):
    publish_story(home, IN_SEPTEMBER, has_prices=False, has_surveys=False)
    table = kpis(home, IN_SEPTEMBER)
    for indicator, why in (("revenue", "no prices"), ("margin", "no prices"), ("satisfaction", "no surveys")):
        row = table.loc[("implementation", indicator)]
        assert row["status"] == NOT_YET_MEASURABLE
        assert f"{why} are delivered" in row["status_reason_en"]
        assert row["status_reason_zh"].startswith("这些月份没有数值：未提供")


def test_money_begun_in_the_implementation_has_no_baseline(home):
    publish_story(home, IN_SEPTEMBER)
    change_story(home, "DELETE FROM marts.kpi_months WHERE indicator = 'margin' AND month < '2025-04-01'")
    row = kpis(home, IN_SEPTEMBER).loc[("implementation", "margin")]
    assert row["actual"] > 0
    assert "no baseline" in row["status_reason_en"]


def test_a_seasonal_target_waits_for_a_year_before_and_another_does_not(home):
    publish_story(home, IN_SEPTEMBER, first_month=date(2024, 6, 30))
    table = kpis(home, IN_SEPTEMBER)
    revenue = table.loc[("implementation", "revenue")]
    assert revenue["status"] == NOT_YET_MEASURABLE
    assert "the season cannot be taken out" in revenue["status_reason_en"]
    assert np.isfinite(revenue["change_unadjusted"])
    assert table.loc[("implementation", "satisfaction"), "status"] == "at_risk"


def test_a_month_that_is_missing_a_year_before_is_no_season(home):
    publish_story(home, IN_SEPTEMBER)
    change_story(home, "DELETE FROM marts.kpi_months WHERE indicator = 'revenue' AND month = '2024-02-01'")
    table = kpis(home, IN_SEPTEMBER).loc["implementation"]
    assert "the season cannot be taken out" in table.loc["revenue", "status_reason_en"]
    assert np.isfinite(table.loc["margin", "change"])


def test_nobody_left_in_the_assessment_and_too_few_customers_are_said(home):
    publish_story(home, IN_SEPTEMBER, churn_share="CASE WHEN month < '2025-04-01' THEN 0 ELSE 0.05 END")
    assert (
        "nothing was counted"
        in kpis(home, IN_SEPTEMBER).loc[("implementation", "churn_rate"), "status_reason_en"]
    )
    publish_story(home, IN_SEPTEMBER, customers=20)
    row = kpis(home, IN_SEPTEMBER).loc[("implementation", "revenue")]
    assert "too few for an interval" in row["status_reason_en"]
    assert np.isnan(row["ci_low"])


def test_without_figures_by_customer_there_is_no_interval(home):
    publish_story(home, IN_SEPTEMBER)
    change_story(home, "DROP TABLE marts.fct_customer_activity")
    row = kpis(home, IN_SEPTEMBER).loc[("implementation", "revenue")]
    assert row["status"] == NOT_YET_MEASURABLE
    assert "no interval" in row["status_reason_en"]


def test_the_held_out_reading_is_the_newest_that_the_phase_knew(home):
    publish_story(home, IN_DECEMBER)
    write_effects(home, date(2025, 8, 31), **{"return": (0.02, 0.01, 0.03)})
    write_effects(home, date(2025, 11, 30), **{"return": (0.05, 0.04, 0.06), "margin": (9.0, 4.0, 14.0)})
    write_effects(home, date(2026, 1, 31), **{"return": (0.9, 0.8, 1.0)})
    table = kpis(home, IN_DECEMBER)
    columns = [
        "holdout_outcome",
        "holdout_window_days",
        "holdout_effect",
        "holdout_ci_low",
        "holdout_ci_high",
    ]
    assert table.loc[("implementation", "churn_rate"), columns].tolist() == ["return", 90, 0.02, 0.01, 0.03]
    assert table.loc[("optimisation", "churn_rate"), columns].tolist() == ["return", 90, 0.05, 0.04, 0.06]
    assert table.loc[("optimisation", "margin"), "holdout_effect"] == 9.0
    assert table.loc[("optimisation", "satisfaction"), columns].isna().all()


def test_where_rounds_are_not_told_together_all_campaigns_are(home):
    publish_story(home, IN_SEPTEMBER, customers=100)
    write_effects(home, IN_SEPTEMBER, "all", **{"return": (0.02, 0.01, 0.03)})
    row = kpis(home, IN_SEPTEMBER).loc[("implementation", "churn_rate")]
    assert (row["holdout_of"], row["holdout_effect"]) == ("all", 0.02)
    assert pd.isna(kpis(home, IN_SEPTEMBER).loc[("assessment", "churn_rate"), "holdout_of"])


def test_the_interval_of_a_change_covers_where_nothing_changed(home):
    """Twenty draws of a world without any change: 95 % intervals miss in some of them, and not in many."""
    covered = {"churn_rate": 0, "revenue": 0, "satisfaction": 0}
    for salt in range(20):
        publish_story(home, IN_SEPTEMBER, first_month=date(2024, 1, 31), customers=400, salt=salt)
        table = kpis(home, IN_SEPTEMBER).loc["implementation"]
        for indicator in covered:
            covered[indicator] += (
                table.loc[indicator, "change_ci_low"] <= 0 <= table.loc[indicator, "change_ci_high"]
            )
    assert all(hits >= 16 for hits in covered.values()), covered


def test_the_same_again_is_the_same_file_and_every_number_is_finite(home):
    publish_story(home, IN_SEPTEMBER)
    write_effects(home, date(2025, 8, 31), **{"return": (float("nan"), 0.01, 0.03)})
    first = follow_plan(home, IN_SEPTEMBER)
    tables = ("rollout_kpis", "rollout_tasks", "rollout_risks", "rollout_resources")
    before = [product(home, table, IN_SEPTEMBER).read_bytes() for table in tables]
    assert follow_plan(home, IN_SEPTEMBER) == first
    assert [product(home, table, IN_SEPTEMBER).read_bytes() for table in tables] == before
    for table in tables:
        for column in pq.read_table(product(home, table, IN_SEPTEMBER)).columns:
            values = [value for value in column.to_pylist() if value is not None]
            assert all(np.isfinite(value) for value in values if isinstance(value, float))
            assert not any("nan" in value or "None" in value for value in values if isinstance(value, str))


def test_a_warehouse_of_another_date_and_none_at_all_are_refused(home):
    with pytest.raises(BadInput, match="nothing is published"):
        follow_plan(home, IN_SEPTEMBER)
    publish_story(home, IN_SEPTEMBER)
    with pytest.raises(BadInput, match="built for 2025-09-30, not for 2025-10-31"):
        follow_plan(home, date(2025, 10, 31))
    assert STARTS_ON < IN_SEPTEMBER
    assert not home.products_dir.exists()
