"""Every assignment of every round, with what has become of it: the table `interventions`."""

from datetime import date

import duckdb
import pandas as pd

from roundtrip.home import Home
from roundtrip.products import rows_of_all, write_product
from roundtrip.rounds import store
from roundtrip.rounds.settings import parameters

TABLE = "interventions"
#: Columns of a plan, name -> kind (see roundtrip/products.py). Money in the reporting currency. control_share
#: is what the arms of its campaign were dealt with.
PLAN_COLUMNS = {
    "intervention_id": "string",
    "round_id": "string",
    "warning_id": "string",
    "customer_id": "string",
    "campaign_id": "string",
    "strategy_id": "string",
    "action": "string",
    "arm": "string",
    "channel": "string",
    "segment": "string",
    "value_tier": "string",
    "risk_band": "string",
    "stratum": "string",
    "control_share": "double",
    "cause": "string",
    "expected_uplift": "double",
    "expected_value": "double",
    "expected_value_se": "double",
    "expected_net_value": "double",
    "expected_kept": "double",
    "evidence": "string",
    "unit_cost": "double",
    "cost": "double",
    "is_exploration": "boolean",
    "due_on": "date",
    "decided_at": "timestamp",
}
#: Columns of the table: the plan's, and what has become of it. `sent_at` is NULL where nothing was sent.
COLUMNS = PLAN_COLUMNS | {
    "status": "string",
    "status_reason": "string",
    "sent_at": "timestamp",
    "outcome": "string",
}
#: Columns of a round's sent.parquet.
SENT_COLUMNS = {
    "intervention_id": "string",
    "status": "string",
    "status_reason": "string",
    "channel": "string",
    "sent_at": "timestamp",
}


def prepare(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> None:
    """Make the temporary table `assignments`: the plans up to `as_of` with status, status_reason, sent_at.

    Statuses: proposed; approved; refused (by a human, as a whole or in part, or the plan has lapsed); sent;
    held_out (the control arm of what was sent); failed (between plan and sending the customer withdrew
    consent or left; looked at in both arms alike, so that the arms stay comparable).
    """
    known = [each for each in store.rounds(home) if each.as_of <= as_of]
    sent_files = [each.sent_file for each in known if each.sent_file.exists()]
    connection.register("round_states", _states(known))
    connection.register("by_hand", _taken_out(known))
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE assignments AS
        WITH plans AS {rows_of_all([each.plan_file for each in known], PLAN_COLUMNS)},
        sent AS {rows_of_all(sent_files, SENT_COLUMNS)},
        marked AS (
            SELECT plans.*, states.state, sent.status AS sent_status, sent.status_reason AS sent_reason,
                sent.sent_at AS moment, sent.channel AS sent_channel,
                EXISTS (
                    SELECT 1 FROM by_hand WHERE by_hand.round_id = plans.round_id
                        AND (by_hand.what = plans.customer_id OR by_hand.what = plans.action)
                ) AS is_taken_out
            FROM plans
            JOIN round_states AS states USING (round_id)
            LEFT JOIN (FROM sent WHERE sent_at::DATE <= $as_of) AS sent USING (intervention_id)
        )
        SELECT
            * EXCLUDE (state, sent_status, sent_reason, moment, sent_channel, is_taken_out)
                REPLACE (coalesce(sent_channel, channel) AS channel),
            CASE WHEN is_taken_out OR state IN ('{store.REFUSED}', '{store.LAPSED}') THEN 'refused'
                WHEN state = '{store.PROPOSED}' THEN 'proposed'
                ELSE coalesce(sent_status, 'approved') END AS status,
            CASE WHEN state = '{store.LAPSED}' THEN 'plan lapsed'
                WHEN state = '{store.REFUSED}' THEN 'plan refused'
                WHEN is_taken_out THEN 'taken out by hand'
                ELSE sent_reason END AS status_reason,
            CASE WHEN sent_status = 'sent' THEN moment END AS sent_at
        FROM marked
        """,
        {"as_of": as_of},
    )


def write(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> int:
    """Write the product `interventions` of a date from `assignments` and the published bookings; its rows.

    The outcome of both arms is known once the window after the plan's date has closed: `returned` where a
    booking was made in it that still counted at its end, else `not_returned`.
    """
    rows = connection.execute(
        """
        WITH closed AS (
            SELECT intervention_id, customer_id, decided_at::DATE AS from_day,
                decided_at::DATE + $days AS until_day
            FROM assignments WHERE status IN ('sent', 'held_out') AND decided_at::DATE + $days <= $as_of
        ), outcomes AS (
            SELECT closed.intervention_id,
                CASE WHEN count(bookings.booking_id) > 0 THEN 'returned' ELSE 'not_returned' END AS outcome
            FROM closed
            LEFT JOIN marts.fct_bookings AS bookings
                ON closed.customer_id = bookings.customer_id
                AND bookings.booked_at::DATE > from_day AND bookings.booked_at::DATE <= until_day
                AND (bookings.cancelled_at IS NULL OR bookings.cancelled_at::DATE > until_day)
            GROUP BY ALL
        )
        SELECT assignments.*, outcomes.outcome
        FROM assignments LEFT JOIN outcomes USING (intervention_id) ORDER BY intervention_id
        """,
        {"as_of": as_of, "days": parameters()["window_days"]},
    ).df()
    write_product(rows, COLUMNS, home.products_dir / TABLE / f"{as_of}.parquet")
    return len(rows)


def _states(known: list[store.Round]) -> pd.DataFrame:
    states = {"round_id": [each.id for each in known], "state": [each.state for each in known]}
    return pd.DataFrame(states, dtype=object).astype(str)


def _taken_out(known: list[store.Round]) -> pd.DataFrame:
    """What a human has taken out of a plan: customers and actions."""
    found = [
        (each.id, what)
        for each in known
        for kind in ("customers", "actions")
        for what in ((each.decision or {}).get("without") or {}).get(kind, ())
    ]
    return pd.DataFrame(found, columns=["round_id", "what"], dtype=object).astype(str)
