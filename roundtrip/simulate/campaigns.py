"""Campaigns with a treatment and a control arm, and what they truly do."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.people import People
from roundtrip.simulate.randomness import Streams, pick_per_row
from roundtrip.simulate.state import ACTIVE, FADING, NEVER, REACH_CHANNELS, State


@dataclass(frozen=True)
class Plan:
    """A kind of campaign. `true_boost` multiplies the wish to travel for two months after the touch."""

    name: str
    action: str
    audience: str
    unit_cost: float
    true_boost: float


#: Run in this order, one every CAMPAIGN_EVERY_MONTHS. Their true effects differ on purpose: some do nothing.
PLANS = (
    Plan("Season preview 当季灵感", "content", "recent", 0.20, 1.00),
    Plan("Low season offer 淡季特惠", "discount", "recent", 18.00, 1.35),
    Plan("We miss you 回归礼", "discount", "silent", 25.00, 1.60),
    Plan("Double points 双倍积分", "points_bonus", "recent", 9.00, 1.12),
    Plan("Making it right 服务补偿", "service_recovery", "complained", 45.00, 1.20),
    Plan("A call from us 客户关怀", "care_call", "silent", 12.00, 1.15),
    Plan("Room upgrade 升级礼遇", "upgrade", "recent", 30.00, 1.10),
)
CAMPAIGN_EVERY_MONTHS = 2
EFFECT_MONTHS = 2
CONTROL_SHARE = 0.20
AUDIENCE_SHARE = {"recent": 0.30, "silent": 0.45, "complained": 0.80}
SATISFACTION_GAIN_OF_RECOVERY = 0.10
#: Opened and clicked (of those opened) by channel, in the order of REACH_CHANNELS.
_OPENS = np.array([0.26, 0.0, 0.18, 0.55, 0.42])
_CLICKS = np.array([0.16, 0.0, 0.12, 0.0, 0.20])


@dataclass
class Campaigns:
    """What was run, row by row, as epoch seconds; -1 where something did not happen."""

    runs: list[dict] = field(default_factory=list)
    touches: list[pd.DataFrame] = field(default_factory=list)


def run_month(
    month: int, people: People, state: State, calendar: Calendar, streams: Streams, campaigns: Campaigns
) -> None:
    """Start the campaign planned for this month, assign arms at random, and apply the true effect.

    The audience is chosen from what a company can see (bookings, complaints, consent), never from the hidden
    state. The arms are drawn independently of everything.
    """
    if month == 0 or month % CAMPAIGN_EVERY_MONTHS:
        return
    rng = streams["campaigns"]
    number = month // CAMPAIGN_EVERY_MONTHS - 1
    plan = PLANS[number % len(PLANS)]
    quiet_months = month - state.last_trip_month
    has_booked = state.trips > 0
    audience = {
        "recent": has_booked & (quiet_months <= 12),
        "silent": has_booked & (quiet_months >= 6) & (quiet_months <= 30),
        "complained": has_booked & (month - state.last_complaint_month <= 3),
    }[plan.audience]
    draw = rng.random((len(audience), 6))
    audience = audience & state.is_reachable.any(axis=1) & (draw[:, 0] < AUDIENCE_SHARE[plan.audience])
    who = np.flatnonzero(audience)
    treated = draw[who, 1] >= CONTROL_SHARE

    start = int(calendar.month_starts[month]) * 86_400 + 2 * 3_600
    campaigns.runs.append(
        {
            "campaign_id": f"K{number + 1:03d}",
            "name": plan.name,
            "started_at": start,
            "ended_at": int(calendar.month_starts[month + 1]) * 86_400 - 1,
            "action": plan.action,
            "unit_cost": plan.unit_cost,
            "currency": p.CURRENCY,
            "true_boost": plan.true_boost,
        }
    )
    channel = pick_per_row(rng, state.is_reachable[who].astype(float))
    assigned_at = start + (draw[who, 2] * 86_400).astype(np.int64)
    sent_at = assigned_at + 3_600 + (draw[who, 3] * 2 * 86_400).astype(np.int64)
    interest = np.select([state.phase[who] == ACTIVE, state.phase[who] == FADING], [1.0, 0.5], 0.25)
    opened = treated & (draw[who, 4] < _OPENS[channel] * interest)
    clicked = opened & (draw[who, 5] < _CLICKS[channel])
    opened_at = sent_at + (rng.exponential(0.5, len(who)) * 86_400).astype(np.int64) + 60
    clicked_at = opened_at + (rng.exponential(0.02, len(who)) * 86_400).astype(np.int64) + 5
    happened = opened_at < calendar.ends_at - 86_400
    campaigns.touches.append(
        pd.DataFrame(
            {
                "campaign_id": f"K{number + 1:03d}",
                "customer": who,
                "assigned_at": assigned_at,
                "arm": np.where(treated, "treatment", "control"),
                "channel": np.array(REACH_CHANNELS, dtype=object)[channel],
                "sent_at": np.where(treated, sent_at, -1),
                "opened_at": np.where(opened & happened, opened_at, -1),
                "clicked_at": np.where(clicked & happened, clicked_at, -1),
            }
        )
    )
    reached = who[treated]
    state.boost[reached] = plan.true_boost
    state.boost_until[reached] = month + EFFECT_MONTHS - 1
    state.discount_until[reached] = month + EFFECT_MONTHS - 1 if plan.action == "discount" else NEVER
    if plan.action == "service_recovery":
        state.satisfaction[reached] = np.minimum(
            state.satisfaction[reached] + SATISFACTION_GAIN_OF_RECOVERY, 0.95
        )
