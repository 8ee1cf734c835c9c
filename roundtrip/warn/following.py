"""What has become of earlier warnings, by what is known on the date."""

from datetime import date

import duckdb

from roundtrip.home import Home
from roundtrip.ingest.sql import text
from roundtrip.products import newest_before, rows_of
from roundtrip.warn.settings import Rules, parameters, words
from roundtrip.warn.sources import INTERVENTIONS, WARNINGS

#: Warnings whose outcome is not known yet.
FOLLOWED = ("open", "acted", "held_out")


def follow(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date, rules: Rules) -> None:
    """Make the temporary table `followed`: every earlier warning with its status of the date, its status
    before (`from_status`) and why it changed (`change`; NULL where it did not).

    The first that fits: consent to profiling withdrawn or customer gone; booked since; lost; sent or held out
    by a round; no signal and low risk; too old.
    """
    changes = {change: text(reason) for change, reason in words()["changes"].items()}
    expired = (
        changes["expired_open"].replace("{open_days}", str(rules.open_days)),
        changes["expired_followed"].replace("{follow_days}", str(rules.follow_days)),
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE followed AS
        WITH handled AS (
            SELECT warning_id,
                max(CAST(sent_at AS DATE)) FILTER (arm = 'treatment' AND status = 'sent') AS sent_on,
                bool_or(arm = 'control' AND status IN ('sent', 'held_out')) AS is_held_out
            FROM {rows_of(newest_before(home, "interventions", as_of), INTERVENTIONS)} AS interventions
            WHERE warning_id IS NOT NULL GROUP BY warning_id
        ), seen AS (
            SELECT previous.*, today.customer_id IS NULL OR NOT today.may_be_profiled AS is_withdrawn,
                today.last_booked_on, today.lifecycle_stage,
                len(today.signals) = 0 AND today.risk_band = 'low' AS is_quiet,
                handled.sent_on, coalesce(handled.is_held_out, false) AS is_held_out
            FROM {rows_of(newest_before(home, "warnings", as_of), WARNINGS)} AS previous
            LEFT JOIN today USING (customer_id)
            LEFT JOIN handled USING (warning_id)
        ), judged AS (
            SELECT *,
                CASE
                    WHEN status NOT IN {FOLLOWED} THEN NULL
                    WHEN is_withdrawn THEN 'withdrawn'
                    WHEN last_booked_on > raised_on THEN 'resolved_returned'
                    WHEN lifecycle_stage = 'lost' THEN 'lost'
                    WHEN status = 'open' AND sent_on IS NOT NULL THEN 'acted'
                    WHEN status = 'open' AND is_held_out THEN 'held_out'
                    WHEN is_quiet AND raised_on <= $as_of - $least_days THEN 'resolved_recovered'
                    WHEN status = 'open' AND raised_on <= $as_of - $open_days THEN 'expired'
                    WHEN status <> 'open' AND raised_on <= $as_of - $follow_days THEN 'expired'
                END AS to_status
            FROM seen
        )
        SELECT * EXCLUDE (
                to_status, is_withdrawn, last_booked_on, lifecycle_stage, is_quiet, sent_on, is_held_out
            ) REPLACE (
                coalesce(to_status, status) AS status,
                CASE WHEN to_status IS NULL THEN status_on ELSE $as_of END AS status_on,
                $as_of AS as_of_date
            ),
            status AS from_status,
            CASE to_status
                WHEN 'withdrawn' THEN {changes["withdrawn"]}
                WHEN 'resolved_returned' THEN replace(
                    {changes["resolved_returned"]}, '{{last_booked_on}}', CAST(last_booked_on AS VARCHAR)
                )
                WHEN 'lost' THEN {changes["lost"]}
                WHEN 'acted' THEN replace({changes["acted"]}, '{{sent_on}}', CAST(sent_on AS VARCHAR))
                WHEN 'held_out' THEN {changes["held_out"]}
                WHEN 'resolved_recovered' THEN {changes["resolved_recovered"]}
                WHEN 'expired' THEN CASE WHEN status = 'open' THEN {expired[0]} ELSE {expired[1]} END
            END AS change
        FROM judged
        """,
        {
            "as_of": as_of,
            "least_days": parameters()["least_days_to_recover"],
            "open_days": rules.open_days,
            "follow_days": rules.follow_days,
        },
    )
