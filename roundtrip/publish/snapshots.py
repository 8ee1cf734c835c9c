"""Which products are whole in every file, and the types of those that others build upon."""

from roundtrip.publish import scores

#: A file holds everything as known on its date, since rows change their status: only the newest is published.
SNAPSHOTS = frozenset(
    {
        "action_uplifts",
        "campaign_checks",
        "campaign_effects",
        "customer_preferences",
        "interventions",
        "line_associations",
        "rollout_kpis",
        "rollout_resources",
        "rollout_risks",
        "rollout_tasks",
        "segment_migrations",
        "segment_profiles",
        "text_findings",
        "warning_history",
        "warnings",
    }
)

#: Columns of the published contract: one that is empty in every row has no type in Parquet.
TYPES = {
    scores.TABLE: scores.COLUMNS,
    "warnings": {
        "warning_id": "VARCHAR",
        "customer_id": "VARCHAR",
        "raised_on": "DATE",
        "signals": "VARCHAR",
        "reasons": "VARCHAR",
        "cause": "VARCHAR",
        "churn_probability": "DOUBLE",
        "value_at_risk": "DOUBLE",
        "action": "VARCHAR",
        "channel": "VARCHAR",
        "due_on": "DATE",
        "status": "VARCHAR",
    },
    "interventions": {
        "intervention_id": "VARCHAR",
        "customer_id": "VARCHAR",
        "campaign_id": "VARCHAR",
        "action": "VARCHAR",
        "arm": "VARCHAR",
        "expected_uplift": "DOUBLE",
        "expected_net_value": "DOUBLE",
        "cost": "DOUBLE",
        "decided_at": "TIMESTAMP",
        "outcome": "VARCHAR",
    },
    "rollout_kpis": {
        "phase": "VARCHAR",
        "indicator": "VARCHAR",
        "baseline": "DOUBLE",
        "target": "DOUBLE",
        "actual": "DOUBLE",
        "ci_low": "DOUBLE",
        "ci_high": "DOUBLE",
        "status": "VARCHAR",
    },
    "rollout_tasks": {
        "task_id": "VARCHAR",
        "phase": "VARCHAR",
        "due_on": "DATE",
        "done_on": "DATE",
        "status": "VARCHAR",
    },
    "rollout_risks": {
        "risk_id": "VARCHAR",
        "probability": "VARCHAR",
        "impact": "VARCHAR",
        "trigger": "VARCHAR",
        "state": "VARCHAR",
        "contingency": "VARCHAR",
    },
}
