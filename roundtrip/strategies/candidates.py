"""Which strategies fit which customer: one statement over all customers."""

from typing import TYPE_CHECKING

import duckdb

from roundtrip.strategies.check import FLAGS, NUMBERS, VALUES
from roundtrip.strategies.table import Strategies, Strategy, load

if TYPE_CHECKING:
    import pandas as pd


def candidates(customers: "pd.DataFrame", strategies: Strategies | None = None) -> "pd.DataFrame":
    """The strategies that fit each customer, the preferred one of each action.

    Args:
        customers: customer_id, unique, and any of need_segment, value_tier, churn_cause, lifecycle_stage,
            activity_status, birthday_in_days, anniversary_in_days, points_expiring,
            days_since_last_complaint, days_since_last_booking, unresolved_complaints, churn_probability,
            is_loyalty_member, has_unsubscribed. A column that is missing is unknown for all, and what is
            unknown fits no condition; an unknown churn_cause is the cause `unknown`. Prospects get nothing.
        strategies: the table (of_company); None: the shipped one.

    Returns:
        customer_id, strategy_id, action, rank (1 is preferred; by the table's order), sorted by customer and
        rank. Everybody but prospects has at least one.
    """
    table = strategies or load().newest()
    with duckdb.connect() as connection:
        connection.register("given", customers)
        connection.execute(f"CREATE TEMP TABLE customers AS {known_sql('given', set(customers.columns))}")
        return connection.execute(
            f"""
            WITH first AS (
                SELECT * FROM ({fitting_sql("customers", table)})
                QUALIFY row_number() OVER (PARTITION BY customer_id, action ORDER BY preference) = 1
            )
            SELECT customer_id, strategy_id, action,
                CAST(row_number() OVER (PARTITION BY customer_id ORDER BY preference) AS INTEGER) AS rank
            FROM first ORDER BY customer_id, rank
            """
        ).df()


def known_sql(relation: str, columns: set[str]) -> str:
    """SQL: customer_id and every column that a condition may be on, NULL where the relation lacks it."""
    shown = ", ".join(_column(name, name in columns) for name in (*VALUES, *NUMBERS, *FLAGS))
    return f"SELECT customer_id, {shown} FROM {relation}"


def fitting_sql(relation: str, table: Strategies) -> str:
    """SQL over a relation like known_sql's: customer_id, strategy_id, action, preference (0 comes first)."""
    fitting = [
        f"SELECT customer_id, {_text(row.id)} AS strategy_id, {_text(row.action)} AS action, "
        f"{number} AS preference FROM {relation} WHERE {_fits(row)}"
        for number, row in enumerate(table.rows)
    ]
    nothing = "SELECT NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, 0 WHERE false"
    return " UNION ALL ".join(fitting) or nothing


def _column(name: str, is_known: bool) -> str:
    kind = "VARCHAR" if name in VALUES else "DOUBLE" if name in NUMBERS else "BOOLEAN"
    value = f"CAST({name} AS {kind})" if is_known else f"CAST(NULL AS {kind})"
    return f"coalesce({value}, 'unknown') AS {name}" if name == "churn_cause" else f"{value} AS {name}"


def _fits(row: Strategy) -> str:
    """SQL: whether a customer fulfils every condition; NULL, which is unknown, does not."""
    parts = ["lifecycle_stage IS DISTINCT FROM 'prospect'"]
    for column, asked in row.when.items():
        if isinstance(asked, bool):
            parts.append(column if asked else f"NOT {column}")
        elif isinstance(asked, dict):
            ends = {"min": ">=", "max": "<="}
            parts += [f"{column} {ends[end]} {float(limit)!r}" for end, limit in asked.items()]
        else:
            parts.append(f"{column} IN ({', '.join(_text(value) for value in asked)})")
    return " AND ".join(parts)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
