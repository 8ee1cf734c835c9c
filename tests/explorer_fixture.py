"""A small published warehouse made by hand, with the tables the explorer shows, for its tests."""

from datetime import date

import duckdb

from roundtrip import duck
from roundtrip.home import Home
from tests.products_fixture import add_products

AS_OF = date(2025, 12, 31)
#: Of 200 who could leave, so many left in each month of 2025.
LEFT = (8, 9, 7, 10, 11, 6, 9, 8, 12, 10, 9, 7)
CUSTOMER = "c00001"


def publish_for_explorer(home: Home, has_products: bool = True, has_prices: bool = True) -> None:
    """Write published/current.duckdb: 40 customers, a year of churn rates by country, gaps, and comments."""
    home.current_db.unlink(missing_ok=True)
    with duck.connect(home.current_db, home.tmp_dir) as connection:
        _marts(connection, has_prices)
        if has_products:
            _scores(connection)
            add_products(connection, AS_OF, [CUSTOMER])


def _marts(connection: duckdb.DuckDBPyConnection, has_prices: bool) -> None:
    run = connection.execute
    prices = {"prices": has_prices}
    run("CREATE SCHEMA marts")
    run(
        "CREATE TABLE marts.warehouse_info AS SELECT DATE '2025-12-31' AS as_of_date, "
        "CASE WHEN $prices THEN 'EUR' END AS reporting_currency, $prices AS has_prices",
        prices,
    )
    run(
        """
        CREATE TABLE marts.dim_customers AS
        SELECT 'c' || lpad(n::VARCHAR, 5, '0') AS customer_id, 'DE' AS country,
            ['maturity', 'decline', 'lost', 'prospect'][1 + n % 4] AS lifecycle_stage,
            'active' AS activity_status,
            'high' AS value_tier, 'loyal' AS need_segment, n::INTEGER AS bookings,
            CASE WHEN $prices THEN 100.0 * n END AS lifetime_value, true AS may_be_profiled
        FROM range(1, 41) AS numbers(n)
        """,
        prices,
    )
    run("COMMENT ON TABLE marts.dim_customers IS 'One row per customer, as of the date of the build.'")
    run("COMMENT ON COLUMN marts.dim_customers.country IS 'Country of residence & <nothing> else.'")
    run(
        "CREATE TABLE marts.kpi_months AS SELECT DATE '2025-01-01' + to_months(i::INTEGER) AS month, "
        "'all' AS segment_kind, 'all' AS segment, 'churn_rate' AS indicator, "
        "($left)[1 + i]::DOUBLE AS numerator, "
        "200.0::DOUBLE AS denominator, numerator / denominator AS value, 200::BIGINT AS sample_size "
        "FROM range(12) AS months(i)",
        {"left": list(LEFT)},
    )
    run("ALTER TABLE marts.kpi_months ALTER month TYPE DATE")
    run(
        "INSERT INTO marts.kpi_months SELECT month, 'country', country, indicator, numerator, denominator, "
        "value * factor, size FROM marts.kpi_months, "
        "(VALUES ('DE', 1.0, 150), ('FR', 0.5, 50)) AS countries(country, factor, size)"
    )
    run(
        "CREATE TABLE marts.kpi_gaps AS SELECT DATE '2025-12-01' AS month, 'all' AS segment_kind, "
        "'all' AS segment, 'revenue' AS indicator, 'no_prices' AS reason"
    )
    run(
        "CREATE TABLE marts.fct_lifecycle_changes AS SELECT * FROM (VALUES "
        "('c00001', DATE '2025-01-05', NULL, 'introduction'), ('c00001', DATE '2025-06-30', 'introduction', "
        "'decline')) AS changes(customer_id, changed_on, from_stage, to_stage)"
    )
    run(
        "CREATE TABLE marts.fct_bookings AS SELECT 'c00001' AS customer_id, TIMESTAMP '2025-01-05 10:00' AS "
        "booked_at, 'hotel' AS service_line, 'Lisbon' AS destination, 'completed' AS status, "
        "DATE '2025-03-01' AS travel_start, CASE WHEN $prices THEN 450.5 END AS net_value",
        prices,
    )
    run(
        "CREATE TABLE marts.fct_churn AS SELECT 'c00001' AS customer_id, DATE '2025-06-30' AS churned_on, "
        "'light' AS severity, 'price' AS cause, 0.45 AS cause_confidence"
    )


def _scores(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE marts.customer_scores AS SELECT customer_id, DATE '2025-12-31' AS as_of_date, "
        "CASE WHEN lifecycle_stage IN ('maturity', 'decline') THEN 0.62 END AS churn_probability, "
        "'high' AS risk_band, 1.5 AS expected_bookings, 'silent for long' AS reason_1, NULL AS reason_2, "
        "NULL AS reason_3, '长期沉默' AS reason_1_zh, NULL AS reason_2_zh, NULL AS reason_3_zh "
        "FROM marts.dim_customers"
    )
