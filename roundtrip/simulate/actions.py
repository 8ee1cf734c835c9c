"""What an action truly does to a person.

Three hidden things change: the wish to travel and the hazard of leaving, for some months, and the
satisfaction, at once. How much depends on who the person is and on what happened to them; some people are
put off by being approached, and everybody tires of it. Actions of different kinds add to each other; the same
one again begins anew, and does not do twice as much.
"""

from dataclasses import dataclass

import numpy as np

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.dice import Dice, unit
from roundtrip.simulate.parameters import ACTIONS, Parameters
from roundtrip.simulate.people import People
from roundtrip.simulate.state import FADING, State

_COMPLAINED_WITHIN_MONTHS = 3


@dataclass(frozen=True)
class Effect:
    """Of an action on each person; arrays of one length.

    Attributes:
        wish: factor on the wish to travel, for Parameters.actions.months.
        calm: factor on the hazard of leaving, for the same months.
        satisfaction: added at once.
        winning: chance that a fading person stays after all; for a gone one, see leaving.return_chance.
        unsubscribes: chance of taking back the consent to e-mail.
        is_discounted: whether the price falls for the same months.
    """

    wish: np.ndarray
    calm: np.ndarray
    satisfaction: np.ndarray
    winning: np.ndarray
    unsubscribes: np.ndarray
    is_discounted: np.ndarray


def responses(
    p: Parameters, who: np.ndarray, action: int, people: People, state: State, month: int, dice: Dice
):
    """How strongly people answer to an action, mean about 1 among those it suits; shape (n,)."""
    own = dice_of.lognormal(dice.unit("response", who, action), 1.0, p.actions.response_sigma)
    types = list(p.need_types)
    kind = people.need_type[who]

    def by_type(default: float, **values: float) -> np.ndarray:
        return np.array([values.get(name, default) for name in types])[kind]

    name = ACTIONS[action]
    if name == "discount":
        suits = 2 * people.price_sensitivity[who]
    elif name == "points_bonus":
        suits = np.where(state.is_member[who] & ~state.has_left_programme[who], 1.6, 0.0)
    elif name == "upgrade":
        suits = 2 * people.expectation[who] - 0.5
    elif name == "service_recovery":
        suits = np.where(
            month - state.last_complaint_month[who].astype(int) <= _COMPLAINED_WITHIN_MONTHS, 1.2, 0.0
        )
    elif name == "care_call":
        suits = by_type(0.8, retiree=1.7, group_organiser=1.5, student=0.0, weekender=0.3)
    else:
        suits = by_type(1.0, weekender=1.4, student=1.3, business=0.2)
    return own * suits


def effect(
    p: Parameters, who: np.ndarray, action: int, people: People, state: State, month: int, dice: Dice
) -> Effect:
    """The true effect of one action on the people `who`, as they stand at the start of a month."""
    a, kind = p.actions, p.actions.kinds[ACTIONS[action]]
    response = responses(p, who, action, people, state, month, dice)
    is_allergic = dice.unit("allergic", who, action) < a.allergic
    fatigue = state.fatigue[who]
    wish = np.where(is_allergic, 1 + a.allergic_wish, 1 + kind.wish * response)
    calm = np.where(is_allergic, 1 - a.allergic_calm, 1 - kind.calm * np.minimum(response, 1.5))
    gain = np.where(is_allergic, 0.0, kind.satisfaction * np.minimum(response, 2.0))
    return Effect(
        wish=np.clip(wish, 0.3, 3.0),
        calm=np.clip(calm, 0.1, 3.0),
        satisfaction=gain + a.tired_satisfaction * fatigue,
        winning=np.where(is_allergic, 0.0, np.clip(kind.wins_back * response, 0, 0.9)),
        unsubscribes=np.clip(
            np.where(is_allergic, a.allergic_unsubscribes, 0.0) + a.tired_unsubscribes * fatigue, 0, 1
        ),
        is_discounted=np.full(len(who), ACTIONS[action] == "discount"),
    )


@dataclass(frozen=True)
class InForce:
    """What all actions that still last do together: factors of wish and hazard, and a chance; shape (n,)."""

    wish: np.ndarray
    calm: np.ndarray
    winning: np.ndarray


def in_force(state: State, month: int) -> InForce:
    """What lasts in a month of all that was done to people."""
    still = state.acted_until >= month
    return InForce(
        wish=np.where(still, state.wish, 1.0).prod(axis=1),
        calm=np.where(still, state.calm, 1.0).prod(axis=1),
        winning=1 - np.where(still, 1 - state.winning, 1.0).prod(axis=1),
    )


def put_in_force(p: Parameters, month: int, who: np.ndarray, action: int, done: Effect, state: State) -> None:
    """Let an action begin to work on the people `who`: its satisfaction at once, the rest for some months."""
    until = month + p.actions.months - 1
    state.wish[who, action] = done.wish
    state.calm[who, action] = done.calm
    state.winning[who, action] = done.winning
    state.acted_until[who, action] = until
    state.discount_until[who[done.is_discounted]] = until
    state.satisfaction[who] = np.clip(state.satisfaction[who] + done.satisfaction, 0.02, 0.98)


def act(
    p: Parameters, month: int, who: np.ndarray, action: int, people: People, state: State, dice: Dice
) -> dict:
    """Do one action to the people `who` at the start of a month.

    Returns:
        unsubscribed: those who take back their consent.  stayed: fading people who stay after all.
    """
    done = effect(p, who, action, people, state, month, dice)
    put_in_force(p, month, who, action, done, state)

    key = dice.key("acted on", month, who, action)
    fading = state.phase[who] == FADING
    stayed = who[fading & (unit(key, 0) < done.winning)]
    unsubscribed = who[(unit(key, 1) < done.unsubscribes) & state.is_reachable[who, 0]]
    state.is_reachable[unsubscribed, 0] = False
    state.last_touch_month[who] = month
    state.fatigue[who] += 1
    return {"unsubscribed": unsubscribed, "stayed": stayed}
