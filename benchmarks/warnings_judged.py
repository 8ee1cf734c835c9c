"""Warnings and signals beside what was true of the customers on the day, and what became of them."""

from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from roundtrip.home import Home
from roundtrip.ingest.sql import text

MONTHS_AFTER = 6
OUTCOMES = ("left", "leaving", "decides", "loyal")


def outcomes(rows: pd.DataFrame, truth: Path) -> pd.DataFrame:
    """What was true of customers on their day.

    Args:
        rows: customer_id, day (a month end), kind.

    Returns:
        One row a kind, and one for all kinds: kind, customers, the share of each of OUTCOMES.
    """
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        shares = ", ".join(f"avg((outcome = '{outcome}')::INTEGER) AS {outcome}" for outcome in OUTCOMES)
        return connection.execute(
            f"""
            WITH known AS (
                SELECT rows.kind, rows.day::DATE AS day, accounts.person
                FROM rows JOIN {_truth(truth, "accounts.parquet")} AS accounts USING (customer_id)
            ), decided AS (
                SELECT customer_id AS person, month::DATE AS month
                FROM {_truth(truth, "turning_points/*.parquet")} WHERE event = 'decided_to_leave'
            ), judged AS (
                SELECT known.kind,
                    CASE WHEN state = 'gone' THEN 'left'
                        WHEN state = 'fading' OR has_decided THEN 'leaving'
                        WHEN EXISTS (
                            FROM decided WHERE decided.person = known.person AND decided.month > known.day
                                AND decided.month <= known.day + to_months({MONTHS_AFTER})
                        ) THEN 'decides' ELSE 'loyal' END AS outcome
                FROM known JOIN {_truth(truth, "customer_months/*.parquet")} AS months
                    ON months.customer_id = known.person AND last_day(months.month::DATE) = known.day
            )
            SELECT coalesce(kind, 'all') AS kind, count(*) AS customers, {shares}
            FROM judged GROUP BY GROUPING SETS ((kind), ()) ORDER BY kind
            """
        ).df()


def lead_days(warnings: pd.DataFrame, truth: Path) -> pd.DataFrame:
    """Days from a customer's first warning to leaving, for those who left within half a year of it.

    Returns:
        One row: customers, warned_before_left (share), and the quartiles of the days, negative where the
        warning came after the customer had left.
    """
    with duckdb.connect() as connection:
        connection.register("warnings", warnings)
        return connection.execute(
            f"""
            WITH first AS (
                SELECT person, min(raised_on)::DATE AS day
                FROM warnings JOIN {_truth(truth, "accounts.parquet")} USING (customer_id) GROUP BY person
            ), nearest AS (
                SELECT arg_min(left_months.month::DATE - day, abs(left_months.month::DATE - day)) AS days
                FROM first JOIN {_truth(truth, "turning_points/*.parquet")} AS left_months
                    ON left_months.customer_id = first.person AND event = 'left'
                    AND abs(left_months.month::DATE - day) <= 30 * {MONTHS_AFTER}
                GROUP BY person
            )
            SELECT count(*) AS customers, avg((days > 0)::INTEGER) AS warned_before_left,
                quantile_cont(days, 0.25) AS lower, quantile_cont(days, 0.5) AS median,
                quantile_cont(days, 0.75) AS upper
            FROM nearest
            """
        ).df()


def judge_signals(home: Home, last: date, truth: Path) -> pd.DataFrame:
    """Each signal at the month ends of the last two years but the last six months.

    Returns:
        signal (`any` for any), month_share (of customers neither prospect nor lost), lost (within six months,
        by the warehouse), lost_without (of those without the signal), left, and reachable (leaving, or
        deciding within six months), each with the share of customers alike in rhythm (as overdue, with as
        long a gap and as many purchases).
    """
    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        return connection.execute(
            f"""
            WITH decided AS (
                SELECT customer_id AS person, list(month::DATE) AS months
                FROM {_truth(truth, "turning_points/*.parquet")} WHERE event = 'decided_to_leave'
                GROUP BY person
            ), months AS (
                SELECT customer_id, as_of_date, lifecycle_stage = 'lost' AS is_lost,
                    concat_ws(' ', least(floor(overdue_ratio * 4), 11), round(2 * ln(typical_gap_days)),
                        least(purchase_occasions, 4)) AS rhythm,
                    bool_or(is_lost) OVER (
                        PARTITION BY customer_id ORDER BY as_of_date
                        ROWS BETWEEN 1 FOLLOWING AND {MONTHS_AFTER} FOLLOWING
                    ) AS is_lost_soon
                FROM marts.fct_customer_months WHERE lifecycle_stage <> 'prospect'
            ), base AS (
                SELECT months.*, state = 'gone' AS has_left,
                    NOT has_left AND (
                        state = 'fading' OR has_decided OR coalesce(len(list_filter(
                            decided.months, lambda month:
                            month > as_of_date AND month <= as_of_date + to_months({MONTHS_AFTER})
                        )) > 0, false)
                    ) AS is_reachable,
                    avg(has_left::INTEGER) OVER (PARTITION BY rhythm) AS left_alike,
                    avg(is_reachable::INTEGER) OVER (PARTITION BY rhythm) AS reachable_alike
                FROM months
                JOIN {_truth(truth, "accounts.parquet")} AS accounts USING (customer_id)
                JOIN {_truth(truth, "customer_months/*.parquet")} AS states
                    ON states.customer_id = accounts.person AND last_day(states.month::DATE) = as_of_date
                LEFT JOIN decided ON decided.person = accounts.person
                WHERE NOT is_lost AND as_of_date > $last - to_months(24)
                    AND as_of_date <= $last::DATE - {30 * MONTHS_AFTER}
            ), fired AS (
                FROM (
                    SELECT customer_id, as_of_date, signal FROM marts.customer_signals
                    UNION ALL SELECT DISTINCT customer_id, as_of_date, 'any' FROM marts.customer_signals
                ) JOIN base USING (customer_id, as_of_date)
            ), totals AS (
                SELECT count(*) AS customers, count(*) FILTER (is_lost_soon) AS lost FROM base
            )
            SELECT signal, count(*) / any_value(totals.customers) AS month_share,
                avg(is_lost_soon::INTEGER) AS lost,
                (any_value(totals.lost) - count(*) FILTER (is_lost_soon))
                    / (any_value(totals.customers) - count(*)) AS lost_without,
                avg(has_left::INTEGER) AS has_left, avg(left_alike) AS left_alike,
                avg(is_reachable::INTEGER) AS reachable, avg(reachable_alike) AS reachable_alike
            FROM fired, totals GROUP BY signal ORDER BY month_share DESC
            """,
            {"last": last},
        ).df()


def _truth(folder: Path, file: str) -> str:
    return f"read_parquet({text(str(folder / file))})"
