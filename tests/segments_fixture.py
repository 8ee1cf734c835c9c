"""A published warehouse by hand with what the stage find_segments reads."""

from datetime import date

import duckdb

from roundtrip.home import Home
from tests.published_fixture import change_published, publish_made_up

#: The rules' segments dealt out by hash, so that they say nothing of behaviour.
_BY_HASH = """['high_value', 'price_sensitive', 'potential_growth', 'loyal', 'emerging_market', 'basic']
    [1 + (hash(customer_id, {salt}) % 6)::INT]"""


def publish_segments(home: Home, customers: int = 400, months: int = 30) -> date:
    """Made-up customers with need segments at every month end and thresholds; one half takes flight and hotel
    together on each trip, the other the train."""
    as_of = publish_made_up(home, customers, months)
    change_published(
        home,
        "ALTER TABLE marts.dim_customers ADD COLUMN IF NOT EXISTS is_high_volume BOOLEAN DEFAULT false",
        "ALTER TABLE marts.dim_customers ADD COLUMN IF NOT EXISTS need_segment VARCHAR",
        f"UPDATE marts.dim_customers SET need_segment = {_BY_HASH.format(salt=1)}",
        f"""
        CREATE OR REPLACE TABLE marts.fct_customer_months AS
        SELECT customer_id, as_of_date,
            CASE WHEN lifecycle_stage <> 'prospect' THEN {_BY_HASH.format(salt="year(as_of_date)")} END
                AS need_segment
        FROM marts.customer_features WHERE is_month_end
        """,
        """
        CREATE OR REPLACE TABLE marts.value_tier_thresholds AS
        SELECT DATE '2000-01-01' AS valid_from, 'value_24m' AS measure, 'EUR' AS currency,
            min_value::DOUBLE AS min_value, points
        FROM (VALUES (0.0, 1), (800.0, 2), (3000.0, 3)) AS t (min_value, points)
        """,
        f"""
        CREATE OR REPLACE TABLE marts.fct_bookings AS
        SELECT customer_id || '-' || n || '-' || line AS booking_id, customer_id,
            DATE '{as_of}' - (40 * n)::INT + INTERVAL 9 HOUR AS booked_at, line AS service_line,
            'Rome' AS destination, 'web' AS channel, 'completed' AS status,
            DATE '{as_of}' - (40 * n)::INT + 5 AS travel_start,
            DATE '{as_of}' - (40 * n)::INT + 9 AS travel_end
        FROM marts.dim_customers CROSS JOIN range(1, 5) AS trips (n)
        CROSS JOIN (VALUES ('flight'), ('hotel'), ('rail')) AS lines (line)
        WHERE (line = 'rail') = (hash(customer_id) % 2 = 0)
        """,
    )
    return as_of


def open_bookings(rows: list[dict], as_of: date) -> duckdb.DuckDBPyConnection:
    """A connection with marts.fct_bookings and marts.dim_customers of these rows.

    Args:
        rows: customer_id, service_line and booked_on, and what else is not as usual (a completed booking on
        the web
            to Rome, travelled on the day it was made).
    """
    connection = duckdb.connect()
    connection.execute(
        """
        CREATE SCHEMA marts;
        CREATE TABLE marts.dim_customers (customer_id VARCHAR, may_be_profiled BOOLEAN);
        CREATE TABLE marts.fct_bookings (
            customer_id VARCHAR, booked_at TIMESTAMP, service_line VARCHAR, destination VARCHAR,
            channel VARCHAR, status VARCHAR, travel_start DATE, travel_end DATE
        )
        """
    )
    usual = {"destination": "Rome", "channel": "web", "status": "completed", "travel_end": None}
    for row in rows:
        row = {"travel_start": row["booked_on"], **usual, **row}
        connection.execute(
            "INSERT INTO marts.fct_bookings VALUES ($customer_id, $booked_on::TIMESTAMP + INTERVAL 10 HOUR, "
            "$service_line, $destination, $channel, $status, $travel_start, $travel_end)",
            row,
        )
    connection.execute(
        "INSERT INTO marts.dim_customers SELECT DISTINCT customer_id, true FROM marts.fct_bookings"
    )
    return connection
