"""The market: demand and prices by month and region, and months in which suppliers fail."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from roundtrip.simulate import parameters as p
from roundtrip.simulate.holidays import Calendar
from roundtrip.simulate.randomness import Streams


@dataclass(frozen=True)
class Market:
    """Indices around 1; shape (months, regions). `trouble` multiplies supplier failures; shape (months,)."""

    demand: np.ndarray
    own_price: np.ndarray
    competitor_price: np.ndarray
    trouble: np.ndarray

    def table(self, calendar: Calendar) -> pd.DataFrame:
        """The contract's `market`."""
        months, regions = self.demand.shape
        return pd.DataFrame(
            {
                "month": np.repeat(calendar.month_starts[:-1].astype("datetime64[D]"), regions),
                "region": np.tile(np.array(p.REGIONS, dtype=object), months),
                "demand_index": self.demand.ravel().round(4),
                "own_price_index": self.own_price.ravel().round(4),
                "competitor_price_index": self.competitor_price.ravel().round(4),
            }
        )


def make_market(calendar: Calendar, streams: Streams) -> Market:
    """Prices wander around 1 with a memory; a price war and a bad supplier period are planted."""
    rng = streams["market"]
    months, shape = calendar.months, (calendar.months, len(p.REGIONS))

    def wander():
        steps = rng.normal(0, p.MARKET_NOISE, shape)
        for month in range(1, months):
            steps[month] += p.MARKET_MEMORY * steps[month - 1]
        return steps

    season = np.array([t.months for t in p.NEED_TYPES]) * np.array([t.share for t in p.NEED_TYPES])[:, None]
    season = season.sum(axis=0)[calendar.calendar_months[:months]] + 0.4 * calendar.festival_share[:months]
    progress = np.arange(months) / months
    is_war = (progress >= p.PRICE_WAR[0]) & (progress < p.PRICE_WAR[1])
    is_bad = (progress >= p.BAD_SUPPLIER_PERIOD[0]) & (progress < p.BAD_SUPPLIER_PERIOD[1])
    return Market(
        demand=np.maximum(season[:, None] * (1 + wander()), 0.1),
        own_price=1 + wander() + 0.0015 * np.arange(months)[:, None] * 12 / max(months, 12),
        competitor_price=(1 + wander()) * np.where(is_war, p.PRICE_WAR[2], 1.0)[:, None],
        trouble=np.where(is_bad, p.BAD_SUPPLIER_PERIOD[2], 1.0) * rng.lognormal(0, 0.15, months),
    )
