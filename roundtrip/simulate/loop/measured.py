"""What the company itself found out about its rounds, by its holdouts: the last measurement of a loop."""

from dataclasses import dataclass
from datetime import date

from roundtrip.duck import connect
from roundtrip.home import Home
from roundtrip.rounds.store import SENT, rounds


@dataclass(frozen=True)
class Measured:
    """Of all rounds whose windows had closed; numbers are None where nothing could be measured.

    Attributes:
        sent, held_out: assignments.  cost: of those sent, all rounds; cost_of_exploring: of those that
            were drawn to learn.  budget, expected_kept: of all rounds that were sent; customers whom their
            plans expected to keep.
        effect_on_return: of being treated, on the probability of a booking in the window, with its 95 %
            interval.  effect_on_margin: the same of the margin in the window.
    """

    sent: int
    held_out: int
    cost: float
    cost_of_exploring: float
    budget: float
    expected_kept: float
    effect_on_return: tuple[float, float, float] | None
    effect_on_margin: tuple[float, float, float] | None


def measured(home: Home, day: date, window_days: int = 90) -> Measured:
    """The newest measurement of the company's own rounds, pooled over campaigns and actions."""
    with connect(home.current_db, home.tmp_dir, read_only=True) as warehouse:
        sent, held_out, cost, cost_of_exploring = warehouse.execute(
            """SELECT count(*) FILTER (status = 'sent' AND arm = 'treatment'),
                      count(*) FILTER (arm = 'control' AND status IN ('sent', 'held_out')),
                      coalesce(sum(cost) FILTER (status = 'sent' AND arm = 'treatment'), 0),
                      coalesce(sum(cost) FILTER (status = 'sent' AND arm = 'treatment' AND is_exploration), 0)
               FROM marts.interventions"""
        ).fetchone()
        found = {
            outcome: effect
            for outcome, *effect in warehouse.execute(
                """SELECT outcome, effect, ci_low, ci_high FROM marts.campaign_effects
                   WHERE campaign_id = 'rounds' AND action = 'all' AND segment_kind = 'all'
                       AND window_days = ? AND measured_on <= ? AND effect IS NOT NULL""",
                [window_days, day],
            ).fetchall()
        }
    plans = [each.plan for each in rounds(home) if each.state == SENT]
    return Measured(
        sent,
        held_out,
        float(cost),
        float(cost_of_exploring),
        sum(plan["budget"] for plan in plans),
        sum(plan.get("expected_kept") or 0.0 for plan in plans),
        tuple(found["return"]) if "return" in found else None,
        tuple(found["margin"]) if "margin" in found else None,
    )
