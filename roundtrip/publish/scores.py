"""The audit of customer_scores: what may stand beside the marts."""

from datetime import date
from pathlib import Path

import duckdb

from roundtrip.gates.summaries import quote

TABLE = "customer_scores"

#: The published columns and their types; more columns are welcome.
COLUMNS = {
    "customer_id": "VARCHAR",
    "as_of_date": "DATE",
    "churn_probability": "DOUBLE",
    "risk_band": "VARCHAR",
    "expected_bookings": "DOUBLE",
    "lifetime_value": "DOUBLE",
    "reason_1": "VARCHAR",
    "reason_2": "VARCHAR",
    "reason_3": "VARCHAR",
    "reason_1_zh": "VARCHAR",
    "reason_2_zh": "VARCHAR",
    "reason_3_zh": "VARCHAR",
    "model_version": "VARCHAR",
}

RISK_BANDS = ("high", "medium", "low", "not_applicable")


def problems(warehouse: duckdb.DuckDBPyConnection, file: Path, customers: str | None) -> list[str]:
    """What is wrong with one file of scores (`<as_of>.parquet`); empty if nothing is.

    Args:
        warehouse: an open connection that sees `customers`.
        customers: the relation whose customers must each have exactly one score. None for a file of the
            past: since then customers have come, and some were erased.
    """
    scores = f"read_parquet('{quote(file)}')"
    try:
        there = {row[0] for row in warehouse.execute(f"DESCRIBE SELECT * FROM {scores}").fetchall()}
    except duckdb.Error as error:
        return [f"it cannot be read: {error}"]
    if missing := [column for column in COLUMNS if column not in there]:
        return [f"columns are missing: {', '.join(missing)}"]
    mistyped = [
        column
        for column, kind in COLUMNS.items()
        if warehouse.execute(
            f'SELECT count(*) FROM {scores} WHERE "{column}" IS NOT NULL AND TRY_CAST("{column}" AS {kind}) '
            "IS NULL"
        ).fetchone()[0]
    ]
    if mistyped:
        return [f"{column} is not {COLUMNS[column]}" for column in mistyped]
    counts = {
        "rows without customer_id, as_of_date, risk_band or model_version": """
            customer_id IS NULL OR as_of_date IS NULL OR risk_band IS NULL OR model_version IS NULL""",
        "rows with a churn_probability outside 0..1": "NOT churn_probability BETWEEN 0 AND 1",
        f"rows with a risk_band other than {', '.join(RISK_BANDS)}": f"risk_band NOT IN {RISK_BANDS}",
        f"rows for another date than {file.stem}": "CAST(as_of_date AS DATE) <> $stem",
    }
    found = []
    for problem, condition in counts.items():
        parameters = {"stem": date.fromisoformat(file.stem)} if "$stem" in condition else None
        (count,) = warehouse.execute(
            f"SELECT count(*) FROM {scores} WHERE {condition}", parameters
        ).fetchone()
        if count:
            found.append(f"{count} {problem}")
    (duplicated,) = warehouse.execute(
        f"""
        SELECT count(*) FROM (
            SELECT 1 FROM {scores} GROUP BY customer_id, as_of_date HAVING count(*) > 1
        )
        """
    ).fetchone()
    if duplicated:
        found.append(f"{duplicated} customers have more than one row for a date")
    if customers:
        unknown, unscored = warehouse.execute(
            f"""
            SELECT count(*) FILTER (known.customer_id IS NULL), count(*) FILTER (scored.customer_id IS NULL)
            FROM (SELECT DISTINCT CAST(customer_id AS VARCHAR) AS customer_id FROM {scores}) AS scored
            FULL JOIN {customers} AS known USING (customer_id)
            """
        ).fetchone()
        if unknown:
            found.append(f"{unknown} customers are not in dim_customers")
        if unscored:
            found.append(f"{unscored} customers of dim_customers have no row")
    return found
