"""The people: when they register, and what they hide. What is on file about them is in paper.py."""

from dataclasses import dataclass, fields

import numpy as np

from roundtrip.simulate import dice as dice_of
from roundtrip.simulate.dice import Dice, unit
from roundtrip.simulate.holidays import Calendar, clock
from roundtrip.simulate.parameters import REGIONS, SERVICE_LINES, NeedType, Parameters
from roundtrip.simulate.places import HOME_TOWNS

#: The month of somebody who never opens a second account.
NEVER = np.int16(32_000)
_TOWN_REGION = np.array([REGIONS.index(region) for _, _, region, _ in HOME_TOWNS], dtype=np.int8)
_TOWN_SIZE = np.array([size for *_, size in HOME_TOWNS], dtype=float)
_TOWN_IS_CHINESE = np.array([country in ("CN", "HK", "MO") for _, country, _, _ in HOME_TOWNS])


@dataclass
class People:
    """Persons in order of registration; every array has one entry (or row) per person.

    Attributes:
        registered_at: epoch seconds.  registered_month: month index.
        need_type: index into Parameters.need_types.
        trips_per_year: the person's own rate.
        own_months: relative demand by calendar month, mean 1; shape (n, 12).
        line_weights: use of service lines; shape (n, lines).
        region: index into REGIONS.  town: index into places.HOME_TOWNS.
        web_rate: web events a month.
        second_month: month in which a second account is opened, NEVER for most.
    """

    registered_at: np.ndarray
    registered_month: np.ndarray
    need_type: np.ndarray
    is_one_off: np.ndarray
    comes_for_a_trip: np.ndarray
    trips_per_year: np.ndarray
    price_sensitivity: np.ndarray
    expectation: np.ndarray
    own_months: np.ndarray
    line_weights: np.ndarray
    region: np.ndarray
    town: np.ndarray
    web_rate: np.ndarray
    speaks_chinese: np.ndarray
    birth_year: np.ndarray
    second_month: np.ndarray

    def __len__(self) -> int:
        return len(self.need_type)

    def first(self, n: int) -> "People":
        """The first `n` people (views, no copies)."""
        return People(**{f.name: getattr(self, f.name)[:n] for f in fields(self)})

    def joined_by(self, newcomers: "People") -> "People":
        """These people with the newcomers after them."""
        return People(
            **{
                f.name: np.concatenate([getattr(self, f.name), getattr(newcomers, f.name)])
                for f in fields(self)
            }
        )


class Arrivals:
    """How many people register in each month: `people` within the first `months`, and so on after that."""

    def __init__(self, p: Parameters, people: int, months: int):
        self._p, self._people, self._months = p.arrivals, people, months
        self._whole = self._intensity(months).sum()

    def _intensity(self, months: int) -> np.ndarray:
        age = np.arange(months)
        launch = self._p.launch_boost * np.exp(-age / self._p.launch_fades_months)
        return (1 + launch) * (1 + self._p.monthly_growth) ** age

    def until(self, months: int) -> np.ndarray:
        """People registered before each month 0..months; shape (months + 1,), rising from 0."""
        total = np.concatenate([[0.0], np.cumsum(self._intensity(months))])
        return np.floor(self._people * total / self._whole + 0.5).astype(np.int64)


def of_type(p: Parameters, need_type: np.ndarray, attribute: str) -> np.ndarray:
    """A number of every person's need type; scalars give (n,), lists and mappings (n, length)."""
    return _table(p, attribute)[need_type]


def _table(p: Parameters, attribute: str) -> np.ndarray:
    def plain(kind: NeedType):
        value = getattr(kind, attribute)
        return list(value.values()) if isinstance(value, dict) else value

    return np.array([plain(kind) for kind in p.need_types.values()], dtype=float)


def make_people(
    p: Parameters, calendar: Calendar, arrivals: Arrivals, dice: Dice, first: int, last: int
) -> People:
    """People number `first` up to, not including, `last`; they depend on their numbers alone."""
    person = np.arange(first, last)
    before = arrivals.until(calendar.months)
    month = np.searchsorted(before, person, side="right") - 1
    # Spread evenly over the month, each at a moment of its own, so that numbers follow time.
    place = (person - before[month] + dice.unit("registers", person)) / np.diff(before)[month]
    length = np.diff(calendar.month_starts)[month]
    day = (place * length).astype(np.int64)
    registered_at = (calendar.month_starts[month] + day) * 86_400 + clock(place * length - day)

    hidden = dice.key("hidden", person)
    need_type = dice_of.pick(unit(hidden, 0), [t.share for t in p.need_types.values()]).astype(np.int8)

    def own(attribute: str) -> np.ndarray:
        return of_type(p, need_type, attribute)

    def spread(draw: int, shape: float, width: int) -> np.ndarray:
        each = dice_of.split(hidden[:, None], 1_000 * draw + np.arange(width))
        return dice_of.gamma(unit(each), shape)

    months = np.maximum(own("months") * spread(1, p.people.months_spread, 12), 0.02)
    lines = own("lines") * spread(2, p.people.lines_spread, len(SERVICE_LINES))
    favourite = own("lines").argmax(axis=1)
    lines[np.arange(len(person)), favourite] += 0.05  # never without any line
    town = dice_of.pick(unit(hidden, 3), _TOWN_SIZE).astype(np.int16)
    low, high = own("birth_years").T
    birth_year = np.round((low + high) / 2 + (high - low) / 3.3 * dice_of.normal(unit(hidden, 4)))
    wait = 1 + dice_of.exponential(unit(hidden, 12), p.arrivals.second_account_after_months)
    has_second = unit(hidden, 13) < p.arrivals.second_account
    sigma = p.people.web_spread
    return People(
        registered_at=registered_at,
        registered_month=month.astype(np.int16),
        need_type=need_type,
        is_one_off=unit(hidden, 5) < own("one_off"),
        comes_for_a_trip=unit(hidden, 6) < p.arrivals.comes_for_a_trip,
        trips_per_year=(own("trips_per_year") * dice_of.gamma(unit(hidden, 7), p.people.rate_spread)).astype(
            np.float32
        ),
        price_sensitivity=np.clip(
            own("price_sensitivity") + p.people.price_sensitivity_spread * dice_of.normal(unit(hidden, 8)),
            0.02,
            1,
        ).astype(np.float32),
        expectation=np.clip(
            own("expectation") + p.people.expectation_spread * dice_of.normal(unit(hidden, 9)), 0.2, 0.95
        ).astype(np.float32),
        own_months=(months / months.mean(axis=1, keepdims=True)).astype(np.float32),
        line_weights=lines.astype(np.float32),
        region=_TOWN_REGION[town],
        town=town,
        web_rate=(
            own("web_events") * dice_of.lognormal(unit(hidden, 10), np.exp(-(sigma**2) / 2), sigma)
        ).astype(np.float32),
        speaks_chinese=_TOWN_IS_CHINESE[town] | (unit(hidden, 11) < 0.4),
        birth_year=np.clip(birth_year, 1930, 2007).astype(np.int16),
        second_month=np.where(has_second, np.minimum(month + wait, NEVER - 1), NEVER).astype(np.int16),
    )
