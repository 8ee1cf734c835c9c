"""The market: demand and prices by month and region, and months in which suppliers fail."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.dice import Dice
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.parameters import REGIONS, Parameters


@dataclass(frozen=True)
class Market:
    """Indices around 1; shape (months, regions). By month: `trouble` multiplies supplier failures.

    They reach twelve months and more beyond the history, because trips are booked ahead.
    """

    demand: np.ndarray
    own_price: np.ndarray
    competitor_price: np.ndarray
    trouble: np.ndarray

    def rows(self, month: int, calendar: Calendar) -> pd.DataFrame:
        """The contract's `market` rows of a month."""
        return pd.DataFrame(
            {
                "month": np.repeat(calendar.month_starts[month], len(REGIONS)),
                "region": np.array(REGIONS, dtype=object),
                "demand_index": self.demand[month].round(4),
                "own_price_index": self.own_price[month].round(4),
                "competitor_price_index": self.competitor_price[month].round(4),
            }
        )


def make_market(p: Parameters, calendar: Calendar, dice: Dice) -> Market:
    """Prices wander around 1 with a memory; what the parameters plant comes on top."""
    months = len(calendar.calendar_months)
    at = np.arange(months)

    def wander(part: str) -> np.ndarray:
        region = np.arange(len(REGIONS))
        steps = np.stack([dice_of.normal(dice.unit(part, month, region)) for month in range(months)])
        steps *= p.market.noise
        for month in range(1, months):
            steps[month] += p.market.memory * steps[month - 1]
        return steps

    def planted(events) -> np.ndarray:
        factor = np.ones(months)
        for event in events:
            factor[event.from_month : event.from_month + event.months] *= event.factor
        return factor

    season = sum(t.share * np.array(t.months) for t in p.need_types.values())
    season = season[calendar.calendar_months] + 0.4 * calendar.festival_share
    opened = np.ones(months)
    for shock in p.market.shocks:
        share = (1 - p.trips.stays_in_the_country) if shock.abroad_only else 1
        opened[shock.from_month : shock.from_month + shock.months] *= 1 - share * (1 - shock.demand)
    own = (1 + wander("own price")) * (1 + p.market.own_price_growth * at / 12)[:, None]
    trouble = dice_of.lognormal(dice.unit("supplier trouble", at), 1.0, 0.15)
    return Market(
        demand=np.maximum(season[:, None] * (1 + wander("demand")) * opened[:, None], 0.05),
        own_price=own * planted(p.market.own_price_rises)[:, None],
        competitor_price=(1 + wander("competitor price")) * planted(p.market.price_wars)[:, None],
        trouble=trouble * planted(p.market.supplier_troubles),
    )
