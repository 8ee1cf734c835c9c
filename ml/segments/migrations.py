"""Who has moved between the rules' segments in a year."""

from datetime import date

import pandas as pd

TABLE = "segment_migrations"
COLUMNS = {
    "as_of_date": "date",
    "from_date": "date",
    "to_date": "date",
    "from_segment": "string",
    "to_segment": "string",
    "customers": "integer",
    "share": "double",
}


def read_migrations(connection, as_of: date, months: int) -> pd.DataFrame:
    """Customers by segment at the newest month end and `months` before: COLUMNS, the share of those they came
    from.

    `prospect` is who had not booked yet, `unregistered` who was not there. Empty where there are no two month
    ends.
    """
    found = connection.execute(
        """
        WITH ends AS (
            SELECT max(as_of_date) AS to_date,
                last_day(max(as_of_date) - to_months($months)) AS from_date
            FROM marts.fct_customer_months WHERE as_of_date <= $as_of
        ), moved AS (
            SELECT ends.from_date, ends.to_date,
                CASE WHEN before.customer_id IS NULL THEN 'unregistered'
                    ELSE coalesce(before.need_segment, 'prospect') END AS from_segment,
                coalesce(now.need_segment, 'prospect') AS to_segment,
                count(*) AS customers
            FROM ends
            JOIN marts.fct_customer_months now ON now.as_of_date = ends.to_date
            LEFT JOIN marts.fct_customer_months before
                ON before.customer_id = now.customer_id AND before.as_of_date = ends.from_date
            WHERE EXISTS (SELECT 1 FROM marts.fct_customer_months m WHERE m.as_of_date = ends.from_date)
            GROUP BY ALL
        )
        SELECT $as_of::DATE AS as_of_date, *,
            customers / sum(customers) OVER (PARTITION BY from_segment) AS share
        FROM moved ORDER BY from_segment, to_segment
        """,
        {"as_of": as_of, "months": months},
    ).df()
    for column in ("as_of_date", "from_date", "to_date"):
        found[column] = pd.to_datetime(found[column]).dt.date
    return found


def monthly_stay_share(connection, as_of: date, months: int) -> float | None:
    """Of customers with a segment at the month ends of the last `months`: who has the same a month on."""
    return connection.execute(
        """
        SELECT avg(CAST(now.need_segment = before.need_segment AS DOUBLE))
        FROM marts.fct_customer_months now
        JOIN marts.fct_customer_months before
            ON before.customer_id = now.customer_id
            AND before.as_of_date = last_day(now.as_of_date - to_months(1))
        WHERE now.as_of_date <= $as_of AND now.as_of_date > $as_of::DATE - to_months($months)
            AND before.need_segment IS NOT NULL AND now.need_segment IS NOT NULL
        """,
        {"as_of": as_of, "months": months},
    ).fetchone()[0]
