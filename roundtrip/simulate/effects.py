"""The true effect of an action on a person's return and value, from full knowledge of the hidden state.

Both are expectations over the dice not yet thrown (when the next trip is wanted, whether and why somebody
decides to leave), with the market as it will be. The chance of a booking within the next three months follows
exactly from the paths a person can take through active, fading and gone, up to what trips in these months do
to the satisfaction. The margin of the next twelve months is a mean-field recursion over the same phases: need
grows by the wish to travel, and a trip is one unit of need, because thresholds have mean 1.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import special

from roundtrip.simulate.actions import effect, in_force, put_in_force
from roundtrip.simulate.bookings import units
from roundtrip.simulate.dice import Dice
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.leaving import capped, hazards_of
from roundtrip.simulate.market import Market
from roundtrip.simulate.parameters import CAUSES, SERVICE_LINES, Parameters
from roundtrip.simulate.people import People, of_type
from roundtrip.simulate.state import ACTIVE, FADING, GONE, PROSPECT, State
from roundtrip.simulate.trips import customer_cancels, wish_to_travel

RETURN_MONTHS = 3
VALUE_MONTHS = 12
#: What an action moves of the state.
_MOVED = ("wish", "calm", "winning", "acted_until", "discount_until", "satisfaction")
_GRID = np.arange(0, 12, 1 / 256)


@dataclass(frozen=True)
class Outlook:
    """What is to be expected of each person; shape (n,).

    Attributes:
        returns: probability of a booking in the next RETURN_MONTHS.
        value: margin of the next VALUE_MONTHS in the company's currency, before the cost of actions.
    """

    returns: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class _Ahead:
    """By month ahead, shape (VALUE_MONTHS, n); discounted: the share of the gross that is given away."""

    wish: np.ndarray
    hazard: np.ndarray
    winning: np.ndarray
    discounted: np.ndarray


def pick_people(people: People, state: State, who: np.ndarray) -> tuple[People, State]:
    """Copies of some people and their state."""
    return (
        People(**{name: getattr(people, name)[who] for name in people.__dataclass_fields__}),
        State(**{name: getattr(state, name)[who] for name in state.__dataclass_fields__}),
    )


def true_effects(
    p: Parameters,
    month: int,
    who: np.ndarray,
    actions: list[int],
    people: People,
    state: State,
    calendar: Calendar,
    market: Market,
    dice: Dice,
) -> dict[int, Outlook]:
    """Effect of each action on the people `who` at the start of a month: with it minus without, by action."""
    some, theirs = pick_people(people, state, who)
    without = outlook(p, month, some, theirs, calendar, market)
    found = {}
    for action in actions:
        done = effect(p, who, action, people, state, month, dice)
        acted_on = replace(theirs, **{name: getattr(theirs, name).copy() for name in _MOVED})
        put_in_force(p, month, np.arange(len(who)), action, done, acted_on)
        with_it = outlook(p, month, some, acted_on, calendar, market, stays=done.winning)
        found[action] = Outlook(with_it.returns - without.returns, with_it.value - without.value)
    return found


def outlook(
    p: Parameters,
    month: int,
    people: People,
    state: State,
    calendar: Calendar,
    market: Market,
    stays: np.ndarray | float = 0.0,
) -> Outlook:
    """What is to be expected of everybody at the start of a month.

    Args:
        stays: the chance that who is fading stays after all, at once.
    """
    ahead = _look_ahead(p, month, people, state, calendar, market)
    stays = np.broadcast_to(stays, len(state))
    return Outlook(_returns(p, people, state, ahead, stays), _value(p, people, state, ahead, stays))


def _look_ahead(p, month, people, state, calendar, market) -> _Ahead:
    n, prospect = len(state), state.phase == PROSPECT
    satisfaction = np.clip(state.satisfaction, 0.02, 0.98)
    ceiling = p.service.ceiling - p.service.ceiling_per_expectation * (people.expectation - 0.62)
    s = p.service
    good = (1 - p.service.failure) * (1 - p.service.delay)
    drop = s.failure * s.drop_per_severity * 2.75 + s.delay * s.delay_drop
    drop += p.trips.supplier_cancels * s.supplier_cancellation_drop
    mean_discount = np.mean(p.prices.campaign_discount_range) * 0.9
    wish, hazard, winning, discounted = (np.zeros((VALUE_MONTHS, n)) for _ in range(4))
    for ahead in range(VALUE_MONTHS):
        at = month + ahead
        acted = in_force(state, at)
        offer = state.discount_until >= at
        usual = wish_to_travel(p, at, people, satisfaction, state.life_event_month, calendar, market)
        wish[ahead] = usual * acted.wish
        by_cause = hazards_of(
            p, at, people, satisfaction, state.life_event_month, prospect & (ahead < 2), market
        )
        hazard[ahead] = capped(p, by_cause * acted.calm[:, None]).sum(axis=1)
        winning[ahead] = acted.winning * p.actions.wins_back_when_gone
        discounted[ahead] = offer * mean_discount
        change = good * s.good_trip_step * (ceiling - satisfaction) - drop
        satisfaction = satisfaction + s.forgetting * (s.satisfaction_start - satisfaction) + usual * change
    return _Ahead(wish, hazard, winning, discounted)


@lru_cache(maxsize=32)
def _log_survival(shape: float) -> np.ndarray:
    return np.log(np.maximum(special.gammaincc(shape, shape * _GRID), 1e-12))


def _unbooked_from(p: Parameters, people: People, need: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Probability that a need which has not led to a trip yet does not lead to one, by how much it grows."""
    alike = []
    for at, kind in enumerate(p.need_types.values()):
        rows, table = np.flatnonzero(people.need_type == at), _log_survival(kind.regularity)
        alike.append((rows, table, need[rows], np.interp(need[rows], _GRID, table)))

    def unbooked(growth: np.ndarray) -> np.ndarray:
        chance = np.empty(len(need))
        for rows, table, grown, now in alike:
            chance[rows] = np.exp(np.interp(grown + growth[rows], _GRID, table) - now)
        return chance

    return unbooked


def _returns(p: Parameters, people: People, state: State, ahead: _Ahead, stays: np.ndarray) -> np.ndarray:
    # By months still to go: fading[k] is the share of the wish with k months left, fading[0] gone.
    fading = np.array([0.0, *p.leaving.fade_bookings])
    wish, hazard = ahead.wish, ahead.hazard
    unbooked = _unbooked_from(p, people, state.need)
    unbooked_after_return = _unbooked_from(p, people, np.zeros(len(state)))

    stayed = (1 - hazard[0]) * (1 - hazard[1]) * unbooked(wish[:3].sum(axis=0))
    for left, share in enumerate(p.leaving.fade_lengths, start=1):
        second, third = fading[left], fading[max(left - 1, 0)]
        stayed = stayed + hazard[0] * share * unbooked(wish[0] + second * wish[1] + third * wish[2])
        stayed = stayed + (1 - hazard[0]) * hazard[1] * share * unbooked(wish[0] + wish[1] + second * wish[2])

    left = state.fade_left.astype(int)
    faded = unbooked(sum(fading[np.maximum(left - at, 0)] * wish[at] for at in range(RETURN_MONTHS)))
    # Gone at the start of a month: back at its end, with a trip nearly due.
    comes_back = np.array([p.leaving.returns[cause] for cause in CAUSES])[np.maximum(state.cause, 0)]
    comes_back = np.where(state.trips > 0, comes_back, 0.0)
    gone, gone_after_fading = np.ones(len(state)), np.ones(len(state))
    for at in range(RETURN_MONTHS - 1):
        chance = comes_back + np.where(state.trips > 0, ahead.winning[at], 0.0) * (1 - comes_back)
        books = 1 - unbooked_after_return(wish[at + 1] / 0.02)
        gone = gone * (1 - chance * books)
        gone_after_fading = gone_after_fading * np.where(left <= at, 1 - chance * books, 1.0)
    faded = stays * stayed + (1 - stays) * faded * gone_after_fading
    unbooked_at_all = np.select(
        [np.isin(state.phase, (PROSPECT, ACTIVE)), state.phase == FADING, state.phase == GONE],
        [stayed, faded, gone],
        1.0,
    )
    return 1 - unbooked_at_all


def _value(p: Parameters, people: People, state: State, ahead: _Ahead, stays: np.ndarray) -> np.ndarray:
    gross, margin = margin_per_trip(p, people)
    fading = np.array([0.0, *p.leaving.fade_bookings])
    comes_back = np.array([p.leaving.returns[cause] for cause in CAUSES])[np.maximum(state.cause, 0)]
    here = np.isin(state.phase, (PROSPECT, ACTIVE)).astype(float)
    fade = [
        np.where((state.phase == FADING) & (state.fade_left == left), 1 - stays, 0.0) for left in range(4)
    ]
    here = here + np.where(state.phase == FADING, stays, 0.0)
    gone = (state.phase == GONE).astype(float)
    value, due = np.zeros(len(state)), np.zeros(len(state))
    for at in range(VALUE_MONTHS):
        rate = here + sum(fading[left] * fade[left] for left in range(1, 4))
        trips = ahead.wish[at] * rate + due
        usual = p.prices.discount_base + p.prices.discount_per_sensitivity * people.price_sensitivity
        usual = usual * np.mean(p.prices.discount_range)
        given = np.where(ahead.discounted[at] > 0, ahead.discounted[at], usual)
        value += trips * (margin - p.prices.discount_borne * given * gross)
        decides = here * ahead.hazard[at]
        chance = np.where(state.trips > 0, comes_back + ahead.winning[at] * (1 - comes_back), 0.0)
        back = gone * chance
        # Who comes back does so for a trip: the need jumps to what it lacks.
        due = back * np.maximum(0.98 - np.minimum(state.need, 0.9), 0)
        gone = gone - back + fade[1]
        fade = [0.0, fade[2], fade[3], 0.0]
        fade = [fade[0], *(fade[left] + decides * p.leaving.fade_lengths[left - 1] for left in range(1, 4))]
        here = here - decides + back
    lead_days = of_type(p, people.need_type, "lead_days")
    falls = customer_cancels(p, lead_days) + p.trips.supplier_cancels + p.trips.no_show
    return value * (1 - falls)


def margin_per_trip(p: Parameters, people: People) -> tuple[np.ndarray, np.ndarray]:
    """Expected gross and margin (before discounts) of a trip with all its lines; shape (n,)."""
    nights = of_type(p, people.need_type, "nights")
    party = of_type(p, people.need_type, "party")
    weights = people.line_weights / people.line_weights.sum(axis=1, keepdims=True)
    chance = np.zeros((len(SERVICE_LINES), len(SERVICE_LINES)))
    for added, mains in p.prices.add_ons.items():
        for main, probability in mains.items():
            chance[SERVICE_LINES.index(main), SERVICE_LINES.index(added)] = probability
    share = weights + weights @ chance
    abroad = 1 - p.trips.stays_in_the_country
    level = of_type(p, people.need_type, "price_level") * (1 + abroad * (p.prices.abroad_factor - 1))
    gross, margin = np.zeros(len(people)), np.zeros(len(people))
    for at, name in enumerate(SERVICE_LINES):
        base = p.prices.base[name]
        per = np.full(len(people), base.per, dtype=object)
        amount = share[:, at] * base.price * units(per, party, nights) * level
        gross += amount
        margin += amount * p.prices.margin_rates[name]
    return gross, margin
