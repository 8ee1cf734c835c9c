"""The names a plan may use: what is counted, what shows that a task is done, what makes a risk come true."""

from dataclasses import dataclass
from typing import Literal

PLAN_MONTHS = 12
DIRECTIONS = ("down", "up")
LEVELS = ("low", "medium", "high")
RISK_KINDS = ("data_security_privacy", "technical_compatibility", "demand_market")
RESOURCE_KINDS = ("people", "technology", "money", "platform")
RESOURCE_MEASURES = ("retention_costs", "run_hours")


@dataclass(frozen=True)
class Indicator:
    """An indicator of marts.kpi_months that a target may name.

    Attributes:
        kind: rate (a share of customers), mean (of answers) or money (a sum, told per month).
        outcome: of products/campaign_effects, which tells it against the held-out; None: none does.
    """

    kind: Literal["rate", "mean", "money"]
    outcome: str | None = None


#: Those whose numerator and denominator are sums over customers in marts.fct_customer_activity
#: (queries/target_spread.sql), so that their interval can be told.
INDICATORS = {
    "churn_rate": Indicator("rate", "return"),
    "retention_rate": Indicator("rate", "return"),
    "win_back_rate": Indicator("rate"),
    "complaint_rate": Indicator("rate"),
    "satisfaction": Indicator("mean", "satisfaction"),
    "revenue": Indicator("money", "revenue"),
    "margin": Indicator("money", "margin"),
}

#: roundtrip/rollout/evidence.py finds the first date of each.
EVIDENCE = (
    "first_publication",
    "gates_passed",
    "causes_published",
    "first_champion",
    "first_round_planned",
    "first_warnings",
    "first_round_sent",
    "first_effect_measured",
    "round_after_evaluation",
)

#: Measures of risks with their unit; roundtrip/rollout/triggers.py and budget.py compute them.
TRIGGERS = {
    "erasure_waiting_days": "days",
    "consent_withdrawals_ratio": "ratio",
    "failed_gates_30d": "count",
    "refused_rows_share": "share",
    "failed_runs_30d": "count",
    "data_delay_days": "days",
    "score_stability_index": "score",
    "calibration_error": "share",
    "demand_fall_share": "share",
    "price_above_competitors_share": "share",
    "largest_channel_share": "share",
    "budget_spent_share": "share",
}
