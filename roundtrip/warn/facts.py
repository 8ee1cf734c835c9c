"""What is known on the date: the signals in words, and one row a customer."""

from datetime import date

import duckdb

from roundtrip.ingest.sql import text
from roundtrip.warn.settings import parameters, words
from roundtrip.warn.sources import has_table

_LANGUAGES = ("en", "zh")
#: Not a signal of the warehouse: what a warning without one is about.
HIGH_RISK = "high_risk"


def prepare(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Make the temporary tables `fired` (a row a signal) and `today` (a row a customer of the warehouse).

    `today`: customer_id, lifecycle_stage, is_allowed (may be warned about: neither prospect nor lost, not
    high-volume, profiling not withdrawn, and scored), may_be_profiled, last_booked_on, churn_probability,
    risk_band, reasons, reasons_zh, value_at_risk (net value of twelve months that is lost if the customer
    leaves, times the probability; NULL without prices), bookings_at_risk (the same in bookings), signals
    (a sorted list), signals_en, signals_zh, signal_severity (NULL without one), cause, cause_confidence,
    and what strategies ask for.
    """
    _make_fired(connection, as_of)
    _make_causes(connection, as_of)
    expected = "scores.{} / greatest(1 - scores.churn_probability, $least_stay)"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE today AS
        WITH told AS (
            SELECT customer_id,
                list(signal ORDER BY severity DESC, signal) AS ranked,
                list_sort(list(signal)) AS signals,
                string_agg(text_en, {text(words()["separators"]["en"])} ORDER BY severity DESC, signal)
                    AS signals_en,
                string_agg(text_zh, {text(words()["separators"]["zh"])} ORDER BY severity DESC, signal)
                    AS signals_zh,
                max(severity) AS gravest,
                least(3, max(severity) + CASE WHEN count(*) >= $several THEN 1 ELSE 0 END) AS signal_severity,
                max(CASE WHEN signal = 'points_expiring' THEN observed END) AS points_expiring
            FROM fired GROUP BY customer_id
        )
        SELECT
            customers.customer_id,
            customers.lifecycle_stage,
            customers.activity_status,
            customers.value_tier,
            customers.need_segment,
            coalesce(customers.may_be_profiled, true) AS may_be_profiled,
            customers.lifecycle_stage NOT IN ('prospect', 'lost') AS is_current,
            is_current AND may_be_profiled AND NOT coalesce(customers.is_high_volume, false)
                AND scores.churn_probability IS NOT NULL AS is_allowed,
            CAST(customers.last_booking_at AS DATE) AS last_booked_on,
            scores.churn_probability,
            scores.risk_band,
            nullif(concat_ws('; ', scores.reason_1, scores.reason_2, scores.reason_3), '') AS reasons,
            nullif(concat_ws(';', scores.reason_1_zh, scores.reason_2_zh, scores.reason_3_zh), '')
                AS reasons_zh,
            round(scores.churn_probability * {expected.format("expected_value_12m")}, 2) AS value_at_risk,
            scores.churn_probability * {expected.format("expected_bookings")} AS bookings_at_risk,
            coalesce(told.signals, []) AS signals,
            told.signals_en,
            told.signals_zh,
            told.signal_severity,
            told.points_expiring,
            causes.cause,
            causes.cause_confidence,
            features.days_since_last_complaint,
            features.days_since_last_booking,
            features.unresolved_complaints,
            features.is_loyalty_member,
            features.has_unsubscribed
        FROM marts.dim_customers AS customers
        LEFT JOIN (FROM marts.customer_scores WHERE as_of_date = $as_of) AS scores USING (customer_id)
        LEFT JOIN (FROM marts.customer_features WHERE as_of_date = $as_of) AS features USING (customer_id)
        LEFT JOIN told USING (customer_id)
        LEFT JOIN causes USING (customer_id)
        """,
        {
            "as_of": as_of,
            "least_stay": parameters()["least_stay_probability"],
            "several": parameters()["several_signals"],
        },
    )


def _make_fired(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    if not has_table(connection, "customer_signals"):
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE fired (customer_id VARCHAR, signal VARCHAR, severity INTEGER, "
            "observed DOUBLE, text_en VARCHAR, text_zh VARCHAR)"
        )
        return
    texts = ", ".join(
        "CASE signal "
        + " ".join(
            f"WHEN {text(signal)} THEN {_filled(sentence[language])}"
            for signal, sentence in words()["signals"].items()
        )
        + f" END AS text_{language}"
        for language in _LANGUAGES
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE fired AS
        WITH written AS (
            SELECT customer_id, signal, severity, observed,
                {_written("observed")} AS observed_text, {_written("usual")} AS usual_text,
                coalesce(window_days, 0)::VARCHAR AS window_text,
                CASE WHEN observed_text = '1' THEN '' ELSE 's' END AS plural
            FROM marts.customer_signals WHERE as_of_date = ?
        )
        SELECT customer_id, signal, severity, observed, {texts} FROM written
        """,
        [as_of],
    )


def _written(column: str) -> str:
    """SQL: a number as a person writes it; a rating as points of 100, small means with a decimal."""
    return (
        f"CASE WHEN unit = 'rating' THEN format('{{:.0f}}', 100 * {column}) "
        f"WHEN {column} = round({column}) OR {column} >= 10 THEN format('{{:,.0f}}', {column}) "
        f"WHEN {column} < 0.1 THEN format('{{:.2f}}', {column}) "
        f"ELSE format('{{:.1f}}', {column}) END"
    )


def _filled(sentence: str) -> str:
    filled = text(sentence)
    for place in ("observed", "usual", "window"):
        filled = f"replace({filled}, '{{{place}}}', coalesce({place}_text, ''))"
    return f"replace({filled}, '{{s}}', plural)"


def _make_causes(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """The temporary table `causes`: the warehouse's cause of the newest month, or the day's evidence."""
    evidence = parameters()["cause_evidence"]
    weights = ", ".join(
        f"({text(kind)}, {text(entry['cause'])}, {entry['weight']}::DOUBLE)"
        for kind, entry in evidence.items()
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE causes AS
        WITH found AS (
            SELECT customer_id, signal AS kind FROM fired
            UNION ALL
            SELECT customer_id, 'unresolved_complaint' FROM marts.customer_features
            WHERE as_of_date = $as_of AND unresolved_complaints > 0
            UNION ALL
            SELECT customer_id, 'supplier_cancellation' FROM marts.customer_features
            WHERE as_of_date = $as_of AND cancellations_by_supplier_12m > 0
        ), of_today AS (
            SELECT customer_id, weights.cause, 1 - product(1 - weight) AS confidence
            FROM found JOIN (VALUES {weights}) AS weights (kind, cause, weight) USING (kind)
            GROUP BY ALL
        ), of_months AS (
            SELECT customer_id, churn_cause AS cause, churn_cause_confidence AS confidence
            FROM marts.fct_customer_months
            WHERE as_of_date = (
                SELECT max(as_of_date) FROM marts.fct_customer_months WHERE as_of_date <= $as_of
            ) AND churn_cause <> 'unknown'
        )
        SELECT customer_id, cause, round(confidence, 4) AS cause_confidence
        FROM (FROM of_today UNION ALL FROM of_months)
        WHERE confidence >= $cause_from
        QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY confidence DESC, cause) = 1
        """,
        {"as_of": as_of, "cause_from": parameters()["cause_from"]},
    )
