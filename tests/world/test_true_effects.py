"""The stated effect of an action is what living the same months with and without it gives."""

import numpy as np
import pytest

from roundtrip.simulate import effects
from roundtrip.simulate.actions import Effect, in_force, put_in_force
from roundtrip.simulate.dice import Dice
from roundtrip.simulate.parameters import ACTIONS
from roundtrip.simulate.state import ACTIVE, FADING, GONE, PROSPECT
from tests.world.conftest import booked, live_on, margin

PHASES = {"prospect": PROSPECT, "active": ACTIVE, "fading": FADING, "gone": GONE}


@pytest.fixture(scope="module")
def everybody(lived) -> np.ndarray:
    return np.flatnonzero(np.isin(lived.world.state.phase, list(PHASES.values())))


@pytest.fixture(scope="module")
def untouched(lived, everybody):
    return live_on(lived.world, effects.RETURN_MONTHS, None, everybody)


@pytest.fixture(scope="module")
def stated(lived, everybody):
    world = lived.world
    world.reach(world.lived + effects.VALUE_MONTHS)
    return effects.true_effects(
        world.p, world.lived, everybody, list(range(len(ACTIONS))), world.people, world.state,
        world.calendar, world.market, Dice(world.seed),
    )  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
def test_effect_on_return(lived, everybody, untouched, stated, action):
    """Same dice, with and without: the mean difference, overall and for those it helps most and least."""
    n = len(lived.world.people)
    treated = live_on(lived.world, effects.RETURN_MONTHS, action, everybody)
    difference = (booked(treated, n).astype(float) - booked(untouched, n))[everybody]
    expected = stated[ACTIONS.index(action)].returns
    quartile = np.argsort(expected, kind="stable")
    for rows in (slice(None), quartile[: len(quartile) // 4], quartile[-len(quartile) // 4 :]):
        seen, said = difference[rows], expected[rows].mean()
        error = np.sqrt((seen**2).mean() / len(seen))
        assert abs(seen.mean() - said) < 4 * error + 0.1 * abs(said) + 0.002


@pytest.mark.parametrize("phase", PHASES)
def test_chance_of_a_booking(lived, everybody, untouched, phase):
    """Without any action, the stated chance of a booking is right for those in each phase."""
    world = lived.world
    some, state = effects.pick_people(world.people, world.state, everybody)
    said = effects.outlook(world.p, world.lived, some, state, world.calendar, world.market).returns
    seen = booked(untouched, len(world.people))[everybody]
    rows = state.phase == PHASES[phase]
    error = np.sqrt((said[rows] * (1 - said[rows])).mean() / rows.sum())
    assert rows.sum() > 50
    assert abs(seen[rows].mean() - said[rows].mean()) < 4 * error + 0.02 * said[rows].mean()


def test_effect_on_value(lived, everybody, stated):
    """Twelve months with and without a discount and a call: margins differ by about what is stated."""
    n = len(lived.world.people)
    without = margin(live_on(lived.world, effects.VALUE_MONTHS, None, everybody), n)
    for action in ("discount", "care_call"):
        with_it = margin(live_on(lived.world, effects.VALUE_MONTHS, action, everybody), n)
        seen = (with_it - without)[everybody]
        said = stated[ACTIONS.index(action)].value
        error = seen.std() / np.sqrt(len(seen))
        assert abs(seen.mean() - said.mean()) < 4 * error + 0.25 * abs(said.mean()), action


def test_effects_differ_by_person_and_some_are_negative(stated):
    for action, name in enumerate(ACTIONS):
        found = stated[action].returns
        assert found.std() > 0, name
        assert (found < 0).mean() > 0.02, name
    assert (stated[ACTIONS.index("discount")].value < 0).mean() > 0.1


def test_the_same_action_again_begins_anew_and_another_one_adds(lived):
    """Monthly letters do not make somebody travel without end; a letter and a call do more than either."""
    world = lived.world
    _, state = effects.pick_people(world.people, world.state, np.array([0]))
    state.acted_until[:] = world.lived - 1
    letter, call = (
        Effect(*(np.array([value]) for value in (wish, 0.9, 0.0, 0.1, 0.0)), np.array([False]))
        for wish in (1.04, 1.10)
    )

    def wish_after(month: int, *done: tuple[str, Effect]) -> float:
        for action, effect in done:
            put_in_force(world.p, month, np.array([0]), ACTIONS.index(action), effect, state)
        return float(in_force(state, month).wish[0])

    month, lasts = world.lived, world.p.actions.months
    for at in range(5):
        assert wish_after(month + at, ("content", letter)) == pytest.approx(1.04)
    assert wish_after(month + 5, ("care_call", call)) == pytest.approx(1.04 * 1.10)
    assert in_force(state, month + 5).winning[0] == pytest.approx(1 - 0.9 * 0.9)
    # The last letter was in the month before the call.
    assert in_force(state, month + 4 + lasts).wish[0] == pytest.approx(1.10)
    assert in_force(state, month + 5 + lasts).wish[0] == 1
