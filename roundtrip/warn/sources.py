"""What the stage reads: tables of the published warehouse that may be missing, and earlier products."""

from datetime import date

import duckdb

from roundtrip.errors import BadInput

#: The columns of products/warnings, as roundtrip.products writes them and as DuckDB reads them.
WARNINGS = {
    "warning_id": "string",
    "customer_id": "string",
    "raised_on": "date",
    "as_of_date": "date",
    "signals": "string",
    "signals_en": "string",
    "signals_zh": "string",
    "reasons": "string",
    "reasons_zh": "string",
    "cause": "string",
    "cause_confidence": "double",
    "churn_probability": "double",
    "risk_band": "string",
    "value_at_risk": "double",
    "severity": "integer",
    "action": "string",
    "strategy_id": "string",
    "channel": "string",
    "channel_missing": "string",
    "due_on": "date",
    "status": "string",
    "status_on": "date",
}
HISTORY = {
    "warning_id": "string",
    "customer_id": "string",
    "changed_on": "date",
    "from_status": "string",
    "to_status": "string",
    "reason": "string",
}
INTERVENTIONS = {"warning_id": "string", "arm": "string", "status": "string", "sent_at": "timestamp"}


def has_table(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(
        connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'marts' AND table_name = ?", [table]
        ).fetchone()[0]
    )


def require_date(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """That the warehouse is of this date, and scored.

    Raises:
        BadInput: it is of another date, or holds no scores of this one.
    """
    (published_for,) = connection.execute("SELECT as_of_date FROM marts.warehouse_info").fetchone()
    if published_for != as_of:
        raise BadInput(
            f"the published warehouse is as of {published_for}, not {as_of}",
            f"publish {as_of} first: `roundtrip run --as-of {as_of}`, or give its own date",
        )
    scored = (
        has_table(connection, "customer_scores")
        and connection.execute(
            "SELECT count(*) FROM marts.customer_scores WHERE as_of_date = ?", [as_of]
        ).fetchone()[0]
    )
    customers = connection.execute("SELECT count(*) FROM marts.dim_customers").fetchone()[0]
    if customers and not scored:
        raise BadInput(
            f"the published warehouse has no customer_scores of {as_of}",
            "run the stages score and publish_scores first",
        )
