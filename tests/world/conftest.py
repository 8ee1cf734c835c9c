"""One world for all statistical tests: lived without writing files, every month kept."""

import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from roundtrip.simulate import parameters
from roundtrip.simulate.parameters import ACTIONS
from roundtrip.simulate.world import Month, World

CUSTOMERS, MONTHS, SEED = 8_000, 36, 11


@dataclass(frozen=True)
class Lived:
    """A world after its history, what was in each month, and who was treated and held out when."""

    world: World
    months: list[Month]


@pytest.fixture(scope="session")
def lived() -> Lived:
    world = World(parameters.load(), CUSTOMERS, MONTHS, SEED, np.datetime64("2023-01", "M"))
    return Lived(world, [world.live() for _ in range(MONTHS)])


def live_on(world: World, months: int, action: str | None, who: np.ndarray) -> list[Month]:
    """The next months of a copy of the world, in which `action` is done to `who` in the first of them."""
    other = copy.deepcopy(world)
    other.reach(world.lived + months)
    everybody = pd.DataFrame(
        {
            "person": who,
            "copy": np.zeros_like(who),
            "action": np.full(len(who), 0 if action is None else ACTIONS.index(action)),
            "is_treated": np.ones(len(who), dtype=bool),
            "channel": np.full(len(who), -1),
            "campaign_id": np.full(len(who), None, dtype=object),
        }
    )
    orders = everybody.head(0) if action is None else everybody
    return [other.live(orders if month == 0 else orders.head(0)) for month in range(months)]


def booked(months: list[Month], people: int) -> np.ndarray:
    """Whether each person booked in any of the months; shape (people,)."""
    who = np.concatenate([month.lines["person"].to_numpy() for month in months]).astype(int)
    return np.bincount(who[who < people], minlength=people) > 0


def margin(months: list[Month], people: int) -> np.ndarray:
    """Margin in CNY of what each person booked in the months and did not cancel; shape (people,)."""
    from roundtrip.simulate.bookings import CNY_PER_CODE
    from roundtrip.simulate.trips import COMPLETED

    total = np.zeros(people)
    for month in months:
        lines = month.lines[(month.lines["fate"] == COMPLETED) & (month.lines["person"] < people)]
        amount = lines["margin"].to_numpy() * CNY_PER_CODE[lines["currency"].to_numpy()]
        total += np.bincount(lines["person"].to_numpy(), amount, minlength=people)
    return total
