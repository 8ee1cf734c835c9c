"""From trips to booking lines: what was bought, for how much, and how it stands on a day."""

import numpy as np
import pandas as pd

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.codes import named
from roundtrip.simulate.dice import unit
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.parameters import BOOKING_CHANNELS, SERVICE_LINES, Parameters
from roundtrip.simulate.people import People
from roundtrip.simulate.places import CNY_PER_UNIT, HOME_CURRENCY, NAMES
from roundtrip.simulate.state import State
from roundtrip.simulate.trips import ACTIVITY, BY_CUSTOMER, BY_SUPPLIER

_STATUSES = ("confirmed", "completed", "cancelled_by_customer", "cancelled_by_supplier", "no_show")
_STATUS_OF_FATE = np.array([1, 2, 3, 4], dtype=np.int8)
_CURRENCIES = tuple(sorted(CNY_PER_UNIT))
_TOWN_CURRENCY = np.array([_CURRENCIES.index(code) for code in HOME_CURRENCY], dtype=np.int8)
CNY_PER_CODE = np.array([CNY_PER_UNIT[code] for code in _CURRENCIES])


def booking_lines(
    p: Parameters, trips: pd.DataFrame, people: People, state: State, calendar: Calendar
) -> pd.DataFrame:
    """Every trip's main line and what was added to it, in order of time.

    Most of what is added is bought in the same hour, some in the days after.

    Returns:
        The trips' columns with one row per line, plus is_main, booking (the id's number), gross, discount and
        margin (in `currency`, an index), net_cny.
    """
    chance = np.zeros((len(SERVICE_LINES), len(SERVICE_LINES)))
    for added, mains in p.prices.add_ons.items():
        for main, probability in mains.items():
            chance[SERVICE_LINES.index(main), SERVICE_LINES.index(added)] = probability
    main_line, person = trips["line"].to_numpy(), trips["person"].to_numpy()
    key = trips["key"].to_numpy()
    is_added = unit(dice_of.split(key[:, None], 200 + np.arange(len(SERVICE_LINES)))) < chance[main_line]
    dropped = state.dropped_line[person]
    is_added[np.flatnonzero(dropped >= 0), dropped[dropped >= 0]] = False
    of_trip, added_line = np.nonzero(is_added)

    rows = trips.iloc[np.concatenate([np.arange(len(trips)), of_trip])].reset_index(drop=True)
    rows["is_main"] = np.arange(len(rows)) < len(trips)
    rows["line"] = np.concatenate([main_line, added_line])
    line_key = dice_of.split(rows["key"].to_numpy(), 300 + rows["line"].to_numpy())
    rows["booked_at"] = _added_at(p, rows, line_key, calendar)
    rows["fate_at"] = np.maximum(rows["fate_at"].to_numpy(), rows["booked_at"].to_numpy() + 1_200)
    rows["booking"] = (
        rows["person"].to_numpy(np.int64) * 1_000_000
        + rows["month"].to_numpy() * 1_000
        + rows["nth"].to_numpy() * 10
        + rows["line"].to_numpy()
    )
    _price(p, rows, line_key, people)
    return rows.sort_values(["booked_at", "booking"], kind="stable", ignore_index=True)


def _added_at(p: Parameters, rows: pd.DataFrame, key: np.ndarray, calendar: Calendar) -> np.ndarray:
    booked_at, is_main = rows["booked_at"].to_numpy(), rows["is_main"].to_numpy()
    # Within the hour, but never past midnight: the lines of one sitting are one purchase occasion.
    day_ends = booked_at // 86_400 * 86_400 + 86_399
    soon = np.minimum(booked_at + 40 + (unit(key, 0) * 860).astype(np.int64), day_ends)
    later = booked_at + (dice_of.exponential(unit(key, 1), p.prices.add_on_days) * 86_400).astype(np.int64)
    month_ends = np.array([calendar.start_of(m + 1) for m in rows["month"].unique()])
    ends = month_ends[np.searchsorted(rows["month"].unique(), rows["month"].to_numpy())]
    fits = (
        (later < ends)
        & (later < rows["travel_start"].to_numpy() * 86_400)
        & (later < rows["fate_at"].to_numpy())
    )
    is_later = (unit(key, 2) < p.prices.add_on_later) & fits
    return np.where(is_main, booked_at, np.where(is_later, later, soon))


def _price(p: Parameters, rows: pd.DataFrame, key: np.ndarray, people: People) -> None:
    size, line, travellers = len(rows), rows["line"].to_numpy(), rows["travellers"].to_numpy()
    nights = (rows["travel_end"] - rows["travel_start"]).to_numpy()
    person = rows["person"].to_numpy()
    base = np.array([p.prices.base[name].price for name in SERVICE_LINES])[line]
    per = np.array([p.prices.base[name].per for name in SERVICE_LINES], dtype=object)[line]
    times = units(per, travellers, nights)
    noise = dice_of.lognormal(unit(key, 3), np.exp(-(p.prices.noise**2) / 2), p.prices.noise)
    gross = base * times * rows["price_factor"].to_numpy() * noise
    campaign = rows["has_campaign"].to_numpy()
    usual = p.prices.discount_base + p.prices.discount_per_sensitivity * people.price_sensitivity[person]
    is_discounted = unit(key, 4) < np.where(campaign, 0.9, usual)
    low, high = (
        np.where(campaign[:, None], p.prices.campaign_discount_range, p.prices.discount_range)
        .reshape(size, 2)
        .T
    )
    discount = gross * (low + (high - low) * unit(key, 5)) * is_discounted
    rate = np.array([p.prices.margin_rates[name] for name in SERVICE_LINES])[line]
    rate = rate * np.maximum(1 + 0.15 * dice_of.normal(unit(key, 6)), 0.3)
    margin = gross * rate - p.prices.discount_borne * discount

    currency = _TOWN_CURRENCY[people.town[person]]
    rows["currency"] = currency
    for name, amount in (("gross", gross), ("discount", discount), ("margin", margin)):
        rows[name] = np.round(amount / CNY_PER_CODE[currency], 2)
    rows["net_cny"] = gross - discount


def units(per: np.ndarray, travellers: np.ndarray, nights: np.ndarray) -> np.ndarray:
    """What a base price is multiplied by: persons, rooms and nights, days, or persons and nights."""
    rooms = np.ceil(travellers / 2)
    return np.select(
        [per == "person", per == "room_night", per == "day"],
        [travellers, rooms * np.maximum(nights, 1), nights + 1],
        travellers * np.maximum(nights, 1),
    )


def as_of(rows: pd.DataFrame, account: np.ndarray, known_until: int) -> pd.DataFrame:
    """The contract's `bookings` as they stand at an epoch second; times in epoch seconds."""
    fate, fate_at = rows["fate"].to_numpy(), rows["fate_at"].to_numpy()
    # Systems learn of an end within the hour, and book it then.
    is_over = fate_at + 3_600 < known_until
    is_cancelled = is_over & np.isin(fate, (BY_CUSTOMER, BY_SUPPLIER))
    line = rows["line"].to_numpy()
    return pd.DataFrame(
        {
            "booking_id": rows["booking"].to_numpy(),
            "customer_id": account,
            "booked_at": rows["booked_at"].to_numpy(),
            "updated_at": np.where(is_over, fate_at + 3_600, rows["booked_at"].to_numpy()),
            "service_line": named(line, SERVICE_LINES),
            "destination": named(rows["destination"].to_numpy(), NAMES),
            "travel_start": rows["travel_start"].to_numpy(),
            "travel_end": np.where(line == ACTIVITY, rows["travel_start"], rows["travel_end"]),
            "travellers": rows["travellers"].to_numpy(),
            "channel": named(rows["channel"].to_numpy(), BOOKING_CHANNELS),
            "gross_amount": rows["gross"].to_numpy(),
            "discount_amount": rows["discount"].to_numpy(),
            "margin_amount": rows["margin"].to_numpy(),
            "currency": named(rows["currency"].to_numpy(), _CURRENCIES),
            "status": named(np.where(is_over, _STATUS_OF_FATE[fate], 0), _STATUSES),
            "cancelled_at": np.where(is_cancelled, fate_at, -1),
        }
    )


def is_known_at(rows: pd.DataFrame, known_until: int) -> np.ndarray:
    """Which lines are over, and known to be, at an epoch second."""
    return rows["fate_at"].to_numpy() + 3_600 < known_until
