"""Why and when customers leave silently, and who comes back."""

from dataclasses import dataclass, field

import numpy as np

from roundtrip.simulate import parameters as p
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.market import Market
from roundtrip.simulate.people import People
from roundtrip.simulate.randomness import Streams, pick, pick_per_row
from roundtrip.simulate.state import ACTIVE, FADING, GONE, NEVER, PROSPECT, State
from roundtrip.simulate.trips import wake_returned


@dataclass
class Departures:
    """Decisions to leave and returns, as they happen; each list holds (customers, day, …) chunks."""

    decided: list = field(default_factory=list)
    left: list = field(default_factory=list)
    returned: list = field(default_factory=list)


def hazards(month: int, people: People, state: State, market: Market) -> np.ndarray:
    """Probability of deciding to leave this month, by cause; shape (n, causes), zero where not at risk.

    Competing risks: each cause has its own hazard; their sum is capped at parameters.HAZARD_CAP.
    """
    n = len(state.phase)
    own = market.own_price[month, people.region]
    competitor = market.competitor_price[month, people.region]
    sensitivity = people.price_sensitivity
    base, slope, neutral = p.SERVICE_HAZARD
    by_cause = np.zeros((n, len(p.CAUSES)))
    by_cause[:, 0] = base * np.exp(slope * (neutral - state.satisfaction))
    by_cause[:, 1] = p.PRICE_HAZARD[0] * sensitivity * np.exp(p.PRICE_HAZARD[1] * (own - 1))
    by_cause[:, 2] = (
        p.COMPETITION_HAZARD[0] * sensitivity * np.exp(p.COMPETITION_HAZARD[1] * (own / competitor - 1))
    )
    by_cause[:, 3] = people.of_type("need_ends") + np.where(people.is_one_off, p.ONE_OFF_HAZARD, 0)
    by_cause[:, 4] = p.UNKNOWN_HAZARD

    # Who has not booked has no experience to be unhappy about: interest is lost or not.
    prospect = state.phase == PROSPECT
    by_cause[prospect] = (0, 0, 0, 0, p.PROSPECT_HAZARD)
    by_cause[~(prospect | (state.phase == ACTIVE))] = 0
    total = by_cause.sum(axis=1, keepdims=True)
    return by_cause * np.minimum(1, p.HAZARD_CAP / np.maximum(total, 1e-12))


def end_month(
    month: int,
    by_cause: np.ndarray,
    state: State,
    calendar: Calendar,
    streams: Streams,
    departures: Departures,
) -> None:
    """Move everybody's phase on to the next month: returns, ends of fading, new decisions to leave."""
    next_day = int(calendar.month_starts[month + 1])
    rng, n = streams["leaving"], len(state.phase)
    draw, return_draw = rng.random(n), streams["returning"].random(n)

    # What would take effect after the end is not part of the history.
    goes_on = month + 1 < calendar.months
    gone = (state.phase == GONE) & goes_on
    chance = np.array(p.RETURNS)[np.maximum(state.cause, 0)] * np.where(
        state.boost_until >= month, state.boost, 1
    )
    returned = np.flatnonzero(gone & (return_draw < chance) & (state.trips > 0))
    departures.returned.append((returned, next_day))

    fading = state.phase == FADING
    state.fade_left[fading] -= 1
    left = np.flatnonzero(fading & (state.fade_left == 0) & goes_on)
    state.phase[left] = GONE
    state.left_on[left] = next_day
    departures.left.append((left, next_day))

    decided = np.flatnonzero(draw < by_cause.sum(axis=1))
    if len(decided):
        state.cause[decided] = pick_per_row(rng, by_cause[decided])
    state.phase[decided] = FADING
    state.fade_left[decided] = 1 + pick(rng, p.FADE_LENGTHS, len(decided))
    departures.decided.append((decided, month, state.cause[decided].copy()))

    wake_returned(state, returned)
    state.left_on[returned] = NEVER


def unsubscribe(month: int, people: People, state: State, calendar: Calendar, streams: Streams):
    """Customers who stop e-mail this month, more often while fading: (customers, epoch seconds)."""
    rng, n = streams["unsubscribe"], len(state.phase)
    draw, moment = rng.random(n), rng.random(n)
    chance = np.zeros(n)
    chance[state.phase == ACTIVE] = p.UNSUBSCRIBES["active"]
    chance[state.phase == FADING] = p.UNSUBSCRIBES["fading"]
    chance[state.phase == GONE] = p.UNSUBSCRIBES["gone"]
    who = np.flatnonzero((draw < chance) & state.is_reachable[:, 0])
    state.is_reachable[who, 0] = False
    start = np.maximum(calendar.month_starts[month] * 86_400, people.registered_at[who] + 1_200)
    room = calendar.month_starts[month + 1] * 86_400 - 1 - start
    return who, start + (moment[who] * np.maximum(room, 0)).astype(np.int64)
