"""Small hand-made batch, raw, work and product files in the shapes that the stages agree on."""

from datetime import date, datetime
from pathlib import Path

from roundtrip import duck
from roundtrip.contract import source_contract
from roundtrip.home import Home

AS_OF = date(2025, 6, 30)

CUSTOMERS = [
    {"customer_id": f"c{number}", "registered_at": datetime(2025, 1, number), "country": "FR"}
    for number in range(1, 11)
]
BOOKINGS = [
    {
        "booking_id": f"b{number}",
        "customer_id": f"c{number}",
        "booked_at": datetime(2025, 6, number),
        "service_line": "hotel",
        "gross_amount": 100,
        "currency": "EUR",
        "status": "confirmed",
    }
    for number in range(1, 11)
]

MARTS = """
CREATE SCHEMA marts;
CREATE TABLE marts.warehouse_info AS SELECT DATE '{as_of}' AS as_of_date, 'EUR' AS reporting_currency,
    180 AS label_horizon_min_days, 365 AS label_horizon_max_days;
CREATE TABLE marts.dim_customers AS SELECT
    'c' || i AS customer_id, TIMESTAMP '2024-01-01' AS registered_at, 'FR' AS country,
    TIMESTAMP '2024-02-01' AS first_booking_at, TIMESTAMP '2025-05-01' AS last_booking_at,
    3 AS bookings, 300.0::DOUBLE AS lifetime_value, 'maturity' AS lifecycle_stage, 'ordinary' AS value_tier,
    'basic' AS need_segment
    FROM range(1, {customers} + 1) AS numbers(i);
CREATE TABLE marts.fct_bookings AS SELECT
    'b' || i AS booking_id, 'c' || i AS customer_id, TIMESTAMP '2025-05-01' AS booked_at,
    'hotel' AS service_line, 100.0::DOUBLE AS net_amount, 'EUR' AS currency, 'completed' AS status,
    20 AS lead_days
    FROM range(1, {customers} + 1) AS numbers(i);
CREATE TABLE marts.fct_customer_months AS SELECT
    customer_id, DATE '{as_of}' AS as_of_date, lifecycle_stage, 'active' AS activity_status,
    'after' AS journey_stage, 90.0::DOUBLE AS typical_gap_days, 0.7::DOUBLE AS overdue_ratio,
    60 AS days_since_last_booking, 3 AS bookings_12m, 300.0::DOUBLE AS value_12m, 1 AS service_lines_12m,
    value_tier, need_segment, NULL::VARCHAR AS churn_severity, NULL::VARCHAR AS churn_initiative,
    NULL::VARCHAR AS churn_cause, 0.9::DOUBLE AS probability_alive
    FROM marts.dim_customers;
CREATE TABLE marts.fct_customer_activity AS SELECT
    customer_id, DATE '{as_of}' AS as_of_date, country, value_tier, value_tier AS opening_value_tier,
    lifecycle_stage, 'growth' AS opening_stage, true AS is_at_risk, NULL::VARCHAR AS churn_severity_begun,
    NULL::VARCHAR AS churn_initiative, NULL::VARCHAR AS churn_cause, NULL::DOUBLE AS value_lost, 0 AS bookings
    FROM marts.dim_customers;
CREATE TABLE marts.dim_days AS SELECT
    DATE '{as_of}' AS day_on, date_trunc('month', DATE '{as_of}') AS month, true AS is_month_end;
CREATE TABLE marts.fct_lifecycle_changes AS SELECT
    customer_id, DATE '2025-05-01' AS changed_on, 'growth' AS from_stage, 'maturity' AS to_stage
    FROM marts.dim_customers;
CREATE TABLE marts.kpi_months AS SELECT
    DATE '{as_of}' AS month, 'all' AS segment_kind, 'all' AS segment, 'churn_rate' AS indicator,
    1.0::DOUBLE AS numerator, 10.0::DOUBLE AS denominator, 0.1::DOUBLE AS value, 10 AS sample_size;
CREATE TABLE marts.kpi_gaps AS SELECT
    DATE '{as_of}' AS month, 'all' AS segment_kind, 'all' AS segment, 'revenue' AS indicator,
    'no_prices' AS reason, 'no price had been delivered by then' AS explanation;
CREATE TABLE marts.quality_runs AS SELECT
    'r1' AS run_id, 'bookings' AS table_name, 12 AS rows_in, 10 AS rows_loaded, 1 AS rows_quarantined,
    1 AS rows_superseded, 5 AS checks, 0 AS failed_checks;
CREATE TABLE marts.customer_features AS SELECT
    customer_id, DATE '{as_of}' AS as_of_date, true AS is_month_end, lifecycle_stage,
    'active' AS activity_status, true AS is_scorable, 400 AS tenure_days, 60 AS days_since_last_booking,
    NULL::INTEGER AS days_since_last_web_event, NULL::INTEGER AS days_since_last_complaint,
    NULL::INTEGER AS days_since_last_survey, NULL::INTEGER AS days_since_last_points_entry,
    1 AS purchase_occasions_3m, 3 AS purchase_occasions_12m, 3 AS purchase_occasions_lifetime,
    300.0::DOUBLE AS value_12m, 0.0::DOUBLE AS value_prior_12m, 300.0::DOUBLE AS value_lifetime,
    100.0::DOUBLE AS average_booking_value, 0.1::DOUBLE AS discount_share_12m,
    0.3::DOUBLE AS season_share_next_90d
    FROM marts.dim_customers;
CREATE TABLE marts.churn_labels AS SELECT
    customer_id, as_of_date, 180 AS horizon_days, as_of_date + 180 AS horizon_ends_on,
    true AS is_censored, NULL::BOOLEAN AS is_churned
    FROM marts.customer_features;
CREATE TABLE marts.fct_churn AS SELECT
    'c1' AS customer_id, DATE '{as_of}' AS churned_on, 'severe' AS severity, 'voluntary' AS initiative,
    'low' AS value_tier, 'unknown' AS cause, NULL::DOUBLE AS cause_confidence, NULL::VARCHAR AS evidence,
    100.0::DOUBLE AS value_lost;
CREATE TABLE marts.customer_identities AS SELECT
    'account of ' || customer_id AS account_id, customer_id, 0.9::DOUBLE AS link_probability,
    'same e-mail' AS evidence
    FROM marts.dim_customers;
CREATE TABLE marts.customer_consents AS SELECT
    customer_id, 'email' AS purpose, true AS is_granted, TIMESTAMP '2025-05-01' AS changed_at
    FROM marts.dim_customers;
CREATE TABLE marts.customer_signals AS SELECT
    customer_id, DATE '{as_of}' AS as_of_date, 'web_falling' AS signal, 1 AS severity,
    1.9::DOUBLE AS z_score, 2.0::DOUBLE AS observed, 9.0::DOUBLE AS usual, 3.1::DOUBLE AS control_limit,
    'web_events' AS unit, 90 AS window_days
    FROM marts.dim_customers;
CREATE TABLE marts.fct_campaign_touches AS SELECT
    'touch of ' || customer_id AS touch_id, customer_id, 'spring' AS campaign_id, 'Spring' AS campaign_name,
    'discount' AS action, TIMESTAMP '2025-05-01' AS assigned_at, 'treatment' AS arm, 'email' AS channel,
    18.0::DECIMAL(18,2) AS unit_cost
    FROM marts.dim_customers;
CREATE TABLE marts.fct_survey_answers AS SELECT
    'answer of ' || customer_id AS response_id, customer_id, TIMESTAMP '2025-05-01' AS responded_at,
    'csat' AS survey_type, 4.0::DOUBLE AS score, 0.75::DOUBLE AS satisfaction
    FROM marts.dim_customers;
COMMENT ON TABLE marts.dim_customers IS 'one row per customer''s id';
COMMENT ON COLUMN marts.dim_customers.bookings IS 'bookings that count';
"""


def write_batch(home: Home, tables: dict[str, list[dict]], quarantined: dict[str, int] | None = None) -> None:
    """raw/batch.duckdb with these accepted rows and so many quarantined ones per table."""
    home.batch_db.unlink(missing_ok=True)
    with duck.connect(home.batch_db, home.tmp_dir) as batch:
        batch.execute("CREATE TABLE batch AS SELECT 'batch-1' AS batch_id, DATE '2025-06-30' AS as_of")
        for name, rows in tables.items():
            contract = source_contract()[name]
            columns = ", ".join(f'"{c.name}" {c.sql_type}' for c in contract.columns)
            batch.execute(
                f'CREATE TABLE "{name}" ({columns}, _file VARCHAR, _line BIGINT, _row_hash VARCHAR, '
                "_file_order INTEGER)"
            )
            batch.execute(
                f'CREATE TABLE "{name}__quarantine" (_file VARCHAR, _line BIGINT, row_json VARCHAR, '
                'reasons STRUCT("column" VARCHAR, rule VARCHAR, reason VARCHAR)[])'
            )
            for line, row in enumerate(rows, start=2):
                given = ", ".join(f'"{column}"' for column in row)
                marks = ", ".join("?" for _ in row)
                batch.execute(
                    f'INSERT INTO "{name}" ({given}, _file, _line) VALUES ({marks}, ?, ?)',
                    [*row.values(), f"{name}.csv", line],
                )
            batch.execute(
                f"INSERT INTO \"{name}__quarantine\" SELECT '{name}.csv', i, '', [] FROM range(?) AS r(i)",
                [(quarantined or {}).get(name, 0)],
            )


def write_work(home: Home, customers: int = 10, as_of: date = AS_OF, then: str = "") -> None:
    """warehouse/work.duckdb with good marts; `then` is SQL that spoils them."""
    home.work_db.unlink(missing_ok=True)
    with duck.connect(home.work_db, home.tmp_dir) as work:
        work.execute("BEGIN;" + MARTS.format(as_of=as_of, customers=customers) + then + "; COMMIT")


def write_scores(home: Home, customers: int = 10, as_of: date = AS_OF, then: str = "") -> Path:
    """products/customer_scores/<as_of>.parquet with good scores; `then` is SQL that spoils table scores."""
    file = home.products_dir / "customer_scores" / f"{as_of}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    with duck.connect(home.tmp_dir / "scores.duckdb", home.tmp_dir) as scratch:
        scratch.execute(
            f"""
            CREATE OR REPLACE TABLE scores AS SELECT
                'c' || i AS customer_id, DATE '{as_of}' AS as_of_date, i / 100 AS churn_probability,
                'low' AS risk_band, 1.5::DOUBLE AS expected_bookings, NULL AS lifetime_value,
                'overdue' AS reason_1, NULL AS reason_2, NULL AS reason_3, '逾期' AS reason_1_zh,
                NULL AS reason_2_zh, NULL AS reason_3_zh, 'v1' AS model_version
            FROM range(1, {customers} + 1) AS numbers(i);
            {then};
            COPY scores TO '{file}' (FORMAT parquet)
            """
        )
    return file


def pass_gate(home: Home, as_of: date = AS_OF) -> None:
    """The result that the marts gate would leave for the present work file, without its 12 s of import."""
    from roundtrip.gates import work_fingerprint
    from roundtrip.gates.results import conclude

    conclude(home, "published", as_of, [], {"fingerprint": work_fingerprint(home.work_db)}, "")
