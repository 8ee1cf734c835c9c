"""One customer's story: who they are by pseudonymous id, what happened to them, and what is said of them."""

from dataclasses import dataclass

from roundtrip.queries import Refused, Warehouse

#: What became of a customer, one source a part, each under the kind that the texts name.
_EVENTS = {
    "stage": "SELECT changed_on AS day, from_stage, to_stage FROM marts.fct_lifecycle_changes",
    "booking": (
        "SELECT CAST(booked_at AS DATE) AS day, service_line, destination, status, travel_start, net_value "
        "FROM marts.fct_bookings"
    ),
    "churn": "SELECT churned_on AS day, severity, cause, cause_confidence FROM marts.fct_churn",
    "warning": "SELECT raised_on AS day, cause, severity, action, status FROM marts.warnings",
    "intervention": (
        "SELECT CAST(decided_at AS DATE) AS day, action, arm, status, cost FROM marts.interventions"
    ),
}
_SCORES = """
SELECT * FROM marts.customer_scores WHERE customer_id = $customer ORDER BY as_of_date DESC LIMIT 12
"""
_NOTABLE = """
SELECT customer_id, lifecycle_stage, value_tier, bookings FROM marts.dim_customers
WHERE lifecycle_stage NOT IN ('prospect', 'lost')
ORDER BY lifetime_value DESC NULLS LAST, bookings DESC, customer_id LIMIT 8
"""


@dataclass(frozen=True)
class Story:
    """A customer's story.

    Attributes:
        customer: the row of dim_customers.
        events: kind, day and what its source tells, newest first.
        scores: rows of customer_scores, newest first; None where nobody is scored.
        unknown: kinds of events whose table is not published.
    """

    customer: dict
    events: list[dict]
    scores: list[dict] | None
    unknown: list[str]


def story(warehouse: Warehouse, customer_id: str) -> Story | None:
    """The story of a customer id; None where nobody has it."""
    asked = {"customer": customer_id}
    found = warehouse.rows("SELECT * FROM marts.dim_customers WHERE customer_id = $customer", asked)
    if not found:
        return None
    events, unknown = [], []
    for kind, sql in _EVENTS.items():
        rows = _if_published(warehouse, f"{sql} WHERE customer_id = $customer", asked)
        if rows is None:
            unknown.append(kind)
        events += [{"kind": kind, **row} for row in rows or []]
    events.sort(key=lambda event: event["day"], reverse=True)
    return Story(found[0], events, _if_published(warehouse, _SCORES, asked), unknown)


def examples(warehouse: Warehouse) -> list[dict]:
    """Customers to begin with: current ones of the highest value (without prices, with most bookings)."""
    return warehouse.rows(_NOTABLE)


def _if_published(warehouse: Warehouse, sql: str, parameters: dict) -> list[dict] | None:
    try:
        return warehouse.rows(sql, parameters)
    except Refused as refusal:
        if refusal.why != "no_table":
            raise
        return None
