"""A published warehouse by hand with what the stage warn reads: a few customers, their scores and signals."""

from datetime import date

import duckdb
import pandas as pd

from roundtrip.home import Home

_CUSTOMER = {
    "customer_id": "ann",
    "lifecycle_stage": "maturity",
    "activity_status": "silent",
    "value_tier": "ordinary",
    "need_segment": "basic",
    "last_booking_at": "2024-01-10 10:00:00",
    "is_high_volume": False,
    "may_be_profiled": True,
    "churn_probability": 0.5,
    "risk_band": "medium",
    "expected_bookings": 1.0,
    "expected_value_12m": 1000.0,
    "unresolved_complaints": 0,
    "cancellations_by_supplier_12m": 0,
    "churn_cause": None,
    "churn_cause_confidence": None,
}
_TYPES = {
    "last_booking_at": "TIMESTAMP",
    "is_high_volume": "BOOLEAN",
    "may_be_profiled": "BOOLEAN",
    "churn_probability": "DOUBLE",
    "expected_bookings": "DOUBLE",
    "expected_value_12m": "DOUBLE",
    "unresolved_complaints": "INTEGER",
    "cancellations_by_supplier_12m": "INTEGER",
    "churn_cause_confidence": "DOUBLE",
}
_SIGNAL = {
    "customer_id": "ann",
    "signal": "web_falling",
    "severity": 1,
    "z_score": 2.0,
    "observed": 2.0,
    "usual": 15.25,
    "control_limit": 4.0,
    "unit": "web_events",
    "window_days": 90,
}


def customer(customer_id: str = "ann", **changes) -> dict:
    """A customer at medium risk with 1,000 to expect; a probability of None is one without a score."""
    return _CUSTOMER | {"customer_id": customer_id} | changes


def signal(customer_id: str = "ann", **changes) -> dict:
    """Web visits down: 2 in 90 days, usually 15."""
    return _SIGNAL | {"customer_id": customer_id} | changes


def granted(customer_id: str = "ann", purpose: str = "wechat", is_granted: bool = True) -> dict:
    return {"customer_id": customer_id, "purpose": purpose, "is_granted": is_granted}


def publish(
    home: Home, as_of: date, customers: list[dict], signals: list[dict] = (), consents: list[dict] = ()
) -> None:
    """Write home.current_db anew, as of a date."""
    home.published_dir.mkdir(parents=True, exist_ok=True)
    home.current_db.unlink(missing_ok=True)
    people = pd.DataFrame(customers or [customer("nobody")])
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.register("given", people)
        typed = ", ".join(f"CAST({name} AS {_TYPES.get(name, 'VARCHAR')}) AS {name}" for name in _CUSTOMER)
        where = "" if customers else "WHERE false"
        connection.execute(f"CREATE TEMP TABLE people AS SELECT {typed} FROM given {where}")
        day = f"DATE '{as_of}' AS as_of_date"
        connection.execute(
            f"""
            CREATE TABLE marts.warehouse_info AS SELECT {day};
            CREATE TABLE marts.dim_customers AS SELECT customer_id, lifecycle_stage, activity_status,
                value_tier, need_segment, last_booking_at, is_high_volume, may_be_profiled FROM people;
            CREATE TABLE marts.customer_scores AS SELECT customer_id, {day}, churn_probability, risk_band,
                expected_bookings, expected_value_12m, 'Raises the risk: silence' AS reason_1,
                NULL::VARCHAR AS reason_2, NULL::VARCHAR AS reason_3, '风险升高:沉默' AS reason_1_zh,
                NULL::VARCHAR AS reason_2_zh, NULL::VARCHAR AS reason_3_zh FROM people;
            CREATE TABLE marts.customer_features AS SELECT customer_id, {day}, unresolved_complaints,
                cancellations_by_supplier_12m, NULL::INTEGER AS days_since_last_complaint,
                100 AS days_since_last_booking, false AS is_loyalty_member, false AS has_unsubscribed
                FROM people;
            CREATE TABLE marts.fct_customer_months AS SELECT customer_id, {day}, churn_cause,
                churn_cause_confidence FROM people;
            CREATE TABLE marts.customer_consents (customer_id VARCHAR, purpose VARCHAR, is_granted BOOLEAN);
            CREATE TABLE marts.customer_signals (customer_id VARCHAR, as_of_date DATE, signal VARCHAR,
                severity INTEGER, z_score DOUBLE, observed DOUBLE, usual DOUBLE, control_limit DOUBLE,
                unit VARCHAR, window_days INTEGER);
            """
        )
        for row in signals:
            connection.execute(
                "INSERT INTO marts.customer_signals BY NAME SELECT * FROM (SELECT "
                + ", ".join(f"? AS {name}" for name in row)
                + f", {day})",
                list(row.values()),
            )
        for row in consents:
            connection.execute("INSERT INTO marts.customer_consents VALUES (?, ?, ?)", list(row.values()))


def intervene(home: Home, written_on: date, rows: list[dict]) -> None:
    """Write products/interventions of a date: warning_id, arm, status, sent_at."""
    path = home.products_dir / "interventions" / f"{written_on}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).astype({"sent_at": "datetime64[us]"}).to_parquet(path)


def read(home: Home, table: str, as_of: date) -> pd.DataFrame:
    return pd.read_parquet(home.products_dir / table / f"{as_of}.parquet")
