"""The points ledger: it follows from the bookings, and no balance is ever below zero."""

import numpy as np
import pandas as pd

from roundtrip.simulate.codes import named
from roundtrip.simulate.dice import Dice, unit
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.parameters import Parameters
from roundtrip.simulate.people import People, of_type
from roundtrip.simulate.state import ERASED, GONE, State
from roundtrip.simulate.trips import COMPLETED

ENTRY_TYPES = ("join", "earn", "redeem", "expire", "adjust", "tier_change", "leave")
_JOIN, _EARN, _REDEEM, _EXPIRE, _ADJUST, _TIER, _LEAVE = range(7)
#: Ids within a person's month: single entries below, earnings from here.
_FIRST_EARN = 10


def month_entries(
    p: Parameters,
    month: int,
    booked: pd.DataFrame,
    ended: pd.DataFrame,
    people: People,
    state: State,
    calendar: Calendar,
    dice: Dice,
) -> pd.DataFrame:
    """The contract's `loyalty_ledger` of a month with `person` for customer_id, in order of time.

    Points are signed: earned positive, redeemed and expired negative, so the balance is their sum. What goes
    out comes from the balance at the start of the month, so none falls below zero.

    Args:
        booked: trips of the month.  ended: booking lines that were over in it.
    """
    n = len(state)
    key = dice.key("loyalty", month, np.arange(n))
    moment = calendar.start_of(month) + (unit(key, 0) * 20 * 86_400).astype(np.int64)
    was_member = state.is_member & ~state.has_left_programme & (state.phase != ERASED)
    chunks = []

    def note(who: np.ndarray, at: np.ndarray, kind: int, points, nth) -> None:
        tiers = state.tier[who].copy()
        chunks.append(
            {
                "entry_id": who.astype(np.int64) * 1_000_000 + month * 1_000 + nth,
                "person": who,
                "occurred_at": np.broadcast_to(at, len(who)),
                "entry_type": np.full(len(who), kind, dtype=np.int8),
                "points": np.broadcast_to(points, len(who)).astype(float),
                "tier": tiers,
            }
        )

    balance = state.balance
    leaves = was_member & (state.phase == GONE) & (unit(key, 1) < p.loyalty.leaves_when_gone)
    lapses = (
        was_member & ~leaves & (balance > 0) & (month - state.last_entry_month >= p.loyalty.expire_months)
    )
    travels = np.bincount(booked["person"], minlength=n) > 0
    redeems = was_member & ~leaves & ~lapses & travels & (balance >= p.loyalty.redeems_from_points)
    redeems &= unit(key, 2) < p.loyalty.redeems
    out = np.where(lapses | leaves, balance, np.where(redeems, np.floor(balance * 0.6 / 100) * 100, 0))
    for chosen, kind, nth in ((lapses | (leaves & (balance > 0)), _EXPIRE, 1), (redeems, _REDEEM, 2)):
        who = np.flatnonzero(chosen)
        note(who, moment[who], kind, -out[who], nth)
    who = np.flatnonzero(leaves)
    note(who, moment[who] + 60, _LEAVE, 0.0, 3)
    state.last_entry_month[lapses | redeems] = month
    state.has_left_programme |= leaves
    state.balance -= out

    joined_at = _join(p, month, booked, people, state, note)
    _earn(p, month, ended, joined_at, state, note)
    _move_tiers(p, month, was_member, state, calendar, note)
    found = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    frame = pd.DataFrame(found).sort_values(["occurred_at", "entry_id"], kind="stable", ignore_index=True)
    frame["entry_type"] = named(frame["entry_type"], ENTRY_TYPES)
    frame["tier"] = named(frame["tier"], list(p.loyalty.tiers))
    return frame


def _join(p, month, booked, people, state, note) -> np.ndarray:
    """When people join this month, 0 for all others; epoch seconds, shape (n,)."""
    who = booked["person"].to_numpy()
    wants = unit(booked["key"].to_numpy(), 600) < of_type(p, people.need_type[who], "joins_loyalty")
    rows = np.flatnonzero(wants & ~state.is_member[who])
    who, first = np.unique(who[rows], return_index=True)
    at = booked["booked_at"].to_numpy()[rows[first]] + 300
    state.is_member[who] = True
    note(who, at, _JOIN, 0.0, 4)
    note(who, at + 1, _ADJUST, p.loyalty.welcome_points, 5)
    state.balance[who] += p.loyalty.welcome_points
    state.last_entry_month[who] = month
    joined_at = np.zeros(len(state), dtype=np.int64)
    joined_at[who] = at
    return joined_at


def _earn(p, month, ended, joined_at, state, note) -> None:
    who = ended["person"].to_numpy()
    points = np.round(ended["net_cny"].to_numpy() * p.loyalty.points_per_currency_unit)
    due = (
        (ended["fate"].to_numpy() == COMPLETED)
        & state.is_member[who]
        & ~state.has_left_programme[who]
        & (state.phase[who] != ERASED)
        & (ended["fate_at"].to_numpy() > joined_at[who])
        & (points > 0)
    )
    # Several lines of one trip are one entry.
    who, at, points = who[due], ended["fate_at"].to_numpy()[due], points[due]
    trip, first, line = np.unique(
        ended["booking"].to_numpy()[due] // 10, return_index=True, return_inverse=True
    )
    total = np.bincount(line, points, minlength=len(trip))
    person = who[first]
    # Numbers of entries within the month follow the trips, in order.
    place = np.arange(len(person)) - np.searchsorted(person, person)
    note(person, at[first] + 3_600, _EARN, total, _FIRST_EARN + place)
    state.earned[:, month % 12] = np.bincount(person, total, minlength=len(state))
    state.balance += state.earned[:, month % 12]
    state.last_entry_month[person] = month


def _move_tiers(p, month, was_member, state, calendar, note) -> None:
    """Up at once; down in the yearly review in January."""
    floors = np.array(list(p.loyalty.tiers.values()))
    reached = np.searchsorted(floors, state.earned.sum(axis=1), side="right") - 1
    review = calendar.calendar_months[month] == 0
    tier = np.where(reached > state.tier, reached, np.where(review, reached, state.tier))
    who = np.flatnonzero((tier != state.tier) & was_member & ~state.has_left_programme)
    state.tier[who] = tier[who]
    note(who, np.full(len(who), calendar.start_of(month + 1) - 3_600), _TIER, 0.0, 6)
