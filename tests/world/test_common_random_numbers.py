"""Two futures of the same world differ only through what was done to whom."""

import copy

import numpy as np
import pandas as pd
import pytest

from roundtrip.simulate.dice import Dice
from tests.world.conftest import live_on

FRAMES = ("lines", "tickets", "answers", "visits", "entries")


@pytest.fixture(scope="module")
def chosen(lived) -> np.ndarray:
    return np.flatnonzero(lived.world.state.trips > 0)[::7]


@pytest.mark.parametrize("action", ["discount", "care_call"])
def test_nobody_else_is_changed(lived, chosen, action):
    without = live_on(lived.world, 3, None, chosen)
    with_it = live_on(lived.world, 3, action, chosen)
    differs = 0
    for one, other in zip(without, with_it, strict=True):
        for name in FRAMES:
            rows = [getattr(month, name) for month in (one, other)]
            rest = [frame[~frame["person"].isin(chosen)].reset_index(drop=True) for frame in rows]
            pd.testing.assert_frame_equal(*rest, check_dtype=False)
            differs += len(rows[0]) != len(rows[1])
        others = np.setdiff1d(np.arange(len(one.phase)), chosen)
        np.testing.assert_array_equal(one.phase[others], other.phase[others])
        np.testing.assert_array_equal(one.satisfaction[others], other.satisfaction[others])
    assert differs  # while something was changed for the chosen


def test_other_dice_give_another_future(lived, chosen):
    """What the expectation over futures rests on: from the same state, other dice lead elsewhere."""
    other = copy.deepcopy(lived.world)
    other.dice = Dice(99)
    [usual], [unusual] = (live_on(world, 1, None, chosen) for world in (lived.world, other))
    assert not usual.lines["booking"].equals(unusual.lines["booking"])
