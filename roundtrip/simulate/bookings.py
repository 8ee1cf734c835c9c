"""From trips to booking lines: what was bought, for how much, and how it stands at the end."""

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.people import People
from roundtrip.simulate.places import NAMES
from roundtrip.simulate.randomness import Streams
from roundtrip.simulate.trips import BY_CUSTOMER, BY_SUPPLIER, NO_SHOW

_CHANNELS = np.array(p.BOOKING_CHANNELS, dtype=object)
_LINES = np.array(p.SERVICE_LINES, dtype=object)


def booking_lines(
    trips: pd.DataFrame, people: People, dropped: tuple, calendar: Calendar, streams: Streams
) -> pd.DataFrame:
    """Every trip's main line and what was added to it in the same hour, in order of time.

    Args:
        trips: one row a trip, with a `trip` number.
        dropped: (line index or -1, month index) per customer: a dropped line is not added any more.

    Returns:
        The contract's columns without status, plus trip, fate, fate_at, customer.
    """
    rng = streams["lines"]
    chance = np.zeros((len(p.SERVICE_LINES), len(p.SERVICE_LINES)))
    for added, mains in p.ADD_ONS.items():
        for main, probability in mains.items():
            chance[p.SERVICE_LINES.index(main), p.SERVICE_LINES.index(added)] = probability
    main_line, customer = trips["line"].to_numpy(), trips["customer"].to_numpy()
    is_added = rng.random((len(trips), len(p.SERVICE_LINES))) < chance[main_line]
    has_dropped = (dropped[0][customer] >= 0) & (
        dropped[1][customer] <= calendar.month_of(trips["booked_at"].to_numpy() // 86_400)
    )
    is_added[has_dropped, dropped[0][customer][has_dropped]] = False
    of_trip, added_line = np.nonzero(is_added)
    both = np.concatenate([np.arange(len(trips)), of_trip])
    line = np.concatenate([main_line, added_line])
    later = np.concatenate([np.zeros(len(trips), dtype=np.int64), rng.integers(40, 900, len(of_trip))])

    rows = trips.iloc[both].reset_index(drop=True)
    # Never past midnight: the lines of one trip are one purchase occasion.
    day_ends = rows["booked_at"].to_numpy() // 86_400 * 86_400 + 86_399
    rows["booked_at"] = np.minimum(rows["booked_at"].to_numpy() + later, day_ends)
    rows["fate_at"] = np.maximum(rows["fate_at"].to_numpy(), rows["booked_at"].to_numpy() + 1_200)
    rows["line"] = line
    rows = rows.sort_values(["booked_at", "trip", "line"], kind="stable", ignore_index=True)
    _price(rows, people, rng)
    return rows


def _price(rows: pd.DataFrame, people: People, rng: np.random.Generator) -> None:
    size, line, travellers = len(rows), rows["line"].to_numpy(), rows["travellers"].to_numpy()
    nights = (rows["travel_end"] - rows["travel_start"]).to_numpy()
    rooms = np.ceil(travellers / 2)
    base = np.array([p.BASE_PRICES[name][0] for name in p.SERVICE_LINES])[line]
    unit = np.array([p.BASE_PRICES[name][1] for name in p.SERVICE_LINES], dtype=object)[line]
    times = np.select(
        [unit == "person", unit == "room_night", unit == "day"],
        [travellers, rooms * np.maximum(nights, 1), nights + 1],
        travellers * np.maximum(nights, 1),
    )
    noise = rng.lognormal(-(p.PRICE_NOISE**2) / 2, p.PRICE_NOISE, size)
    gross = np.round(base * times * rows["price_factor"].to_numpy() * noise, 2)
    sensitivity = people.price_sensitivity[rows["customer"]]
    campaign = rows["has_campaign"].to_numpy()
    is_discounted = rng.random(size) < np.where(campaign, 0.9, 0.10 + 0.35 * sensitivity)
    share = np.where(campaign, rng.uniform(0.08, 0.18, size), rng.uniform(0.03, 0.15, size))
    discount = np.round(gross * share * is_discounted, 2)
    rate = np.array(p.MARGIN_RATES)[line] * rng.normal(1, 0.15, size)
    rows["gross_amount"] = gross
    rows["discount_amount"] = discount
    # A discount is paid for by the company, half of it by the supplier.
    rows["margin_amount"] = np.round(gross * rate - 0.5 * discount, 2)


def as_delivered(rows: pd.DataFrame, people: People, calendar: Calendar) -> pd.DataFrame:
    """The contract's `bookings` as they stand at the end of the history (times are epoch seconds)."""
    fate, fate_at = rows["fate"].to_numpy(), rows["fate_at"].to_numpy()
    booked_at = rows["booked_at"].to_numpy()
    is_over = fate_at < calendar.ends_at - 86_400
    is_cancelled = is_over & np.isin(fate, (BY_CUSTOMER, BY_SUPPLIER))
    status = np.select(
        [~is_over, fate == BY_CUSTOMER, fate == BY_SUPPLIER, fate == NO_SHOW],
        ["confirmed", "cancelled_by_customer", "cancelled_by_supplier", "no_show"],
        "completed",
    )
    line = rows["line"].to_numpy()
    return pd.DataFrame(
        {
            "booking_id": np.char.mod("B%08d", np.arange(1, len(rows) + 1)).astype(object),
            "customer_id": people.customer_id[rows["customer"]],
            "booked_at": booked_at,
            "updated_at": np.where(is_over, fate_at + 3_600, booked_at),
            "service_line": _LINES[line],
            "destination": NAMES[rows["destination"]],
            "travel_start": rows["travel_start"].to_numpy(),
            "travel_end": np.where(
                line == p.SERVICE_LINES.index("activity"), rows["travel_start"], rows["travel_end"]
            ),
            "travellers": rows["travellers"].to_numpy(),
            "channel": _CHANNELS[rows["channel"]],
            "gross_amount": rows["gross_amount"].to_numpy(),
            "discount_amount": rows["discount_amount"].to_numpy(),
            "margin_amount": rows["margin_amount"].to_numpy(),
            "currency": p.CURRENCY,
            "status": status.astype(object),
            "cancelled_at": np.where(is_cancelled, fate_at, -1),
        }
    )
