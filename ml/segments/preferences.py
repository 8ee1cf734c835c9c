"""What each customer prefers, by two years of bookings: channel, destination, line, months of travel."""

from datetime import date

import pandas as pd

TABLE = "customer_preferences"
COLUMNS = {
    "customer_id": "string",
    "as_of_date": "date",
    "bookings": "integer",
    "preferred_channel": "string",
    "preferred_channel_share": "double",
    "preferred_destination": "string",
    "preferred_destination_share": "double",
    "preferred_service_line": "string",
    "preferred_service_line_share": "double",
    "travel_months": "string",
    "next_service_line": "string",
    "next_service_line_confidence": "double",
}
#: What is counted: preference → column of fct_bookings.
_COUNTED = {
    "preferred_channel": "channel",
    "preferred_destination": "destination",
    "preferred_service_line": "service_line",
}


def read_preferences(connection, as_of: date, lines: pd.DataFrame, parameters: dict) -> pd.DataFrame:
    """One row for everybody who has booked in the window and may be profiled, sorted by customer_id: COLUMNS.

    Of several values with the same count the one booked last is preferred, of these the first by name. A
    share is that of the bookings for which the value is known. `next_service_line`: by the associations in
    `lines` with one line of the customer's as antecedent, the line not booked in the window of highest
    confidence.
    """
    rules = parameters["preferences"]
    values = {"as_of": as_of, "months": rules["months"], "month_share": rules["month_share"]}
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE kept_bookings AS
        SELECT b.customer_id, b.booked_at, b.channel, b.destination, b.service_line,
            CASE WHEN b.travel_start <= $as_of::DATE + 365 THEN month(b.travel_start) END AS travel_month
        FROM marts.fct_bookings b JOIN marts.dim_customers c USING (customer_id)
        WHERE c.may_be_profiled AND NOT starts_with(b.status, 'cancelled')
            AND CAST(b.booked_at AS DATE) <= $as_of AND b.booked_at > $as_of::DATE - to_months($months)
        """,
        {"as_of": as_of, "months": rules["months"]},
    )
    connection.register("line_rules", lines[["antecedent", "consequent", "confidence"]])
    counted = ", ".join(
        f"""{name} AS (
            SELECT customer_id, {column} AS {name},
                count(*) / sum(count(*)) OVER (PARTITION BY customer_id) AS {name}_share
            FROM kept_bookings WHERE {column} IS NOT NULL GROUP BY customer_id, {column}
            QUALIFY row_number() OVER (
                PARTITION BY customer_id ORDER BY count(*) DESC, max(booked_at) DESC, {column}
            ) = 1
        )"""
        for name, column in _COUNTED.items()
    )
    told = ", ".join(f"{name}, {name}_share" for name in _COUNTED)
    joins = " ".join(f"LEFT JOIN {name} USING (customer_id)" for name in _COUNTED)
    try:
        found = connection.execute(
            f"""
            WITH {counted}, months AS (
                SELECT customer_id, string_agg(travel_month, '; ' ORDER BY travel_month) AS travel_months
                FROM (
                    SELECT customer_id, travel_month,
                        count(*) / sum(count(*)) OVER (PARTITION BY customer_id) AS share
                    FROM kept_bookings WHERE travel_month IS NOT NULL GROUP BY customer_id, travel_month
                ) WHERE share >= $month_share GROUP BY customer_id
            ), used AS (
                SELECT DISTINCT customer_id, service_line FROM kept_bookings
            ), offers AS (
                SELECT used.customer_id, r.consequent AS next_service_line,
                    max(r.confidence) AS next_service_line_confidence
                FROM used JOIN line_rules r ON r.antecedent = used.service_line
                WHERE NOT EXISTS (
                    SELECT 1 FROM used u
                    WHERE u.customer_id = used.customer_id AND u.service_line = r.consequent
                )
                GROUP BY used.customer_id, r.consequent
                QUALIFY row_number() OVER (
                    PARTITION BY used.customer_id ORDER BY max(r.confidence) DESC, r.consequent
                ) = 1
            )
            SELECT customer_id, $as_of::DATE AS as_of_date, bookings, {told}, travel_months,
                next_service_line, next_service_line_confidence
            FROM (SELECT customer_id, count(*) AS bookings FROM kept_bookings GROUP BY ALL) AS everybody
            {joins} LEFT JOIN months USING (customer_id) LEFT JOIN offers USING (customer_id)
            ORDER BY customer_id
            """,
            {name: values[name] for name in ("as_of", "month_share")},
        ).df()
    finally:
        connection.unregister("line_rules")
        connection.execute("DROP TABLE kept_bookings")
    found["as_of_date"] = pd.to_datetime(found["as_of_date"]).dt.date
    return found
