"""Why and when customers leave silently, and who comes back."""

from dataclasses import dataclass

import numpy as np

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.actions import in_force
from roundtrip.simulate.dice import Dice, unit
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.market import Market
from roundtrip.simulate.parameters import CAUSES, Parameters
from roundtrip.simulate.people import People, of_type
from roundtrip.simulate.state import ACTIVE, ERASED, FADING, GONE, LONG_AGO, PROSPECT, State


@dataclass(frozen=True)
class MonthEnd:
    """Who turned where at the end of a month; each an array of people."""

    decided: np.ndarray
    left: np.ndarray
    returned: np.ndarray


def hazards(p: Parameters, month: int, people: People, state: State, market: Market) -> np.ndarray:
    """Probability of deciding to leave this month, by cause; shape (n, causes), zero where not at risk."""
    prospect = state.phase == PROSPECT
    found = hazards_of(p, month, people, state.satisfaction, state.life_event_month, prospect, market)
    found *= in_force(state, month).calm[:, None]
    found[~(prospect | (state.phase == ACTIVE))] = 0
    return capped(p, found)


def hazards_of(
    p: Parameters,
    month: int,
    people: People,
    satisfaction: np.ndarray,
    life_event_month: np.ndarray,
    is_prospect: np.ndarray,
    market: Market,
) -> np.ndarray:
    """Competing risks, each cause with its own hazard; shape (n, causes), not yet capped."""
    h = p.leaving
    own = market.own_price[month, people.region]
    competitor = market.competitor_price[month, people.region]
    sensitivity = people.price_sensitivity
    by_cause = np.zeros((len(people), len(CAUSES)))
    by_cause[:, 0] = h.service_base * np.exp(h.service_slope * (h.service_neutral - satisfaction))
    by_cause[:, 1] = h.price_base * sensitivity * np.exp(h.price_slope * (own - 1))
    by_cause[:, 2] = h.competition_base * sensitivity * np.exp(h.competition_slope * (own / competitor - 1))
    # A new phase of life: for some months the old need may end.
    since = month - life_event_month.astype(int)
    changed = (since >= 0) & (since < h.life_event_months)
    by_cause[:, 3] = h.need_base + np.where(changed, h.need_after_life_event, 0)
    by_cause[:, 4] = h.unknown + np.where(people.is_one_off, h.one_off, 0)
    # Who has not booked has no experience to be unhappy about: interest is lost or not.
    by_cause[is_prospect] = (0, 0, 0, 0, h.prospect)
    return by_cause


def capped(p: Parameters, by_cause: np.ndarray) -> np.ndarray:
    """Hazards scaled down where their sum is more than a month can take."""
    total = by_cause.sum(axis=1, keepdims=True)
    return by_cause * np.minimum(1, p.leaving.cap / np.maximum(total, 1e-12))


def return_chance(p: Parameters, month: int, state: State) -> np.ndarray:
    """Probability of a return at the end of this month; shape (n,), 0 for all but gone customers."""
    usual = np.array([p.leaving.returns[cause] for cause in CAUSES])[np.maximum(state.cause, 0)]
    won = in_force(state, month).winning * p.actions.wins_back_when_gone
    return np.where((state.phase == GONE) & (state.trips > 0), usual + won * (1 - usual), 0.0)


def live_events(p: Parameters, month: int, people: People, state: State, dice: Dice) -> np.ndarray:
    """Life changes for some: a child, a degree, a new job. Once per person; returns whom."""
    chance = of_type(p, people.need_type, "life_event")
    happens = dice.unit("life event", month, np.arange(len(state))) < chance
    who = np.flatnonzero(
        happens & (state.life_event_month == LONG_AGO) & np.isin(state.phase, (PROSPECT, ACTIVE))
    )
    state.life_event_month[who] = month
    return who


def end_month(
    p: Parameters, month: int, by_cause: np.ndarray, comes_back: np.ndarray, state: State, dice: Dice
) -> MonthEnd:
    """Move everybody's phase on to the next month: returns, ends of fading, new decisions to leave.

    Args:
        by_cause: of `hazards`.  comes_back: of `return_chance`.
    """
    key = dice.key("month end", month, np.arange(len(state)))
    returned = np.flatnonzero((state.phase == GONE) & (unit(key, 0) < comes_back))

    fading = state.phase == FADING
    state.fade_left[fading] -= 1
    left = np.flatnonzero(fading & (state.fade_left == 0))
    state.phase[left] = GONE
    state.left_month[left] = month + 1

    decided = np.flatnonzero(unit(key, 1) < by_cause.sum(axis=1))
    state.cause[decided] = dice_of.pick_per_row(unit(key[decided], 2), by_cause[decided])
    state.phase[decided] = FADING
    state.fade_left[decided] = 1 + dice_of.pick(unit(key[decided], 3), p.leaving.fade_lengths)
    wake(p, state, returned)
    state.fatigue *= 0.5
    return MonthEnd(decided, left, returned)


def wake(p: Parameters, state: State, who: np.ndarray) -> None:
    """Those who come back do so for a trip."""
    state.phase[who] = ACTIVE
    state.need[who] = state.threshold[who] * 0.98
    state.satisfaction[who] = np.maximum(state.satisfaction[who], p.service.satisfaction_start - 0.06)
    state.left_month[who] = LONG_AGO


def stay(state: State, who: np.ndarray) -> None:
    """Fading people who were won back before they were gone."""
    state.phase[who] = ACTIVE
    state.fade_left[who] = 0


def unsubscribe(p: Parameters, month: int, people: People, state: State, calendar: Calendar, dice: Dice):
    """Customers who stop e-mail this month, more often while fading: (people, epoch seconds)."""
    key = dice.key("unsubscribe", month, np.arange(len(state)))
    chance = np.zeros(len(state))
    for phase, name in ((ACTIVE, "active"), (FADING, "fading"), (GONE, "gone")):
        chance[state.phase == phase] = p.leaving.unsubscribes[name]
    who = np.flatnonzero((unit(key, 0) < chance) & state.is_reachable[:, 0])
    state.is_reachable[who, 0] = False
    starts = np.maximum(calendar.start_of(month), people.registered_at[who] + 1_200)
    room = calendar.start_of(month + 1) - 1 - starts
    return who, starts + (unit(key[who], 1) * np.maximum(room, 0)).astype(np.int64)


def ask_for_erasure(p: Parameters, month: int, state: State, calendar: Calendar, dice: Dice):
    """Gone customers who ask to be forgotten: (people, epoch seconds). Nothing is heard of them after."""
    key = dice.key("erasure", month, np.arange(len(state)))
    who = np.flatnonzero((state.phase == GONE) & (unit(key, 0) < p.leaving.asks_for_erasure_when_gone))
    state.phase[who] = ERASED
    # In the last minutes, so that nothing of the month comes after it: points are booked until 23:00.
    return who, calendar.start_of(month + 1) - 300 + (unit(key[who], 1) * 200).astype(np.int64)
