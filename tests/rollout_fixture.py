"""A small published warehouse for the tests of the rollout plan: every figure is a sum over its customers.

Stories are told by SQL expressions of `month` (a month end): who leaves, what a customer spends, how content
they are. marts.kpi_months is summed from marts.fct_customer_activity, as in the real warehouse.
"""

import json
from datetime import date
from pathlib import Path

import pandas as pd

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.measure.tables import EFFECTS
from roundtrip.products import write_product

STARTS_ON = date(2025, 1, 1)


def publish_story(
    home: Home,
    as_of: date,
    first_month: date = date(2023, 1, 31),
    plan_starts_on: date | None = STARTS_ON,
    customers: int = 2000,
    churn_share: str = "0.05",
    spend: str = "100.0",
    score: str = "4",
    has_prices: bool = True,
    has_surveys: bool = True,
    salt: int = 0,
    settings: dict | None = None,
) -> None:
    """Write company.json and published/current.duckdb of a home.

    Args:
        churn_share, spend, score: SQL expressions of `month`: the share who leave in it, what a customer
            spends in it on average, and the satisfaction of those who answer (every fifth).
        salt: another draw of the same world.
    """
    started = {"plan_starts_on": plan_starts_on.isoformat()} if plan_starts_on else {}
    Company("Meridian", landing=".", settings={**started, **(settings or {})}).save(home)
    home.current_db.unlink(missing_ok=True)
    connection = duck.connect(home.current_db, home.tmp_dir)
    run = connection.execute
    run("CREATE SCHEMA marts")
    run(
        "CREATE TABLE marts.warehouse_info AS SELECT $as_of::DATE AS as_of_date, "
        "$first::DATE AS data_starts_on, $as_of::DATE AS data_ends_on",
        {"as_of": as_of, "first": first_month.replace(day=1)},
    )
    run(
        f"""
        CREATE TABLE marts.fct_customer_activity AS
        WITH months AS (
            SELECT last_day(unnest(generate_series($first, $as_of, INTERVAL 1 MONTH))::DATE) AS month
        ), drawn AS (
            SELECT 'c' || n AS customer_id, month,
                hash(n, month, $salt) % 10000 / 10000.0 AS chance,
                hash(n, month, $salt, 1) % 10000 / 10000.0 AS spending,
                hash(n, month, $salt, 2) % 5 = 0 AS answers
            FROM months CROSS JOIN generate_series(1, $customers) AS people(n)
            WHERE month <= $as_of
        )
        SELECT customer_id, month AS as_of_date,
            true AS is_at_risk,
            CASE WHEN chance < {churn_share} THEN 'severe' END AS churn_severity_begun,
            false AS was_lost, false AS is_won_back, true AS is_current, false AS has_complained,
            CASE WHEN answers AND $surveys
                THEN {score} + CASE WHEN chance < 0.5 THEN 0.5 ELSE -0.5 END END AS csat_score,
            CASE WHEN answers AND $surveys THEN 1 ELSE 0 END AS csat_responses,
            CASE WHEN spending < 0.5 AND $prices THEN 2 * ({spend}) * (0.5 + 2 * spending) END AS net_value,
            net_value * 0.1 AS margin_value
        FROM drawn
        """,
        {
            "first": first_month,
            "as_of": as_of,
            "customers": customers,
            "surveys": has_surveys,
            "prices": has_prices,
            "salt": salt,
        },
    )
    run(
        """
        CREATE TABLE marts.kpi_months AS
        WITH sums AS (
            SELECT date_trunc('month', as_of_date)::DATE AS month, count(*) AS sample_size,
                unnest([
                    {'indicator': 'churn_rate', 'n': count(churn_severity_begun)::DOUBLE, 'd': count(*)},
                    {'indicator': 'satisfaction', 'n': sum(csat_score)::DOUBLE, 'd': sum(csat_responses)},
                    {'indicator': 'revenue', 'n': sum(net_value)::DOUBLE, 'd': 1},
                    {'indicator': 'margin', 'n': sum(margin_value)::DOUBLE, 'd': 1}
                ], recursive := true)
            FROM marts.fct_customer_activity GROUP BY as_of_date
        )
        SELECT month, 'all' AS segment_kind, 'all' AS segment, indicator, n AS numerator,
            d::DOUBLE AS denominator, n / nullif(d, 0) AS value, sample_size
        FROM sums WHERE last_day(month) <= $as_of
        """,
        {"as_of": as_of},
    )
    run("DELETE FROM marts.kpi_months WHERE value IS NULL")
    run(
        """
        CREATE TABLE marts.kpi_gaps AS
        SELECT DISTINCT date_trunc('month', as_of_date)::DATE AS month, 'all' AS segment_kind,
            'all' AS segment, indicator, reason
        FROM marts.fct_customer_activity CROSS JOIN (VALUES
            ('revenue', 'no_prices'), ('margin', 'no_prices'), ('satisfaction', 'no_surveys')
        ) AS gaps(indicator, reason)
        WHERE CASE WHEN indicator = 'satisfaction' THEN NOT $surveys ELSE NOT $prices END
        """,
        {"surveys": has_surveys, "prices": has_prices},
    )
    run(
        "CREATE TABLE marts.fct_churn AS SELECT customer_id, as_of_date AS churned_on, 'price' AS cause "
        "FROM marts.fct_customer_activity WHERE churn_severity_begun = 'severe'"
    )
    run(
        "CREATE TABLE marts.fct_bookings AS SELECT customer_id, as_of_date::TIMESTAMP AS booked_at, "
        "CASE WHEN hash(customer_id) % 2 = 0 THEN 'app' ELSE 'web' END AS channel "
        "FROM marts.fct_customer_activity WHERE as_of_date <= $as_of",
        {"as_of": as_of},
    )
    run(
        "CREATE TABLE marts.quality_runs AS SELECT strftime($as_of::DATE, '%Y%m%d') || '-1' AS run_id, "
        "'bookings' AS table_name, 1000 AS rows_in, 1000 AS rows_loaded, 0 AS rows_quarantined",
        {"as_of": as_of},
    )
    run(
        "CREATE TABLE marts.customer_consents (customer_id VARCHAR, is_granted BOOLEAN, changed_at TIMESTAMP)"
    )
    connection.close()


def change_story(home: Home, *statements: str) -> None:
    """Run SQL on the published file."""
    connection = duck.connect(home.current_db, home.tmp_dir)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def write_effects(
    home: Home, day: date, campaign_id: str = "rounds", **effects: tuple[float, float, float]
) -> None:
    """products/campaign_effects of a day: outcome → (effect, low, high) of all rounds, of 90 days.

    A window of 30 days beside it says half of it, so that a test sees which one was taken.
    """
    rows = [
        {
            **dict.fromkeys(EFFECTS),
            "campaign_id": campaign_id,
            "action": "all",
            "segment_kind": "all",
            "segment": "all",
            "outcome": outcome,
            "window_days": days,
            **dict(zip(("effect", "ci_low", "ci_high"), [part * share for part in told], strict=True)),
            "measured_on": day,
        }
        for outcome, told in effects.items()
        for days, share in ((30, 0.5), (90, 1.0))
    ]
    write_product(pd.DataFrame(rows, columns=list(EFFECTS)), EFFECTS, product(home, "campaign_effects", day))


def product(home: Home, table: str, day: date) -> Path:
    return home.products_dir / table / f"{day.isoformat()}.parquet"


def write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_raw(home: Home, *statements: str) -> None:
    """raw/raw.duckdb with a schema raw, filled by SQL."""
    connection = duck.connect(home.raw_db, home.tmp_dir)
    connection.execute('CREATE SCHEMA IF NOT EXISTS "raw"."raw"; USE "raw"."raw"')
    for statement in statements:
        connection.execute(statement)
    connection.close()
