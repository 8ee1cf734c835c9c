"""Who books a trip this month, and what trip."""

import numpy as np
import pandas as pd

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate import shocks
from roundtrip.simulate.actions import in_force
from roundtrip.simulate.dice import Dice, unit
from roundtrip.simulate.holidays import Calendar, clock
from roundtrip.simulate.market import Market
from roundtrip.simulate.parameters import BOOKING_CHANNELS, SERVICE_LINES, Parameters
from roundtrip.simulate.people import People, of_type
from roundtrip.simulate.places import IS_ABROAD, POPULARITY
from roundtrip.simulate.state import ACTIVE, FADING, LONG_AGO, PROSPECT, State, thresholds

#: Travel dates a customer weighs before choosing one.
_CANDIDATE_DATES = 5
#: Nobody books more trips than this in one month.
MOST_TRIPS = 8

COMPLETED, BY_CUSTOMER, BY_SUPPLIER, NO_SHOW = range(4)
ACTIVITY, PACKAGE, CRUISE = (SERVICE_LINES.index(name) for name in ("activity", "package", "cruise"))
_STAYS_HOME = np.array([name in ("rail", "car") for name in SERVICE_LINES])


def wish_to_travel(
    p: Parameters,
    month: int,
    people: People,
    satisfaction: np.ndarray,
    life_event_month: np.ndarray,
    calendar: Calendar,
    market: Market,
) -> np.ndarray:
    """How much everybody's need grows in a month, before actions and fading: mean trips; shape (n,)."""
    ahead = np.round(of_type(p, people.need_type, "lead_days") / 30).astype(int)
    travels = np.minimum(month + ahead, len(calendar.calendar_months) - 1)
    season = people.own_months[np.arange(len(people)), calendar.calendar_months[travels]]
    season = season + of_type(p, people.need_type, "spring_festival") * calendar.festival_share[travels]
    dearness = market.own_price[month, people.region] - 1
    wish = people.trips_per_year / 12 * np.maximum(season, 0.02)
    wish *= np.maximum(1 - p.trips.price_on_wish * people.price_sensitivity * dearness, 0.2)
    wish *= np.maximum(1 + p.trips.satisfaction_on_wish * (satisfaction - p.service.satisfaction_start), 0.2)
    changed = (life_event_month != LONG_AGO) & (life_event_month <= month)
    wish *= np.where(changed, p.trips.wish_after_life_event, 1.0)
    home = p.trips.stays_in_the_country
    at_home, abroad = (shocks.left_open(p, month, travels, is_abroad) for is_abroad in (False, True))
    return wish * (home * at_home + (1 - home) * abroad)


def book_month(
    p: Parameters, month: int, people: People, state: State, calendar: Calendar, market: Market, dice: Dice
) -> pd.DataFrame:
    """Let the need grow for a month and book the trips that fall due.

    The gap between a customer's trips is gamma distributed in the customer's own, seasonal time: need grows
    with the wish to travel, and a trip is booked each time it passes a gamma(shape, mean 1) threshold.

    Returns:
        One row per trip: person, trip (0 the person's first), nth (of the month), key, booked_at (epoch s),
        travel_start and travel_end (epoch days), travellers, line, destination, channel (indices), fate,
        fate_at (epoch s), price_factor, has_campaign.
    """
    wanting = np.isin(state.phase, (PROSPECT, ACTIVE, FADING))
    wish = wish_to_travel(p, month, people, state.satisfaction, state.life_event_month, calendar, market)
    wish *= in_force(state, month).wish
    fading = state.phase == FADING
    wish[fading] *= np.array(p.leaving.fade_bookings)[state.fade_left[fading] - 1]
    state.need[wanting] += wish[wanting]

    booked, number, nth = [], [], []
    for turn in range(MOST_TRIPS):
        due = np.flatnonzero(wanting & (state.need >= state.threshold))
        if len(due) == 0:
            break
        booked.append(due)
        number.append(state.trips[due].copy())
        nth.append(np.full(len(due), turn))
        state.need[due] -= state.threshold[due]
        state.trips[due] += 1
        state.threshold[due] = thresholds(p, people.need_type[due], due, state.trips[due], dice)
    who, number, nth = (
        np.concatenate(part) if part else np.zeros(0, dtype=np.int64) for part in (booked, number, nth)
    )
    state.first_trip_month[who] = np.where(state.trips[who] - nth == 1, month, state.first_trip_month[who])
    state.first_trip_month[who[number == 0]] = month
    state.last_trip_month[who] = month
    state.phase[who[state.phase[who] == PROSPECT]] = ACTIVE
    return _describe(p, month, who, number, nth, people, state, calendar, market, dice)


def _describe(p, month, who, number, nth, people, state, calendar, market, dice) -> pd.DataFrame:
    size, key = len(who), dice.key("trip", who, number)
    kind = people.need_type[who]

    def own(attribute: str) -> np.ndarray:
        return of_type(p, kind, attribute)

    registered_at = people.registered_at[who]
    first = np.maximum(calendar.month_starts[month], registered_at // 86_400)
    day = first + (unit(key, 0) * (calendar.month_starts[month + 1] - first)).astype(np.int64)
    booked_at = np.maximum(day * 86_400 + clock(unit(key, 1)), registered_at + 600)
    day = booked_at // 86_400

    draws = unit(dice_of.split(key[:, None], 100 + np.arange(_CANDIDATE_DATES)))
    lead = (dice_of.gamma(draws, p.trips.lead_shape) * own("lead_days")[:, None]).astype(np.int64)
    starts = day[:, None] + np.minimum(lead, 330)
    wish = calendar.demand(starts, own("holiday_pull")[:, None], own("weekend_pull")[:, None])
    travel_start = starts[np.arange(size), dice_of.pick_per_row(unit(key, 2), wish)]

    weights = people.line_weights[who].copy()
    has_dropped = state.dropped_line[who] >= 0
    weights[has_dropped, state.dropped_line[who[has_dropped]]] = 0
    line = dice_of.pick_per_row(unit(key, 3), weights)
    nights = 1 + dice_of.poisson(unit(key, 4), own("nights") - 1)
    nights = np.where(line == ACTIVITY, 0, nights)
    at_home = dice_of.pick(unit(key, 5), np.where(IS_ABROAD, 0, POPULARITY))
    abroad = dice_of.pick(unit(key, 5), np.where(IS_ABROAD, POPULARITY, 0))
    travels_in = calendar.month_of(travel_start)
    closed = unit(key, 6) >= shocks.left_open(p, month, travels_in, True)
    stays = _STAYS_HOME[line] | (unit(key, 7) < p.trips.stays_in_the_country) | closed
    destination = np.where(stays, at_home, abroad)

    travel_end = travel_start + nights
    fate, fate_at = _fate(
        p, month, key, who, booked_at, day, travel_start, travel_end, destination, state, calendar, market
    )
    peak = calendar.demand(travel_start, np.ones(size), np.zeros(size)) - 1
    return pd.DataFrame(
        {
            "person": who,
            "trip": number,
            "nth": nth,
            "month": np.full(size, month),
            "key": key,
            "booked_at": booked_at,
            "travel_start": travel_start,
            "travel_end": travel_end,
            "travellers": _party(p, key, own("party"), state.life_event_month[who] != LONG_AGO),
            "line": line,
            "destination": destination,
            "channel": dice_of.pick_per_row(
                unit(key, 9), own("channels").reshape(size, len(BOOKING_CHANNELS))
            ),
            "fate": fate,
            "fate_at": fate_at,
            "price_factor": own("price_level")
            * market.own_price[month, people.region[who]]
            * (1 + p.prices.peak_markup * peak)
            * np.where(IS_ABROAD[destination], p.prices.abroad_factor, 1.0),
            "has_campaign": state.discount_until[who] >= month,
            "copy": (
                (people.second_month[who] < month) & (unit(key, 10) < p.arrivals.second_account_use)
            ).astype(np.int8),
        }
    )


def _party(p, key, mean, had_child) -> np.ndarray:
    """Travellers of each trip; a new phase of life means one more."""
    drawn = 1 + dice_of.poisson(unit(key, 8), mean - 1)
    is_couple = (mean < 4) & (mean > 1.5) & (unit(key, 13) < p.trips.couples)
    return np.where(is_couple, 2, drawn) + had_child


def _fate(p, month, key, who, booked_at, day, travel_start, travel_end, destination, state, calendar, market):
    """What a trip comes to, and the epoch second at which that is known; shapes (trips,)."""
    size, lead_days = len(who), travel_start - day
    by_customer = customer_cancels(p, lead_days)
    by_customer = by_customer * np.where(state.phase[who] == FADING, p.trips.cancels_more_while_fading, 1.0)
    travels_in = calendar.month_of(travel_start)
    by_shock, begins = shocks.cancelled(p, travels_in, IS_ABROAD[destination], calendar)
    by_supplier = np.maximum(p.trips.supplier_cancels * market.trouble[month], by_shock)
    draw = unit(key, 11)
    fate = np.full(size, COMPLETED, dtype=np.int8)
    fate[(draw < by_supplier + by_customer) & (lead_days >= 1)] = BY_CUSTOMER
    fate[(draw < by_supplier) & (lead_days >= 1)] = BY_SUPPLIER
    fate[draw > 1 - p.trips.no_show] = NO_SHOW

    # Most cancel soon after booking or shortly before leaving.
    earliest = np.where(fate == BY_SUPPLIER, np.maximum(booked_at, begins), booked_at)
    until_start = np.maximum(travel_start * 86_400 - earliest, 7_200)
    place = 0.5 - 0.5 * np.cos(np.pi * unit(key, 12))
    cancelled_at = earliest + 1_800 + (place * (until_start - 3_600)).astype(np.int64)
    over_at = np.where(fate == NO_SHOW, travel_start, travel_end) * 86_400 + 72_000
    return fate, np.where(
        np.isin(fate, (BY_CUSTOMER, BY_SUPPLIER)), cancelled_at, np.maximum(over_at, booked_at + 3_600)
    )


def customer_cancels(p: Parameters, lead_days: np.ndarray) -> np.ndarray:
    """Chance that a customer who stays cancels a trip booked so many days ahead."""
    sooner = np.exp(-lead_days / p.trips.customer_cancels_days)
    return p.trips.customer_cancels + p.trips.customer_cancels_more * (1 - sooner)


def drop_lines(p: Parameters, month: int, people: People, state: State, dice: Dice) -> np.ndarray:
    """Some customers with two or more lines stop using their second one for good; returns who did."""
    n = len(state)
    candidates = np.flatnonzero((dice.unit("drops a line", month, np.arange(n)) < p.people.drops_a_line)
                                & (state.phase == ACTIVE) & (state.dropped_line < 0))  # fmt: skip
    weights = people.line_weights[candidates]
    second = np.argsort(weights, axis=1, kind="stable")[:, -2]
    share = weights[np.arange(len(candidates)), second] / weights.sum(axis=1)
    who, line = candidates[share > 0.15], second[share > 0.15]
    state.dropped_line[who] = line
    state.dropped_line_month[who] = month
    return who
