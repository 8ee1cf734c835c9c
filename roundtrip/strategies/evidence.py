"""What the holdouts have said of each action so far: measured results come back into the strategies.

An action that was shown to do harm rests, for everybody or for a need segment. What was shown to work, or
neither, is decided customer by customer (products/action_uplifts); here it is only told.
"""

from datetime import date

import duckdb

from roundtrip.home import Home
from roundtrip.products import newest, rows_of
from roundtrip.verdicts import HARMS, HELPS, OPEN

#: What a customer does and what it brings; satisfaction is answered by few, and those are not drawn.
_OUTCOMES = ("return", "margin")
_EFFECTS = {
    **dict.fromkeys(("campaign_id", "action", "segment_kind", "segment", "outcome"), "string"),
    "window_days": "integer",
    **dict.fromkeys(("effect", "ci_low", "ci_high"), "double"),
    **dict.fromkeys(("n_treatment", "n_control"), "integer"),
    "verdict": "string",
    "measured_on": "date",
}


def prepare(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> None:
    """Make the temporary table `action_evidence` from the newest measurement up to `as_of`.

    One row an action and need_segment (NULL: everybody): effect, ci_low, ci_high on the share that books in
    the longest window that could be measured (window_days), n_treatment, n_control, verdict, measured_on.
    The verdict is that of `measure`; harm to one outcome outweighs good to the other.
    """
    effects = rows_of(newest(home, "campaign_effects", as_of), _EFFECTS)
    outcomes = ", ".join(f"'{outcome}'" for outcome in _OUTCOMES)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE action_evidence AS
        WITH longest AS (
            SELECT *, CASE WHEN segment_kind = 'need_segment' THEN segment END AS need_segment
            FROM {effects} AS effects
            WHERE campaign_id = 'all' AND action <> 'all' AND segment_kind IN ('all', 'need_segment')
                AND outcome IN ({outcomes}) AND effect IS NOT NULL
            QUALIFY window_days = max(window_days) OVER (PARTITION BY action, segment_kind, segment, outcome)
        )
        SELECT action, need_segment,
            any_value(effect) FILTER (outcome = 'return') AS effect,
            any_value(ci_low) FILTER (outcome = 'return') AS ci_low,
            any_value(ci_high) FILTER (outcome = 'return') AS ci_high,
            any_value(window_days) FILTER (outcome = 'return') AS window_days,
            max(n_treatment) AS n_treatment, max(n_control) AS n_control,
            CASE WHEN bool_or(verdict = '{HARMS}') THEN '{HARMS}'
                WHEN bool_or(verdict = '{HELPS}') THEN '{HELPS}'
                ELSE '{OPEN}' END AS verdict,
            max(measured_on) AS measured_on
        FROM longest GROUP BY action, need_segment ORDER BY action, need_segment NULLS FIRST
        """
    )


def resting(connection: duckdb.DuckDBPyConnection) -> list[dict]:
    """Actions that rest because they do harm: action and need_segment (None: for everybody)."""
    rows = connection.execute(
        f"SELECT action, need_segment FROM action_evidence WHERE verdict = '{HARMS}' ORDER BY ALL"
    ).fetchall()
    return [{"action": action, "need_segment": segment} for action, segment in rows]


def of_everybody(home: Home, as_of: date) -> dict[str, dict]:
    """Action → its row of `action_evidence` over all customers; empty where nothing was measured."""
    with duckdb.connect() as connection:
        prepare(connection, home, as_of)
        rows = connection.execute("FROM action_evidence WHERE need_segment IS NULL").df()
    return {row["action"]: row for row in rows.to_dict("records")}
