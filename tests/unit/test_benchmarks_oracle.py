"""The oracle of the benchmarks: what counts as a booking, what is drawn anew, and how rankings are judged."""

import copy

import numpy as np
import pandas as pd
import pytest

from benchmarks import oracle
from roundtrip.simulate import parameters
from roundtrip.simulate.dice import Dice
from roundtrip.simulate.state import PROSPECT, UNREGISTERED, thresholds
from roundtrip.simulate.trips import BY_CUSTOMER, BY_SUPPLIER, COMPLETED, NO_SHOW
from roundtrip.simulate.world import World

AS_OF, HORIZON_ENDS_ON = 20_000, 20_180
MONTHS = 18


@pytest.fixture(scope="module")
def world() -> World:
    lived = World(parameters.load(), 300, MONTHS, 5, np.datetime64("2023-01", "M"))
    for _ in range(MONTHS):
        lived.live(with_visits=False)
    return lived


@pytest.fixture(scope="module")
def scored(world) -> pd.DataFrame:
    """All who have booked, half of them with a longer horizon."""
    who = np.flatnonzero(~np.isin(world.state.phase, (UNREGISTERED, PROSPECT)))
    as_of = int(world.calendar.month_starts[MONTHS]) - 1
    horizon_ends_on = as_of + np.where(np.arange(len(who)) % 2, 180, 365)
    return pd.DataFrame({"person": who, "as_of": as_of, "horizon_ends_on": horizon_ends_on})


@pytest.mark.parametrize(
    ("booked_on", "fate", "fate_on", "keeps"),
    [
        (AS_OF, COMPLETED, AS_OF + 9, False),
        (AS_OF + 1, COMPLETED, AS_OF + 9, True),
        (HORIZON_ENDS_ON, COMPLETED, HORIZON_ENDS_ON + 30, True),
        (HORIZON_ENDS_ON + 1, COMPLETED, HORIZON_ENDS_ON + 30, False),
        (AS_OF + 5, NO_SHOW, AS_OF + 9, True),
        (AS_OF + 5, BY_CUSTOMER, AS_OF + 9, False),
        (AS_OF + 5, BY_SUPPLIER, HORIZON_ENDS_ON, False),
        (AS_OF + 5, BY_CUSTOMER, HORIZON_ENDS_ON + 1, True),
    ],
)
def test_a_booking_counts_as_in_churn_labels(booked_on, fate, fate_on, keeps):
    times = {"booked_at": [booked_on * 86_400 + 80_000], "fate_at": [fate_on * 86_400 + 10]}
    lines = pd.DataFrame(times | {"fate": [fate]})
    assert oracle.counts(lines, np.array([AS_OF]), np.array([HORIZON_ENDS_ON])).tolist() == [keeps]


def test_new_thresholds_are_those_of_the_world_that_lie_above_the_need():
    p, n = parameters.load(), 40_000
    need_type, person = np.arange(n) % len(p.need_types), np.arange(n)
    drawn = thresholds(p, need_type, person, np.zeros(n, dtype=int), Dice(1))
    need = 1.2 * Dice(2).unit("need", person)
    found = oracle.thresholds_above(p, need_type, need, Dice(3).unit("anew", person))
    assert (found > need).all()
    for low in (0.0, 0.4, 0.8):
        near = (need >= low) & (need < low + 0.4)
        known, new = drawn[near & (drawn > need)], found[near]
        # Drawn ones that lie above weigh people by their chance to; weigh the new ones the same way.
        weight = np.array(
            [(drawn[need_type == kind] > low + 0.2).mean() for kind in range(len(p.need_types))]
        )
        assert np.average(new, weights=weight[need_type[near]]) == pytest.approx(known.mean(), abs=0.03)


def test_a_year_ahead_finds_who_books_within_the_horizon(world, scored):
    future, lines = copy.deepcopy(world), []
    future.reach(MONTHS + 12)
    for _ in range(12):
        lines.append(future.live(oracle.no_orders()).lines)
    lines = pd.concat(lines).merge(scored, on="person")
    lines = lines[(lines["copy"] == 0) & (lines["booked_at"] // 86_400 <= lines["horizon_ends_on"])]
    is_cancelled = lines["fate"].isin([BY_CUSTOMER, BY_SUPPLIER])
    lines = lines[~is_cancelled | (lines["fate_at"] // 86_400 > lines["horizon_ends_on"])]
    expected = scored["person"].isin(lines["person"]).to_numpy()
    assert 0 < expected.sum() < len(expected)
    np.testing.assert_array_equal(oracle.books(copy.deepcopy(world), scored), expected)


@pytest.mark.parametrize("with_new_thresholds", [False, True])
def test_futures_differ_and_leave_the_world_as_it_was(world, scored, with_new_thresholds):
    before = copy.deepcopy(world.state)
    first, second = oracle.live_futures(world, scored, 2, with_new_thresholds=with_new_thresholds)
    assert (first != second).any()
    assert world.lived == MONTHS
    for name in before.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(world.state, name), getattr(before, name))
    again = oracle.live_futures(world, scored, 1, with_new_thresholds=with_new_thresholds)
    np.testing.assert_array_equal(again[0], first)


def test_only_the_oracle_that_knows_the_threshold_is_sure_of_a_trip_that_is_due(world, scored):
    due = copy.deepcopy(world)
    # Nobody may have seen that the need is a hair below what it takes.
    due.state.threshold[:] = due.state.need + 1e-9
    knows, does_not = (
        1 - oracle.live_futures(due, scored, 3, with_new_thresholds=new).mean() for new in (False, True)
    )
    assert knows > does_not + 0.05


def test_the_better_ranking_is_better_in_every_draw_of_customers():
    label = np.arange(400) % 2 == 0
    noise = Dice(1).unit("noise", np.arange(400))
    judged = oracle.judge({"best": label + 0.0, "same": label * 2.0, "noise": noise}, label, replicates=50)
    assert judged.auc["best"] == 1
    assert judged.interval(lambda auc: auc["best"] - auc["same"]) == (0, 0)
    low, high = judged.interval(lambda auc: auc["noise"])
    assert 0.4 < low < judged.auc["noise"] < high < 0.6


def test_more_futures_are_foreseen_from_few():
    n = 20_000
    risk = Dice(1).unit("risk", np.arange(n))
    label = Dice(2).unit("label", np.arange(n)) < risk
    futures = np.stack([Dice(3).unit("future", number, np.arange(n)) < risk for number in range(20)])
    best = oracle.judge({"risk": risk}, label, replicates=1).auc["risk"]
    few = oracle.judge({"share": futures.mean(axis=0)}, label, replicates=1).auc["share"]
    assert abs(oracle.endless_auc(futures, label) - best) < abs(few - best) / 2
