"""A published warehouse with randomised campaigns whose effects are known, without dbt."""

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd

from roundtrip.home import Home

AS_OF = date(2025, 6, 30)


@dataclass(frozen=True)
class Campaign:
    """One campaign: `effect` is added to the chance of a booking; `treats` picks the arm from what is known
    before.

    Attributes:
        by: random, value (control arm: who bought least) or all_control.
    """

    campaign_id: str
    action: str
    on: date
    n: int
    effect: float = 0.0
    unit_cost: float | None = 10.0
    control_share: float = 0.5
    by: str = "random"


def publish_campaigns(
    home: Home,
    campaigns: list[Campaign],
    customers: int = 10_000,
    seed: int = 3,
    margin: float | None = 100.0,
    touches: bool = True,
) -> Home:
    """Write home.current_db; a booking brings `margin` (None: no prices), before and after the campaigns."""
    random = np.random.default_rng(seed)
    taste = random.beta(2, 4, customers)
    ids = np.array([f"c{i:05d}" for i in range(customers)])
    start = date(2024, 1, 1)
    bookings, rows = [], []
    # Before any campaign, by taste: what covariates can know.
    for month in range(12):
        who = np.flatnonzero(random.random(customers) < taste / 3)
        bookings += [(ids[i], start + timedelta(30 * month + int(random.integers(28)))) for i in who]
    # Nobody is in two campaigns: one would dilute the other's effect.
    free = random.permutation(customers)
    for c in campaigns:
        who, free = free[: c.n], free[c.n :]
        treated = random.random(c.n) >= c.control_share
        if c.by == "value":
            treated = taste[who] > np.quantile(taste[who], c.control_share)
        if c.by == "all_control":
            treated[:] = False
        books = random.random(c.n) < np.clip(taste[who] + c.effect * treated, 0, 1)
        days = random.integers(2, 85, c.n)
        bookings += [
            (ids[i], c.on + timedelta(int(d))) for i, d, b in zip(who, days, books, strict=True) if b
        ]
        rows += [
            (f"{c.campaign_id}-{ids[i]}", ids[i], c.campaign_id, c.action, c.on, t, c.unit_cost)
            for i, t in zip(who, treated, strict=True)
        ]
    home.published_dir.mkdir(parents=True, exist_ok=True)
    booked = pd.DataFrame(bookings, columns=["customer_id", "booked_on"])
    booked["booked_on"] = pd.to_datetime(booked["booked_on"])
    names = ["touch_id", "customer_id", "campaign_id", "action", "assigned_on", "is_treated", "unit_cost"]
    touched = pd.DataFrame(rows, columns=names).astype({"unit_cost": "float64", "is_treated": "bool"})
    touched["assigned_on"] = pd.to_datetime(touched["assigned_on"])
    people = pd.DataFrame({"customer_id": ids})
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts")
        for name, table in (("people", people), ("booked", booked), ("touched", touched)):
            connection.register(name, table)
        connection.execute(_TABLES.replace("$margin", "NULL" if margin is None else str(margin)))
        if touches:
            connection.execute(_TOUCHES)
    return home


_TABLES = """
CREATE TABLE marts.dim_customers AS SELECT customer_id, TIMESTAMP '2023-06-01' AS registered_at,
    true AS may_be_profiled, false AS is_high_volume FROM people;
CREATE TABLE marts.fct_bookings AS SELECT 'b' || row_number() OVER () AS booking_id, customer_id,
    booked_on + INTERVAL 12 HOUR AS booked_at, $margin::DECIMAL(18,2) AS margin_value,
    (5 * $margin)::DECIMAL(18,2) AS net_value, NULL::TIMESTAMP AS cancelled_at FROM booked;
CREATE TABLE marts.customer_features AS
WITH dates AS (
    SELECT unnest(generate_series(DATE '2024-01-31', DATE '2025-06-30', INTERVAL 1 DAY))::DATE AS as_of_date
), counted AS (
    SELECT p.customer_id, d.as_of_date, count(b.booked_on) AS bookings_12m, max(b.booked_on::DATE) AS last_on
    FROM people p CROSS JOIN dates d LEFT JOIN booked b ON b.customer_id = p.customer_id
        AND b.booked_on::DATE <= d.as_of_date AND b.booked_on::DATE > d.as_of_date - 365
    WHERE d.as_of_date = last_day(d.as_of_date) GROUP BY ALL
)
SELECT customer_id, as_of_date, true AS is_month_end,
    CASE WHEN last_on IS NULL THEN 'prospect' WHEN bookings_12m > 2 THEN 'maturity' ELSE 'introduction' END
        AS lifecycle_stage,
    (as_of_date - last_on)::INT AS days_since_last_booking, bookings_12m::INT AS bookings_12m,
    bookings_12m::INT AS purchase_occasions_12m
FROM counted;
CREATE TABLE marts.fct_customer_months AS SELECT customer_id, as_of_date, lifecycle_stage,
    CASE WHEN bookings_12m > 1 THEN 'high' ELSE 'low' END AS value_tier, NULL::VARCHAR AS need_segment
FROM marts.customer_features;
CREATE TABLE marts.fct_survey_answers AS SELECT 's' || row_number() OVER () AS response_id, customer_id,
    booked_on::TIMESTAMP + INTERVAL 2 DAY AS responded_at, 'csat' AS survey_type, 4.0::DOUBLE AS score,
    0.6 + 0.1 * (hash(customer_id) % 4) AS satisfaction
FROM booked WHERE hash(customer_id, booked_on) % 2 = 0;
"""
_TOUCHES = """
CREATE TABLE marts.fct_campaign_touches AS SELECT touch_id, customer_id, campaign_id,
    campaign_id AS campaign_name,
    action, assigned_on::TIMESTAMP + INTERVAL 3 HOUR AS assigned_at,
    CASE WHEN is_treated THEN 'treatment' ELSE 'control' END AS arm, 'email' AS channel,
    unit_cost::DECIMAL(18,2) AS unit_cost,
    CASE WHEN is_treated THEN assigned_on::TIMESTAMP + INTERVAL 4 HOUR END AS sent_at
FROM touched
"""
