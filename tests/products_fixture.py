"""Products made by hand, with the columns that the stages write, put into a published warehouse.

A query that names a column which a stage no longer writes fails on them.
"""

from datetime import date, datetime

import duckdb

from ml import drift
from ml.texts import stage as texts
from ml.uplift import stage as uplift
from roundtrip.measure.tables import CHECKS, EFFECTS
from roundtrip.products import SQL_TYPES
from roundtrip.publish.descriptions import describe
from roundtrip.rollout.tables import TABLES as ROLLOUT
from roundtrip.rounds import assignments
from roundtrip.warn.sources import WARNINGS

EFFECTS_ON_RETURN = {"discount": 0.05, "upgrade": -0.04, "content": 0.0, "care_call": 0.021}
COLUMNS = {
    "action_uplifts": uplift.COLUMNS,
    "campaign_checks": CHECKS,
    "campaign_effects": EFFECTS,
    "interventions": assignments.COLUMNS,
    "model_monitoring": drift.COLUMNS,
    "text_findings": texts.COLUMNS,
    "warnings": WARNINGS,
    **{table: ROLLOUT[table] for table in ("rollout_kpis", "rollout_risks")},
}


def add_products(connection: duckdb.DuckDBPyConnection, as_of: date, customers: list[str]) -> None:
    """Make the tables in schema marts, with comments: at least one row of each, for the first customer."""
    at = datetime.combine(as_of, datetime.min.time())
    first = customers[0]
    rows = {
        "action_uplifts": [
            {"customer_id": first, "as_of_date": as_of, "action": action, "effect_on_value": value,
             "effect_on_return": value / 1000, "evidence": "randomised"}
            for action, value in (("discount", 12.0), ("care_call", 40.0))
        ],
        "campaign_checks": [
            {"campaign_id": "K1", "check": "arms", "passed": True, "told_en": "alike"},
            {"campaign_id": "K2", "check": "sample_ratio", "passed": False, "p_value": 0.0001,
             "told_en": "9% were held out, 20% planned", "measured_on": as_of},
        ],
        "campaign_effects": [
            {"campaign_id": "all", "segment_kind": "all", "segment": "all", "outcome": "return",
             "window_days": window, "action": action, "effect": effect, "ci_low": effect - 0.02,
             "ci_high": effect + 0.02, "n_treatment": 800, "n_control": 200, "cost": 500.0, "net_value": 90.0,
             # A look at 5 % is not one of several that share 5 %: the care call's interval is not enough.
             "verdict": "open" if abs(effect) <= 0.025 else "helps" if effect > 0 else "harms"}
            for window in (30, 90)
            for action, effect in EFFECTS_ON_RETURN.items()
        ],
        "interventions": [
            {"intervention_id": f"R1-{n}", "round_id": "R1", "customer_id": first, "action": "discount",
             "arm": "control" if n == 0 else "treatment", "cost": 0.0 if n == 0 else 18.0,
             "expected_net_value": 40.0, "is_exploration": n == 1, "decided_at": at, "status": "sent"}
            for n in range(5)
        ],
        "model_monitoring": [
            {"as_of_date": as_of, "model_version": "roundtrip-churn/2", "kind": "population",
             "subject": subject, "measure": "psi", "value": value, "threshold": 0.25, "state": state}
            for subject, value, state in (("tenure_days", 0.4, "alarm"), ("gap_count", 0.01, "ok"))
        ],
        "text_findings": [
            {"source_table": "support_tickets", "row_id": "T1", "customer_id": first, "written_on": as_of,
             "cause": "price", "sentiment": "negative"},
            {"source_table": "support_tickets", "row_id": "T2", "customer_id": first, "written_on": as_of},
        ],
        "warnings": [
            {"warning_id": f"W{n}", "customer_id": first, "raised_on": as_of, "as_of_date": as_of,
             "cause": cause, "severity": 3 if n == 0 else 1, "channel": "email" if n else None,
             "churn_probability": 0.5, "value_at_risk": 100.0, "action": "care_call",
             "due_on": as_of, "status": "open"}
            for n, cause in enumerate(("price", "price", "unknown"))
        ],
        "rollout_kpis": [
            {"phase": phase, "indicator": "churn_rate", "baseline": 0.05, "target_low": 0.04,
             "target_high": 0.045, "actual": 0.043, "status": "on_track", "status_reason_en": "in the band"}
            for phase in ("optimisation", "assessment")
        ],
        "rollout_risks": [
            {"risk_id": state, "kind": "demand_market", "state": state, "trigger_value": 0.2,
             "state_reason_en": "now 20%", "contingency": "Call"}
            for state in ("quiet", "watch", "triggered")
        ],
    }  # fmt: skip
    for table, columns in COLUMNS.items():
        types = ", ".join(f'"{name}" {SQL_TYPES[kind]}' for name, kind in columns.items())
        connection.execute(f"CREATE OR REPLACE TABLE marts.{table} ({types})")
        describe(connection, table)
        for row in rows[table]:
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join("?" for _ in row)
            connection.execute(f"INSERT INTO marts.{table} ({names}) VALUES ({marks})", list(row.values()))
