"""Who is approached, by which campaign, and how: campaigns before the plan, the programme in it, and orders.

Audiences are chosen from what a company can see (bookings, complaints, consent), never from the hidden state.
Arms are drawn independently of everything.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.codes import named
from roundtrip.simulate.dice import Dice, unit
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.parameters import ACTIONS, BOOKING_CHANNELS, REACH_CHANNELS, Parameters
from roundtrip.simulate.people import People, of_type
from roundtrip.simulate.state import ACTIVE, ERASED, FADING, State


@dataclass(frozen=True)
class Plan:
    """A kind of campaign of the time before the plan."""

    name: str
    action: str
    audience: str


#: Run in this order, one every campaigns.every_months.
PLANS = (
    Plan("Season preview 当季灵感", "content", "recent"),
    Plan("Low season offer 淡季特惠", "discount", "recent"),
    Plan("We miss you 回归礼", "discount", "silent"),
    Plan("Double points 双倍积分", "points_bonus", "recent"),
    Plan("Making it right 服务补偿", "service_recovery", "complained"),
    Plan("A call from us 客户关怀", "care_call", "silent"),
    Plan("Room upgrade 升级礼遇", "upgrade", "recent"),
)
_ROUND_NAMES = {
    "discount": "Retention offer 挽留优惠", "points_bonus": "Retention points 挽留积分",
    "upgrade": "Retention upgrade 挽留升级", "service_recovery": "Service recovery 服务补救",
    "care_call": "Care call 关怀电话", "content": "Inspiration 灵感推荐",
}  # fmt: skip
#: Typical months between trips that the programme assumes of customers with few of them, and its weight.
_USUAL_GAP_MONTHS, _USUAL_GAP_WEIGHT = 6.0, 2.0
_PRICE_HUNTER_FROM = 0.34  # share of trips bought with a discount
_PERSONAL_CHANNELS = tuple(BOOKING_CHANNELS.index(name) for name in ("phone", "store"))


@dataclass(frozen=True)
class Approach:
    """One campaign of a month: whom it assigns and to which arm.

    Attributes:
        who: people; twice where both accounts are assigned.  copy: the account.  is_treated: the arm.
        channel: index into REACH_CHANNELS, -1 where nothing can be sent.
    """

    campaign_id: str
    name: str
    action: int
    who: np.ndarray
    copy: np.ndarray
    is_treated: np.ndarray
    channel: np.ndarray


def planned(
    p: Parameters, month: int, plan_starts: int, people: People, state: State, calendar: Calendar, dice: Dice
) -> list[Approach]:
    """What the scripted company does in a month: a campaign before the plan, a retention round in it."""
    if month >= plan_starts:
        return _retention_round(p, month, month - plan_starts, people, state, calendar, dice)
    if month == 0 or month % p.campaigns.every_months:
        return []
    number = month // p.campaigns.every_months - 1
    plan = PLANS[number % len(PLANS)]
    quiet = month - state.last_trip_month.astype(int)
    has_booked = state.trips > 0
    audience = {
        "recent": has_booked & (quiet <= 12),
        "silent": has_booked & (quiet >= 6) & (quiet <= 30),
        "complained": has_booked & (month - state.last_complaint_month.astype(int) <= 3),
    }[plan.audience]
    who = np.flatnonzero(audience & state.is_reachable.any(axis=1) & (state.phase != ERASED))
    key = dice.key("campaign", month, who)
    who, key = (a[unit(key, 0) < p.campaigns.audience_share[plan.audience]] for a in (who, key))
    return [
        Approach(
            campaign_id=f"K{number + 1:03d}",
            name=plan.name,
            action=ACTIONS.index(plan.action),
            who=who,
            copy=np.zeros_like(who),
            is_treated=unit(key, 1) >= p.campaigns.control_share,
            channel=_channel(who, state, unit(key, 2)),
        )
    ]


def _retention_round(p, month, plan_month, people, state, calendar, dice) -> list[Approach]:
    """A simple rule: who is overdue or complained gets what seems to fit; a share is held out at random."""
    programme = p.campaigns.programme
    if plan_month < programme.pilot_from:
        return []
    quiet = month - state.last_trip_month.astype(int)
    span = (state.last_trip_month - state.first_trip_month).astype(float)
    gap = (span + _USUAL_GAP_MONTHS * _USUAL_GAP_WEIGHT) / (
        np.maximum(state.trips - 1, 0) + _USUAL_GAP_WEIGHT
    )
    overdue = quiet / np.maximum(gap, 1.0)
    complained = month - state.last_complaint_month.astype(int) <= 2
    at_risk = ((overdue >= programme.overdue_from) & (overdue <= programme.overdue_to)) | complained
    rested = month - state.last_touch_month.astype(int) > programme.rest_months
    fits = at_risk & rested & (state.trips > 0) & state.is_reachable.any(axis=1) & (state.phase != ERASED)
    who = np.flatnonzero(fits)
    key = dice.key("retention round", month, who)
    if plan_month < programme.full_from:
        who, key = (a[unit(key, 0) < programme.pilot_share] for a in (who, key))

    hunts = state.discounted_trips[who] >= _PRICE_HUNTER_FROM * state.trips[who]
    is_member = state.is_member[who] & ~state.has_left_programme[who]
    personal = np.isin(of_type(p, people.need_type[who], "channels").argmax(axis=1), _PERSONAL_CHANNELS)
    action = np.select(
        [complained[who], hunts, personal & state.is_reachable[who, 3], is_member],
        [ACTIONS.index(name) for name in ("service_recovery", "discount", "care_call", "points_bonus")],
        np.where(state.trips[who] >= 4, ACTIONS.index("upgrade"), ACTIONS.index("content")),
    )
    is_treated, channel = unit(key, 1) >= programme.holdout_share, _channel(who, state, unit(key, 2))
    label = calendar.label(month)
    return [
        Approach(
            campaign_id=f"R{label.replace('-', '')}-{ACTIONS[chosen]}",
            name=f"{_ROUND_NAMES[ACTIONS[chosen]]} {label}",
            action=int(chosen),
            who=who[action == chosen],
            copy=np.zeros_like(who[action == chosen]),
            is_treated=is_treated[action == chosen],
            channel=channel[action == chosen],
        )
        for chosen in np.unique(action)
    ]


def ordered(orders: pd.DataFrame, month: int, state: State, calendar: Calendar, dice: Dice) -> list[Approach]:
    """The campaigns that an interventions file asks for.

    Args:
        orders: person, copy (the account), action (code), is_treated, channel (-1: choose one), campaign_id
            (None: one per action and month), in a fixed order.
    """
    label = calendar.label(month)
    default = np.array([f"I{label.replace('-', '')}-{name}" for name in ACTIONS], dtype=object)
    campaign = np.where(orders["campaign_id"].isna(), default[orders["action"]], orders["campaign_id"])
    found = []
    for campaign_id in sorted(set(campaign)):
        rows = orders[campaign == campaign_id]
        who = rows["person"].to_numpy()
        chosen = _channel(who, state, dice.unit("ordered channel", month, who))
        action = int(rows["action"].iloc[0])
        found.append(
            Approach(
                campaign_id=campaign_id,
                name=f"{_ROUND_NAMES[ACTIONS[action]]} {label}",
                action=action,
                who=who,
                copy=rows["copy"].to_numpy(),
                is_treated=rows["is_treated"].to_numpy(),
                channel=np.where(rows["channel"] >= 0, rows["channel"], chosen),
            )
        )
    return found


def _channel(who: np.ndarray, state: State, u: np.ndarray) -> np.ndarray:
    reach = state.is_reachable[who]
    return np.where(reach.any(axis=1), dice_of.pick_per_row(u, reach.astype(float)), -1)


def campaign_rows(p: Parameters, month: int, approaches: list[Approach], calendar: Calendar) -> pd.DataFrame:
    """The contract's `campaigns`."""
    return pd.DataFrame(
        {
            "campaign_id": np.array([a.campaign_id for a in approaches], dtype=object),
            "name": np.array([a.name for a in approaches], dtype=object),
            "started_at": np.full(len(approaches), calendar.start_of(month), dtype=np.int64),
            "ended_at": np.full(len(approaches), calendar.start_of(month + 1) - 1, dtype=np.int64),
            "action": np.array([ACTIONS[a.action] for a in approaches], dtype=object),
            "unit_cost": np.array(
                [p.actions.kinds[ACTIONS[a.action]].unit_cost for a in approaches], dtype=float
            ),
            "currency": np.full(len(approaches), p.company.currency, dtype=object),
        }
    )


def touch_rows(
    p: Parameters, month: int, approach: Approach, state: State, calendar: Calendar, dice: Dice
) -> pd.DataFrame:
    """The contract's `campaign_touches` of one campaign, with `person` and `copy` for customer_id.

    Nothing is sent to controls, nor to whom no channel reaches.
    """
    who, channel = approach.who, approach.channel
    key = dice.key("touch", month, who, approach.action)
    number = who.astype(np.int64) * 1_000_000 + month * 1_000 + 10 * approach.copy + approach.action
    starts, ends = calendar.start_of(month) + 2 * 3_600, calendar.start_of(month + 1) - 60
    assigned_at = starts + (unit(key, 0) * 86_400).astype(np.int64)
    sent_at = assigned_at + 3_600 + (unit(key, 1) * 2 * 86_400).astype(np.int64)
    is_sent = approach.is_treated & (channel >= 0)
    interest = np.select([state.phase[who] == ACTIVE, state.phase[who] == FADING], [1.0, 0.5], 0.25)
    opens = np.array([p.campaigns.opens[name] for name in REACH_CHANNELS])[channel]
    clicks = np.array([p.campaigns.clicks[name] for name in REACH_CHANNELS])[channel]
    opened = is_sent & (unit(key, 2) < opens * interest)
    clicked = opened & (unit(key, 3) < clicks)
    opened_at = sent_at + (dice_of.exponential(unit(key, 4), 0.5) * 86_400).astype(np.int64) + 60
    opened_at = np.minimum(opened_at, ends - 3_600)
    clicked_at = np.minimum(
        opened_at + (dice_of.exponential(unit(key, 5), 0.02) * 86_400).astype(np.int64) + 5, ends
    )
    return pd.DataFrame(
        {
            "touch_id": number,
            "campaign_id": np.full(len(who), approach.campaign_id, dtype=object),
            "person": who,
            "copy": approach.copy,
            "assigned_at": assigned_at,
            "arm": named(np.where(approach.is_treated, 0, 1), ["treatment", "control"]),
            "channel": named(np.where(channel >= 0, channel, -1), REACH_CHANNELS),
            "sent_at": np.where(is_sent, sent_at, -1),
            "opened_at": np.where(opened, opened_at, -1),
            "clicked_at": np.where(clicked, clicked_at, -1),
        }
    )
