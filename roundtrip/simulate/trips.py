"""Who books a trip this month, and what trip."""

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.holidays import Calendar, clock
from roundtrip.simulate.market import Market
from roundtrip.simulate.people import People
from roundtrip.simulate.places import IS_ABROAD, POPULARITY
from roundtrip.simulate.randomness import Streams, pick, pick_per_row
from roundtrip.simulate.state import ACTIVE, FADING, PROSPECT, State

#: Travel dates a customer weighs before choosing one.
_CANDIDATE_DATES = 6
#: Nobody books more trips than this in one month.
_MOST_TRIPS = 8

COMPLETED, BY_CUSTOMER, BY_SUPPLIER, NO_SHOW = range(4)


def book_month(
    month: int, people: People, state: State, calendar: Calendar, market: Market, streams: Streams
) -> pd.DataFrame:
    """Let the need grow for a month and book the trips that fall due.

    The gap between a customer's trips is gamma distributed in the customer's own, seasonal time: need grows
    with rate x season, and a trip is booked each time it passes a gamma(shape, mean 1) threshold.

    Returns:
        One row per trip: customer (index), booked_at (epoch s), travel_start and travel_end (epoch days),
        travellers, line, destination, channel (indices), fate, fate_at (epoch s), price_factor, has_campaign.
    """
    rng = streams["need"]
    wanting = np.isin(state.phase, (PROSPECT, ACTIVE, FADING))
    months_ahead = np.round(people.of_type("lead_days") / 30).astype(int)
    travel_month = month + months_ahead
    n = len(wanting)
    season = people.own_months[np.arange(n), calendar.calendar_months[travel_month]]
    season = season + people.of_type("spring_festival") * calendar.festival_share[travel_month]
    dearness = market.own_price[month, people.region] - 1
    wish = people.trips_per_year / 12 * np.maximum(season, 0.02)
    wish *= np.maximum(1 - 1.5 * people.price_sensitivity * dearness, 0.2)
    wish *= np.where(state.boost_until >= month, state.boost, 1.0)
    fading = state.phase == FADING
    wish[fading] *= np.array(p.FADE_BOOKINGS)[state.fade_left[fading] - 1]
    state.need[wanting] += wish[wanting]

    booked = []
    for _ in range(_MOST_TRIPS):
        due = np.flatnonzero(wanting & (state.need >= state.threshold))
        if len(due) == 0:
            break
        booked.append(due)
        state.need[due] -= state.threshold[due]
        shape = people.regularity[due]
        state.threshold[due] = np.maximum(rng.gamma(shape, 1 / shape), 0.02)
    customers = np.sort(np.concatenate(booked)) if booked else np.array([], dtype=int)
    state.trips += np.bincount(customers, minlength=n)
    state.last_trip_month[customers] = month
    newly = state.phase[customers] == PROSPECT
    state.phase[customers[newly]] = ACTIVE
    return _describe(month, customers, people, state, calendar, market, streams)


def _describe(month, customers, people, state, calendar, market, streams) -> pd.DataFrame:
    rng, size = streams["trips"], len(customers)
    kind = people.need_type[customers]

    def of_type(attribute):
        return np.array([getattr(t, attribute) for t in p.NEED_TYPES])[kind]

    earliest = np.maximum(calendar.month_starts[month], people.registered_at[customers] // 86_400)
    day = earliest + (rng.random(size) * (calendar.month_starts[month + 1] - earliest)).astype(np.int64)
    booked_at = np.maximum(day * 86_400 + clock(rng, size), people.registered_at[customers] + 600)

    lead = rng.gamma(1.6, of_type("lead_days")[:, None] / 1.6, (size, _CANDIDATE_DATES)).astype(np.int64)
    starts = day[:, None] + np.minimum(lead, 330)
    weekend_pull = np.where(kind == 2, -0.6, 0.8)  # business trips start on working days
    wish = calendar.demand(starts, of_type("holiday_pull")[:, None], weekend_pull[:, None])
    chosen = pick_per_row(rng, wish)
    travel_start = starts[np.arange(size), chosen]

    weights = state.line_weights[customers] if size else np.ones((0, len(p.SERVICE_LINES)))
    line = pick_per_row(rng, weights)
    nights = 1 + rng.poisson(of_type("nights") - 1, size)
    nights = np.where(line == p.SERVICE_LINES.index("activity"), 0, nights)
    destination = pick(rng, POPULARITY, size)
    domestic = pick(rng, np.where(IS_ABROAD, 0, POPULARITY), size)
    stays_home = np.isin(line, [p.SERVICE_LINES.index(name) for name in ("rail", "car")]) | (
        rng.random(size) < 0.5
    )
    destination = np.where(stays_home, domestic, destination)

    fate_draw, lead_days = rng.random(size), travel_start - day
    fading = state.phase[customers] == FADING
    by_supplier = p.SUPPLIER_CANCELS * market.trouble[month]
    by_customer = p.CUSTOMER_CANCELS * np.where(fading, 1.8, 1.0)
    fate = np.full(size, COMPLETED)
    fate[(fate_draw < by_supplier + by_customer) & (lead_days >= 2)] = BY_CUSTOMER
    fate[(fate_draw < by_supplier) & (lead_days >= 2)] = BY_SUPPLIER
    fate[fate_draw > 1 - p.NO_SHOW] = NO_SHOW
    travel_end = travel_start + nights
    until_start = travel_start * 86_400 - booked_at
    cancelled_at = (
        booked_at + 1_800 + (rng.uniform(0.02, 0.95, size) * (until_start - 1_800)).astype(np.int64)
    )
    ended_at = travel_end * 86_400 + 72_000
    fate_at = np.where(np.isin(fate, (BY_CUSTOMER, BY_SUPPLIER)), cancelled_at, ended_at)
    fate_at = np.where(fate == NO_SHOW, travel_start * 86_400 + 72_000, fate_at)

    peak = calendar.demand(travel_start, np.ones(size), np.zeros(size)) - 1
    return pd.DataFrame(
        {
            "customer": customers,
            "booked_at": booked_at,
            "travel_start": travel_start,
            "travel_end": travel_end,
            "travellers": 1 + rng.poisson(of_type("party") - 1, size),
            "line": line,
            "destination": destination,
            "channel": pick_per_row(rng, of_type("channels").reshape(size, len(p.BOOKING_CHANNELS))),
            "fate": fate,
            "fate_at": fate_at,
            "price_factor": of_type("price_level")
            * market.own_price[month, people.region[customers]]
            * (1 + p.PEAK_MARKUP * peak)
            * np.where(IS_ABROAD[destination], 1.6, 1.0),
            "has_campaign": state.discount_until[customers] >= month,
            "was_fading": fading,
        }
    )


def drop_lines(month: int, state: State, streams: Streams) -> None:
    """Some customers with two or more lines stop using their second one for good."""
    rng, n = streams["drop"], len(state.phase)
    draw = rng.random(n)
    ranked = np.argsort(state.line_weights, axis=1)
    second = ranked[:, -2]
    share = state.line_weights[np.arange(n), second] / state.line_weights.sum(axis=1)
    drops = (draw < p.DROPS_A_LINE) & (state.phase == ACTIVE) & (share > 0.15) & (state.dropped_line < 0)
    state.line_weights[drops, second[drops]] = 0
    state.dropped_line[drops] = second[drops]
    state.dropped_line_month[drops] = month


def wake_returned(state: State, returned: np.ndarray) -> None:
    """Those who come back do so for a trip."""
    state.phase[returned] = ACTIVE
    state.need[returned] = state.threshold[returned] * 0.98
    state.satisfaction[returned] = np.maximum(state.satisfaction[returned], 0.6)
