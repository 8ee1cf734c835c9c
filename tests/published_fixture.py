"""A published warehouse of made-up customers with exactly the columns the models read, without dbt.

Customers book at a rate of their own and, unseen, leave one day; then their visits stop, and complaints
make it sooner. So there is something to learn, and not everything can be known.
"""

from datetime import date

import duckdb
import numpy as np
import pandas as pd

from roundtrip.home import Home

FIRST_DAY = date(2022, 1, 1)

_FEATURES = """
WITH months AS (
    SELECT unnest(generate_series(DATE '2022-01-31', $as_of::DATE, INTERVAL 1 DAY))::DATE AS as_of_date
), dates AS (
    SELECT as_of_date, as_of_date = last_day(as_of_date) AS is_month_end FROM months
    WHERE as_of_date = last_day(as_of_date) OR as_of_date = $as_of
), grid AS (
    SELECT c.*, d.* FROM customers c JOIN dates d ON d.as_of_date >= c.registered_on
), booked_days AS (
    SELECT customer_id, booked_on, count(*) AS bookings, sum(net_amount) AS net_amount FROM bookings GROUP
    BY ALL
), occasions AS (
    SELECT *, booked_on - lag(booked_on) OVER (PARTITION BY customer_id ORDER BY booked_on) AS gap
    FROM booked_days
), counted AS (
    SELECT g.customer_id, g.as_of_date,
           min(booked_on) AS first_on, max(booked_on) AS last_on,
           count(gap)::INT AS gap_count, (coalesce(sum(gap), 0) + 360) / (count(gap) + 2) AS shrunk_gap,
           coalesce(sum(bookings), 0)::INT AS bookings_lifetime, count(booked_on)::INT AS occasions,
           (count(booked_on) FILTER (booked_on > g.as_of_date - 91))::INT AS occasions_3m,
           (count(booked_on) FILTER (booked_on > g.as_of_date - 365))::INT AS occasions_12m,
           (count(booked_on) FILTER (booked_on BETWEEN g.as_of_date - 729 AND g.as_of_date - 365))::INT
               AS occasions_prior,
           coalesce(sum(bookings) FILTER (booked_on > g.as_of_date - 365), 0)::INT AS bookings_12m,
           coalesce(sum(net_amount), 0) AS value_lifetime,
           coalesce(sum(net_amount) FILTER (booked_on > g.as_of_date - 365), 0) AS value_12m,
           coalesce(sum(net_amount) FILTER (booked_on BETWEEN g.as_of_date - 729 AND g.as_of_date - 365), 0)
               AS value_prior
    FROM grid g LEFT JOIN occasions o ON o.customer_id = g.customer_id AND o.booked_on <= g.as_of_date
    GROUP BY ALL
), rhythm AS (
    SELECT *, greatest(30, least(730, shrunk_gap))::DOUBLE AS typical_gap_days,
           (as_of_date - last_on) / typical_gap_days AS overdue_ratio
    FROM counted
)
SELECT customer_id, as_of_date, g.is_month_end,
    CASE WHEN last_on IS NULL THEN 'prospect'
         WHEN (overdue_ratio > 3 AND as_of_date - last_on >= 180) OR as_of_date - last_on >= 730 THEN 'lost'
         WHEN overdue_ratio > 1.5 THEN 'decline'
         WHEN occasions = 1 THEN 'introduction' ELSE 'maturity' END AS lifecycle_stage,
    CASE WHEN last_on IS NULL THEN 'prospect' WHEN lifecycle_stage = 'lost' THEN 'lost'
         WHEN overdue_ratio > 1 THEN 'silent' ELSE 'active' END AS activity_status,
    lifecycle_stage NOT IN ('prospect', 'lost') AS is_scorable,
    (as_of_date - g.registered_on)::INT AS tenure_days,
    (as_of_date - first_on)::INT AS days_since_first_booking,
    (as_of_date - last_on)::INT AS days_since_last_booking,
    CASE WHEN last_on IS NOT NULL THEN typical_gap_days END AS typical_gap_days, overdue_ratio, gap_count,
    bookings_lifetime, occasions AS purchase_occasions_lifetime, occasions_3m AS purchase_occasions_3m,
    occasions_12m AS purchase_occasions_12m, occasions_prior AS purchase_occasions_prior_12m, bookings_12m,
    CASE WHEN $has_prices THEN value_12m END AS value_12m,
    CASE WHEN $has_prices THEN value_prior END AS value_prior_12m,
    CASE WHEN $has_prices THEN value_lifetime END AS value_lifetime,
    CASE WHEN $has_prices AND bookings_lifetime > 0 THEN value_lifetime / bookings_lifetime END
        AS average_booking_value,
    CASE WHEN $has_prices THEN (hash(customer_id, 1) % 30) / 100.0 END::DOUBLE AS discount_share_12m,
    least(occasions_12m, 2)::INT AS service_lines_12m, least(occasions, 4)::INT AS service_lines_lifetime,
    (hash(customer_id, 2) % 90)::DOUBLE AS average_lead_days,
    (1 + hash(customer_id, 3) % 4)::DOUBLE AS average_travellers,
    (hash(customer_id, as_of_date, 4) % 3)::INT AS cancellations_by_customer_12m,
    (hash(customer_id, as_of_date, 5) % 2)::INT AS cancellations_by_supplier_12m,
    (hash(customer_id, as_of_date, 6) % 2)::INT AS no_shows_12m,
    (hash(customer_id, month(as_of_date)) % 100) / 100.0::DOUBLE AS season_share_next_90d,
    (visits / 3)::INT AS web_events_30d, visits AS web_events_90d, visits_before AS web_events_prior_90d,
    (visits / 2)::INT AS searches_90d, (hash(customer_id, as_of_date, 7) % 2)::INT AS checkout_failed_90d,
    (90 / (visits + 1))::INT AS days_since_last_web_event, hash(customer_id, 8) % 10 = 0 AS has_unsubscribed,
    NULL::INT AS tickets_90d, g.complaints AS complaints_12m, g.complaints AS unresolved_complaints,
    CASE WHEN g.complaints > 0 THEN 60 END AS days_since_last_complaint,
    NULL::DOUBLE AS average_first_response_hours_12m,
    CASE WHEN hash(customer_id, 9) % 3 = 0 THEN 4.0 END::DOUBLE AS csat_latest, NULL::DOUBLE AS nps_latest,
    NULL::INT AS days_since_last_survey, hash(customer_id, 10) % 2 = 0 AS is_loyalty_member,
    100.0::DOUBLE * occasions AS points_balance, 100.0::DOUBLE * occasions_12m AS points_earned_12m,
    0.0::DOUBLE AS points_redeemed_12m, (as_of_date - last_on)::INT AS days_since_last_points_entry,
    (hash(customer_id, as_of_date, 11) % 4)::INT AS campaign_touches_90d, 0 AS campaign_opens_90d,
    month(as_of_date)::INT AS month_of_year, (20 + hash(customer_id, 12) % 50)::INT AS age_years,
    g.country, 'female' AS gender, g.acquisition_channel
FROM rhythm JOIN grid g USING (customer_id, as_of_date)
"""

_LABELS = """
SELECT f.customer_id, f.as_of_date,
    greatest(180, least(365, 2 * f.typical_gap_days))::INT AS horizon_days,
    f.as_of_date + horizon_days AS horizon_ends_on,
    horizon_ends_on > $as_of AS is_censored,
    CASE WHEN horizon_ends_on <= $as_of THEN NOT EXISTS (
        SELECT 1 FROM bookings b WHERE b.customer_id = f.customer_id
        AND b.booked_on > f.as_of_date
        AND b.booked_on <= f.as_of_date + greatest(180, least(365, 2 * f.typical_gap_days))::INT
    ) END AS is_churned,
    f.is_loyalty_member AS is_programme_member,
    CASE WHEN f.is_loyalty_member AND f.as_of_date + 183 <= $as_of
         THEN hash(f.customer_id, f.as_of_date) % 12 = 0 END AS has_left_programme_183d
FROM marts.customer_features f WHERE f.is_scorable
"""


def publish_made_up(
    home: Home,
    customers: int = 400,
    months: int = 30,
    seed: int = 7,
    has_prices: bool = True,
    as_of: date | None = None,
) -> date:
    """Write home.current_db and return its as_of: the last day of month `months` from January 2022.

    Args:
        as_of: another date of the same world (the same customers, cut earlier or later).
    """
    random = np.random.default_rng(seed)
    end = pd.Timestamp(FIRST_DAY) + pd.offsets.MonthEnd(months)
    days = (end.date() - FIRST_DAY).days
    people, bookings = _people(random, customers, days)
    as_of = as_of or end.date()
    home.published_dir.mkdir(parents=True, exist_ok=True)
    home.current_db.unlink(missing_ok=True)
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts")
        connection.register("people", people)
        connection.register("made_bookings", bookings)
        connection.execute(
            "CREATE TEMP TABLE customers AS SELECT * REPLACE (registered_on::DATE AS registered_on,"
            " leaves_on::DATE AS leaves_on) FROM people WHERE registered_on <= ?",
            [as_of],
        )
        connection.execute(
            "CREATE TEMP TABLE bookings AS SELECT * REPLACE (booked_on::DATE AS booked_on)"
            " FROM made_bookings WHERE booked_on <= ?",
            [as_of],
        )
        visits = (
            "(CASE WHEN c.leaves_on < d.as_of_date - {back} THEN hash(customer_id, as_of_date, {salt}) % 5"
            " ELSE 2 + hash(customer_id, as_of_date, {salt}) % 12 END)::INT"
        )
        grid = _FEATURES.replace(
            "SELECT c.*, d.* FROM",
            f"SELECT c.*, d.*, {visits.format(back=20, salt=20)} AS visits,"
            f" {visits.format(back=110, salt=21)} AS visits_before FROM",
        )
        values = {"as_of": as_of, "has_prices": has_prices}
        connection.execute(f"CREATE TABLE marts.customer_features AS {grid}", values)
        connection.execute(f"CREATE TABLE marts.churn_labels AS {_LABELS}", {"as_of": as_of})
        connection.execute(
            "CREATE TABLE marts.fct_bookings AS SELECT"
            " 'b' || row_number() OVER (ORDER BY customer_id, booked_on) AS booking_id, customer_id,"
            " booked_on::TIMESTAMP AS booked_at, NULL::TIMESTAMP AS cancelled_at FROM bookings"
        )
        connection.execute(
            "CREATE TABLE marts.dim_customers AS SELECT customer_id,"
            " registered_on::TIMESTAMP AS registered_at, country, acquisition_channel,"
            " true AS may_be_profiled FROM customers"
        )
        connection.execute(
            "CREATE TABLE marts.warehouse_info AS SELECT $as_of::DATE AS as_of_date,"
            " 'EUR' AS reporting_currency, $has_prices AS has_prices",
            values,
        )
    return as_of


def change_published(home: Home, *statements: str) -> None:
    """Run SQL on the published file, as if the company's data were different."""
    with duckdb.connect(str(home.current_db)) as connection:
        for statement in statements:
            connection.execute(statement)


def _people(random, customers: int, days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    registered = random.integers(0, max(1, days - 30), customers)
    registered[: customers // 2] = 0
    rate = random.gamma(2.0, 1.5, customers) / 365
    complaints = random.binomial(1, 0.2, customers)
    stays = random.exponential(900, customers) / (1 + 2 * complaints)
    first_day = np.datetime64(FIRST_DAY)
    people = pd.DataFrame(
        {
            "customer_id": [f"c{i:06d}" for i in range(customers)],
            "registered_on": first_day + registered,
            "leaves_on": first_day + (registered + stays).astype(int),
            "complaints": complaints.astype("int32"),
            "country": random.choice(["DE", "FR", "CN"], customers),
            "acquisition_channel": random.choice(["direct", "ota"], customers),
        }
    )
    most = int(rate.max() * days) + 30
    gaps = random.exponential(1, (customers, most)) / rate[:, None]
    booked = registered[:, None] + np.cumsum(gaps, axis=1)
    happens = (booked < days + 1) & (booked < (registered + stays)[:, None])
    who, _ = np.nonzero(happens)
    bookings = pd.DataFrame(
        {
            "customer_id": people["customer_id"].to_numpy()[who],
            "booked_on": first_day + booked[happens].astype(int),
            "net_amount": np.round(random.gamma(4, 80, happens.sum()), 2),
        }
    )
    return people, bookings
