"""Who was assigned to which arm of which campaign: what the company delivered, and our own rounds."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from ml.frame import table_columns
from roundtrip.home import Home
from roundtrip.measure.settings import parameters
from roundtrip.products import newest

#: Columns of products/interventions that are read; those of `_OPTIONAL` may be missing.
_NEEDED = ("customer_id", "campaign_id", "action", "arm", "decided_at", "status")
_OPTIONAL = {"channel": "VARCHAR", "cost": "DOUBLE", "is_exploration": "BOOLEAN", "control_share": "DOUBLE"}


@dataclass
class Assignments:
    """Assignments of known customers by a date, one a campaign and customer.

    Attributes:
        rows: customer_id, campaign_id, campaign_name, action ('unknown' where not delivered), stratum
            (campaign, and within a round what was explored apart), is_treated (bool), assigned_at, cost (of
            this row; NaN unknown, 0 in the control arm), planned_control_share (NaN unknown), is_own (one of
            our rounds), the covariates, the segments (value_tier, risk_band, need_segment, lifecycle_stage),
            and for each window w `<outcome>_<w>` (NaN while open or unknown); sorted by assigned_at,
            campaign_id, customer_id.
        later: pairs of positions in rows: `place` was followed by `later` (`days` after) within the longest
            window.
        messages: what was left out or is missing, in words.
    """

    rows: pd.DataFrame
    later: pd.DataFrame
    messages: list[str] = field(default_factory=list)


def collect(connection: duckdb.DuckDBPyConnection, home: Home, as_of: date) -> list[str]:
    """Make the temporary table `assigned`, and return what was left out in words."""
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE delivered (
               customer_id VARCHAR, campaign_id VARCHAR, campaign_name VARCHAR, action VARCHAR,
               arm VARCHAR, assigned_at TIMESTAMP, cost DOUBLE, is_exploration BOOLEAN,
               control_share DOUBLE, source INTEGER
           )"""
    )
    if table_columns(connection, "fct_campaign_touches"):
        connection.execute(
            """INSERT INTO delivered
               SELECT customer_id, campaign_id, campaign_name, action, arm, assigned_at,
                   CASE WHEN arm = 'control' THEN 0 WHEN sent_at IS NULL AND bool_or(sent_at IS NOT NULL)
                       OVER (PARTITION BY campaign_id) THEN 0 ELSE unit_cost END, NULL, NULL, 0
               FROM marts.fct_campaign_touches WHERE assigned_at::DATE <= $as_of""",
            {"as_of": as_of},
        )
    if file := newest(home, "interventions", as_of):
        _add_interventions(connection, file, as_of)
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE assigned AS
           WITH known AS (
               SELECT d.* FROM delivered d SEMI JOIN marts.dim_customers USING (customer_id)
           ), one AS (
               SELECT customer_id, campaign_id, min(arm) AS arm, count(DISTINCT arm) AS arms,
                   arg_min(campaign_name, (source, assigned_at)) AS campaign_name,
                   coalesce(arg_min(action, (source, assigned_at)), 'unknown') AS action,
                   arg_min(assigned_at, (source, assigned_at)) AS assigned_at,
                   coalesce(arg_min(cost, (source, assigned_at)), max(cost)) AS cost,
                   coalesce(bool_or(is_exploration), false) AS is_exploration,
                   max(control_share) AS planned_control_share, max(source) = 1 AS is_own
               FROM known GROUP BY customer_id, campaign_id
           )
           SELECT * REPLACE (CASE WHEN arm = 'control' THEN 0 ELSE cost END AS cost),
               campaign_id || CASE WHEN is_exploration THEN ' (explored)' ELSE '' END AS stratum,
               arm = 'treatment' AS is_treated,
               row_number() OVER (ORDER BY assigned_at, campaign_id, customer_id) - 1 AS place
           FROM one"""
    )
    (both,) = connection.execute("SELECT count(*) FROM assigned WHERE arms > 1").fetchone()
    if not both:
        return []
    connection.execute("DELETE FROM assigned WHERE arms > 1")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE assigned AS SELECT *"
        " REPLACE (row_number() OVER (ORDER BY place) - 1 AS place) FROM assigned"
    )
    return [f"{both} customers were in both arms of one campaign (two accounts) and are left out of it"]


def _add_interventions(connection: duckdb.DuckDBPyConnection, file: Path, as_of: date) -> None:
    """Rounds of which something was sent: who was treated or should have been, and who was held out."""
    relation = f"read_parquet('{str(file).replace(chr(39), chr(39) * 2)}')"
    there = {row[0] for row in connection.execute(f"DESCRIBE FROM {relation}").fetchall()}
    columns = ", ".join([*_NEEDED, *(n if n in there else f"NULL::{t} AS {n}" for n, t in _OPTIONAL.items())])
    # Not only what arrived: whoever was to be treated and was not (failed) belongs to the arm drawn (Fisher
    # 1935).
    connection.execute(
        f"""INSERT INTO delivered
            WITH rounds AS (
                SELECT *, bool_or(status = 'sent' AND arm = 'treatment')
                    OVER (PARTITION BY campaign_id) AS is_sent
                FROM (SELECT {columns} FROM {relation}) WHERE decided_at::DATE <= $as_of
            )
            SELECT customer_id, campaign_id, campaign_id, action, arm, decided_at::TIMESTAMP,
                CASE WHEN arm = 'treatment' AND status <> 'sent' THEN 0 ELSE cost END, is_exploration,
                control_share, 1
            FROM rounds WHERE is_sent AND status IN ('sent', 'failed', 'held_out')""",
        {"as_of": as_of},
    )


def later_pairs(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Which assignment was followed by which other one of the same customer, and how many days later."""
    return connection.execute(
        """SELECT a.place, b.place AS later, b.assigned_at::DATE - a.assigned_at::DATE AS days
           FROM assigned a JOIN assigned b ON a.customer_id = b.customer_id AND b.assigned_at > a.assigned_at
               AND b.assigned_at::DATE - a.assigned_at::DATE <= $days
           ORDER BY ALL""",
        {"days": max(parameters()["windows_days"])},
    ).df()
