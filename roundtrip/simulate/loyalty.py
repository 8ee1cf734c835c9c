"""The points ledger: it follows from the bookings, and no balance is ever below zero."""

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.people import People
from roundtrip.simulate.randomness import Streams
from roundtrip.simulate.state import GONE, NEVER

_TIERS = np.array(list(p.TIER_POINTS), dtype=object)
_TIER_FLOORS = np.array(list(p.TIER_POINTS.values()))


def ledger(
    bookings: pd.DataFrame,
    customer: np.ndarray,
    phase: np.ndarray,
    people: People,
    calendar: Calendar,
    streams: Streams,
) -> pd.DataFrame:
    """The contract's `loyalty_ledger` without ids, in order of time.

    Points are signed: earn is positive, redeem and expire negative, so the balance is their sum.

    Args:
        bookings: as delivered.  customer: index of each booking's customer.
        phase: customers' phases by month; shape (months, customers).
    """
    rng, n = streams["loyalty"], len(people.customer_id)
    booked_at = bookings["booked_at"].to_numpy()
    joins = rng.random(len(bookings)) < people.of_type("joins_loyalty")[customer]
    joined_at = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(joined_at, customer[joins], booked_at[joins] + 300)
    joined_at = np.where(joined_at < calendar.ends_at, joined_at, np.iinfo(np.int64).max)

    member = np.flatnonzero(joined_at < calendar.ends_at)
    chunks = [
        _entries(member, joined_at[member], "join", 0.0, _TIERS[0]),
        _entries(member, joined_at[member] + 1, "adjust", float(p.WELCOME_POINTS), _TIERS[0]),
    ]
    net = (bookings["gross_amount"] - bookings["discount_amount"]).to_numpy()
    earned_at = bookings["travel_end"].to_numpy() * 86_400 + 75_600
    earns = (bookings["status"] == "completed").to_numpy() & (booked_at + 1_000 >= joined_at[customer])
    earns &= earned_at < calendar.ends_at
    earn_month, booking_month = calendar.month_of(earned_at // 86_400), calendar.month_of(booked_at // 86_400)
    points = np.round(net * p.POINTS_PER_CNY)

    balance, tier = np.zeros(n), np.zeros(n, dtype=int)
    earned = np.zeros((calendar.months, n))
    last_entry, has_left = np.full(n, NEVER), np.zeros(n, dtype=bool)
    joined_month = np.where(joined_at < calendar.ends_at, calendar.month_of(joined_at // 86_400), NEVER)
    for month in range(calendar.months):
        start, end = (int(day) * 86_400 for day in calendar.month_starts[month : month + 2])
        draw, moment = rng.random((n, 2)), start + (rng.random(n) * 20 * 86_400).astype(np.int64)
        is_member = (joined_month != NEVER) & (joined_month < month) & ~has_left

        # What goes out this month comes from the balance at its start, so none falls below zero.
        leaves = is_member & (phase[month] == GONE) & (draw[:, 0] < p.LEAVES_PROGRAMME_WHEN_GONE)
        lapses = is_member & ~leaves & (balance > 0) & (month - last_entry >= p.POINTS_EXPIRE_MONTHS)
        travels = np.bincount(customer[booking_month == month], minlength=n) > 0
        redeems = (
            is_member & ~leaves & travels & (balance >= p.REDEEMS_FROM_POINTS) & (draw[:, 1] < p.REDEEMS)
        )
        out = np.where(lapses | leaves, balance, np.where(redeems, np.floor(balance * 0.6 / 100) * 100, 0))
        for chosen, kind in (
            (lapses, "expire"),
            (redeems & ~lapses, "redeem"),
            (leaves & (balance > 0), "expire"),
        ):
            who = np.flatnonzero(chosen)
            chunks.append(_entries(who, moment[who], kind, -out[who], _TIERS[tier[who]]))
        who = np.flatnonzero(leaves)
        chunks.append(_entries(who, moment[who] + 60, "leave", 0.0, _TIERS[tier[who]]))
        last_entry[lapses | redeems] = month
        has_left |= leaves
        balance -= out

        due = np.flatnonzero(earns & (earn_month == month) & ~has_left[customer] & (points > 0))
        chunks.append(
            _entries(customer[due], earned_at[due], "earn", points[due], _TIERS[tier[customer[due]]])
        )
        earned[month] = np.bincount(customer[due], points[due], minlength=n)
        balance += earned[month] + np.where(joined_month == month, p.WELCOME_POINTS, 0)
        last_entry[np.unique(customer[due])] = month
        last_entry[joined_month == month] = month

        year = earned[max(0, month - 11) : month + 1].sum(axis=0)
        reached = np.searchsorted(_TIER_FLOORS, year, side="right") - 1
        # Up at once; down in the yearly review in January.
        review = calendar.calendar_months[month] == 0
        new_tier = np.where(reached > tier, reached, np.where(review, reached, tier))
        who = np.flatnonzero((new_tier != tier) & is_member & ~has_left)
        chunks.append(
            _entries(who, np.full(len(who), end - 3_600), "tier_change", 0.0, _TIERS[new_tier[who]])
        )
        tier[who] = new_tier[who]

    found = pd.concat([chunk for chunk in chunks if len(chunk)] or chunks[:1], ignore_index=True)
    found = found.sort_values(["occurred_at", "customer"], kind="stable", ignore_index=True)
    found.insert(0, "customer_id", people.customer_id[found.pop("customer")])
    return found


def _entries(customer, occurred_at, entry_type, points, tier) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer": customer,
            "occurred_at": occurred_at,
            "entry_type": entry_type,
            "points": np.broadcast_to(points, len(customer)).astype(float),
            "tier": np.broadcast_to(np.asarray(tier, dtype=object), len(customer)),
        }
    )
