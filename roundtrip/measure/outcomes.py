"""What followed an assignment, and what was known before it: by SQL over the published marts."""

from datetime import date

import duckdb
import pandas as pd

from ml.frame import table_columns
from roundtrip.home import Home
from roundtrip.measure.assignments import Assignments, collect, later_pairs
from roundtrip.measure.settings import parameters

#: Covariates that come from marts.customer_features as they are.
_FEATURES = (
    "season_share_next_90d",
    "days_since_last_booking",
    "overdue_ratio",
    "web_events_30d",
    "purchase_occasions_lifetime",
    "average_lead_days",
    "unresolved_complaints",
)
SEGMENT_KINDS = ("value_tier", "risk_band", "need_segment", "lifecycle_stage")


def read_assignments(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> Assignments:
    """Assignments by `as_of` with covariates, segments and the outcomes of the windows that have closed.

    Nothing after `as_of` is read, whatever the tables hold.
    """
    messages = collect(connection, home, as_of)
    money = money_column(connection, as_of)
    if money != "margin_value":
        messages.append(
            "no margins are delivered: revenue (net value) is measured instead, and no net value told"
            if money
            else "no prices are delivered: effects on return, bookings and satisfaction only"
        )
    connection.execute(_before_sql(connection, money))
    for days in parameters()["windows_days"]:
        connection.execute(_window_sql(connection, money, days), {"as_of": as_of})
    windows = " ".join(f"JOIN window_{days} USING (place)" for days in parameters()["windows_days"])
    rows = connection.execute(
        f"""SELECT * EXCLUDE (place, arm, arms, is_exploration, as_of_date) FROM assigned
            JOIN before USING (place) {windows} ORDER BY place"""
    ).df()
    return Assignments(rows, later_pairs(connection), messages)


def money_column(connection: duckdb.DuckDBPyConnection, as_of: date) -> str | None:
    """margin_value; net_value where no margin is delivered; None without prices."""
    margins, values = connection.execute(
        "SELECT count(margin_value), count(net_value) FROM marts.fct_bookings WHERE booked_at::DATE <= ?",
        [as_of],
    ).fetchone()
    return "margin_value" if margins else "net_value" if values else None


def outcomes_of(rows: pd.DataFrame) -> list[str]:
    """return, bookings, then margin or revenue, and satisfaction, as far as they are there."""
    first = parameters()["windows_days"][0]
    return [n for n in ("return", "bookings", "margin", "revenue", "satisfaction") if f"{n}_{first}" in rows]


def _before_sql(connection: duckdb.DuckDBPyConnection, money: str | None) -> str:
    """`before`: covariates and segments at the newest month end strictly before the day of the assignment."""
    features = table_columns(connection, "customer_features")
    months = table_columns(connection, "fct_customer_months")
    scores = table_columns(connection, "customer_scores")
    from_features = ", ".join(
        f"CAST(f.{name} AS DOUBLE) AS {name}" if name in features else f"NULL::DOUBLE AS {name}"
        for name in _FEATURES
    )
    segments = ", ".join(
        f"m.{name}" if name in months else f"NULL::VARCHAR AS {name}"
        for name in ("value_tier", "need_segment", "lifecycle_stage")
    )
    of_months = "LEFT JOIN marts.fct_customer_months m USING (customer_id, as_of_date)" if months else ""
    answers = table_columns(connection, "fct_survey_answers")
    return f"""CREATE OR REPLACE TEMP TABLE before AS
        WITH dated AS (
            SELECT place, customer_id, assigned_at,
                last_day((date_trunc('month', assigned_at) - INTERVAL 1 DAY)::DATE) AS as_of_date
            FROM assigned
        ), bought AS (
            SELECT d.place, count(*) AS bookings_before, {
        f"sum(b.{money})" if money else "NULL"
    } AS margin_before
            FROM dated d JOIN marts.fct_bookings b ON b.customer_id = d.customer_id
                AND b.booked_at < d.assigned_at
                AND b.booked_at >= d.assigned_at - INTERVAL {parameters()["pre_period_days"]} DAY
                AND coalesce(b.cancelled_at::DATE > d.assigned_at::DATE, true)
            GROUP BY d.place
        ), felt AS (
            {
        _mean_satisfaction("s.responded_at < d.assigned_at")
        if answers
        else "SELECT NULL::BIGINT AS place, NULL::DOUBLE AS satisfaction WHERE false"
    }
        ), scored AS (
            {
        "SELECT d.place, arg_max(s.risk_band, s.as_of_date) AS risk_band FROM dated d"
        " JOIN marts.customer_scores s ON s.customer_id = d.customer_id"
        " AND s.as_of_date < d.assigned_at::DATE GROUP BY d.place"
        if scores
        else "SELECT NULL::BIGINT AS place, NULL::VARCHAR AS risk_band WHERE false"
    }
        )
        SELECT d.place, d.as_of_date, coalesce(ln(1 + bookings_before), 0)::DOUBLE AS bookings_before,
            coalesce(margin_before, 0)::DOUBLE AS margin_before, felt.satisfaction AS satisfaction_before,
            {from_features}, {segments}, scored.risk_band
        FROM dated d
        LEFT JOIN marts.customer_features f USING (customer_id, as_of_date) {of_months}
        LEFT JOIN bought ON bought.place = d.place LEFT JOIN felt ON felt.place = d.place
        LEFT JOIN scored ON scored.place = d.place"""


def _mean_satisfaction(when: str) -> str:
    return f"""SELECT d.place, avg(s.satisfaction) AS satisfaction FROM dated d
            JOIN marts.fct_survey_answers s ON s.customer_id = d.customer_id AND {when} GROUP BY d.place"""


def _window_sql(connection: duckdb.DuckDBPyConnection, money: str | None, days: int) -> str:
    """`window_<days>`: outcomes as they stood when the window closed; NULL while it is open."""
    answers = table_columns(connection, "fct_survey_answers")
    name = {"margin_value": "margin", "net_value": "revenue"}.get(money)
    amount = f", coalesce(sum(b.{money}), 0)::DOUBLE AS amount" if money else ""
    told = f"CASE WHEN d.is_closed THEN coalesce(amount, 0) END AS {name}_{days}," if money else ""
    felt = "felt.satisfaction" if answers else "NULL::DOUBLE"
    surveys = (
        _mean_satisfaction("s.responded_at > d.assigned_at AND s.responded_at::DATE <= d.ends_on")
        if answers
        else "SELECT NULL::BIGINT AS place, NULL::DOUBLE AS satisfaction WHERE false"
    )
    satisfied = f", CASE WHEN d.is_closed THEN {felt} END AS satisfaction_{days}" if answers else ""
    return f"""CREATE OR REPLACE TEMP TABLE window_{days} AS
        WITH dated AS (
            SELECT place, customer_id, assigned_at, assigned_at::DATE + {days} AS ends_on,
                assigned_at::DATE + {days} <= $as_of AS is_closed
            FROM assigned
        ), bought AS (
            SELECT d.place, count(*) AS bookings {amount}
            FROM dated d JOIN marts.fct_bookings b ON b.customer_id = d.customer_id
                AND b.booked_at > d.assigned_at AND b.booked_at::DATE <= d.ends_on
                AND coalesce(b.cancelled_at::DATE > d.ends_on, true)
            WHERE d.is_closed GROUP BY d.place
        ), felt AS ({surveys})
        SELECT d.place, CASE WHEN d.is_closed THEN (bookings IS NOT NULL)::INT::DOUBLE END AS return_{days},
            {told} CASE WHEN d.is_closed THEN coalesce(bookings, 0)::DOUBLE END AS bookings_{days} {satisfied}
        FROM dated d LEFT JOIN bought USING (place) LEFT JOIN felt ON felt.place = d.place"""
