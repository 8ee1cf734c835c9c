"""Who could be approached: every customer what the strategies ask for, and which channels are open."""

from datetime import date

import duckdb

from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.ingest import sql
from roundtrip.products import newest, rows_of
from roundtrip.rounds.settings import Retention
from roundtrip.strategies.check import CHANNELS

#: Channels that need an address which raw may not have; the others are reached by the customer's id.
_NEEDS = {"email": "email", "sms": "phone", "phone": "phone"}
#: Whoever unsubscribed from messages gets none of these, whatever stands in the consents.
_MESSAGES = ("email", "sms", "push")


def open_warehouse(home: Home, as_of: date) -> duckdb.DuckDBPyConnection:
    """The published warehouse, read-only; temporary tables may be made in it.

    Raises:
        BadInput: nothing is published, or it is of another date.
    """
    from roundtrip.publish import published

    connection = published(home)
    (published_for,) = connection.execute("SELECT as_of_date FROM marts.warehouse_info").fetchone()
    if published_for != as_of:
        connection.close()
        raise BadInput(
            f"the published warehouse is as of {published_for}, not {as_of}",
            f"publish {as_of} first: `roundtrip run --as-of {as_of}`, or give its own date",
        )
    return connection


def has_table(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(
        connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'marts' AND table_name = ?", [table]
        ).fetchone()[0]
    )


def prepare(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> None:
    """Make the temporary table `people`: one row a customer who is no prospect.

    Columns: customer_id, what strategies ask for, risk_band, value_12m, warning_id and warning_due_on of the
    gravest open warning (its cause goes before the warehouse's), is_allowed (false: consent to profiling is
    withdrawn), is_high_volume (agencies and offices).
    """
    scores = (
        "SELECT customer_id, churn_probability, risk_band FROM marts.customer_scores "
        "WHERE as_of_date = $as_of"
        if has_table(connection, "customer_scores")
        else "SELECT NULL::VARCHAR AS customer_id, NULL::DOUBLE AS churn_probability, NULL AS risk_band"
    )
    expiring = (
        "SELECT customer_id, 1 AS points FROM marts.customer_signals "
        "WHERE signal = 'points_expiring' AND as_of_date = $as_of"
        if has_table(connection, "customer_signals")
        else "SELECT NULL::VARCHAR AS customer_id, NULL::INTEGER AS points WHERE false"
    )
    warnings = rows_of(
        newest(home, "warnings", as_of),
        dict.fromkeys(("warning_id", "customer_id", "cause", "status"), "string")
        | {"due_on": "date", "severity": "integer", "value_at_risk": "double"},
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE people AS
        WITH warned AS (
            SELECT * FROM {warnings} WHERE status = 'open'
            QUALIFY row_number() OVER (
                PARTITION BY customer_id ORDER BY severity DESC, value_at_risk DESC NULLS LAST, warning_id
            ) = 1
        )
        SELECT
            customers.customer_id,
            customers.need_segment,
            customers.value_tier,
            customers.lifecycle_stage,
            customers.activity_status,
            coalesce(warned.cause, months.churn_cause) AS churn_cause,
            scores.churn_probability,
            coalesce(scores.risk_band, 'unknown') AS risk_band,
            features.days_since_last_complaint,
            features.days_since_last_booking,
            features.unresolved_complaints,
            features.is_loyalty_member,
            features.has_unsubscribed,
            features.value_12m,
            expiring.points AS points_expiring,
            CASE WHEN registered_at::DATE <= $as_of - 365 THEN (
                registered_at::DATE
                + to_years(datesub('year', registered_at::DATE, $as_of - 1)::INTEGER + 1)
            )::DATE - $as_of END AS anniversary_in_days,
            warned.warning_id,
            warned.due_on AS warning_due_on,
            coalesce(customers.may_be_profiled, true) AS is_allowed,
            coalesce(customers.is_high_volume, false) AS is_high_volume
        FROM marts.dim_customers AS customers
        LEFT JOIN (FROM marts.customer_features WHERE as_of_date = $as_of) AS features USING (customer_id)
        LEFT JOIN (FROM marts.fct_customer_months WHERE as_of_date = $as_of) AS months USING (customer_id)
        LEFT JOIN ({scores}) AS scores USING (customer_id)
        LEFT JOIN ({expiring}) AS expiring USING (customer_id)
        LEFT JOIN warned USING (customer_id)
        WHERE customers.lifecycle_stage <> 'prospect'
        """,
        {"as_of": as_of},
    )


def open_channels(
    connection: duckdb.DuckDBPyConnection, home: Home, retention: Retention, people: str = "people"
) -> bool:
    """Make the temporary table `open_channels`: customer_id, channel, for every channel that may be used.

    A channel is open unless consent to it is withdrawn as of the published date; where no answer is known
    the company's setting `without_consent_answer` decides. Whoever unsubscribed gets no message, and who left
    no address or number cannot be reached by it.

    Returns:
        Whether the company has delivered any answer about a channel.
    """
    channels = ", ".join(f"('{channel}')" for channel in CHANNELS)
    needed = " ".join(
        f"WHEN all_channels.channel = '{channel}' THEN has_{what}" for channel, what in _NEEDS.items()
    )
    consents = (
        "marts.customer_consents"
        if has_table(connection, "customer_consents")
        else "(SELECT NULL::VARCHAR AS customer_id, NULL::VARCHAR AS purpose, NULL::BOOLEAN AS is_granted "
        "WHERE false)"
    )
    unasked = str(retention.without_consent_answer == "contact").lower()
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE open_channels AS
        WITH unsubscribed AS (
            SELECT customer_id FROM marts.customer_features
            WHERE has_unsubscribed AND as_of_date = (SELECT as_of_date FROM marts.warehouse_info)
        ), addresses AS ({_addresses(connection, home)})
        SELECT customers.customer_id, all_channels.channel
        FROM {people} AS customers
        CROSS JOIN (VALUES {channels}) AS all_channels (channel)
        LEFT JOIN {consents} AS consents
            ON customers.customer_id = consents.customer_id AND all_channels.channel = consents.purpose
        LEFT JOIN addresses ON customers.customer_id = addresses.customer_id
        LEFT JOIN unsubscribed ON customers.customer_id = unsubscribed.customer_id
        WHERE coalesce(consents.is_granted, {unasked})
            AND coalesce(CASE {needed} ELSE true END, true)
            AND NOT (all_channels.channel IN {_MESSAGES} AND unsubscribed.customer_id IS NOT NULL)
        """
    )
    return bool(
        connection.execute(
            f"SELECT count(*) FROM {consents} AS consents WHERE purpose IN {CHANNELS}"
        ).fetchone()[0]
    )


def _addresses(connection: duckdb.DuckDBPyConnection, home: Home) -> str:
    """SQL: customer_id, has_email, has_phone, over all accounts of a person; what cannot be known is NULL."""
    if not home.raw_db.exists():
        return "SELECT NULL::VARCHAR AS customer_id, NULL::BOOLEAN AS has_email, NULL::BOOLEAN AS has_phone"
    connection.execute(f"ATTACH IF NOT EXISTS {sql.text(str(home.raw_db))} AS raw_db (READ_ONLY)")
    return """
        SELECT coalesce(linked.customer_id, accounts.customer_id) AS customer_id,
            bool_or(accounts.email IS NOT NULL) AS has_email, bool_or(accounts.phone IS NOT NULL) AS has_phone
        FROM raw_db.raw.customers AS accounts
        LEFT JOIN marts.customer_identities AS linked ON accounts.customer_id = linked.account_id
        GROUP BY ALL
    """
