"""The months of the history, Chinese public holidays, and how they move the demand for travel."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from roundtrip.simulate import parameters as p

#: First day of the lunar year.
SPRING_FESTIVALS = {
    2006: (1, 29), 2007: (2, 18), 2008: (2, 7), 2009: (1, 26), 2010: (2, 14), 2011: (2, 3), 2012: (1, 23),
    2013: (2, 10), 2014: (1, 31), 2015: (2, 19), 2016: (2, 8), 2017: (1, 28), 2018: (2, 16), 2019: (2, 5),
    2020: (1, 25), 2021: (2, 12), 2022: (2, 1), 2023: (1, 22), 2024: (2, 10), 2025: (1, 29), 2026: (2, 17),
    2027: (2, 6),
}  # fmt: skip

#: Days before and after the first day that people travel in.
SPRING_FESTIVAL_WINDOW = (-4, 9)
#: (month, first day, last day, strength) of holidays that do not move, as travel windows.
FIXED_HOLIDAYS = ((1, 1, 2, 0.6), (4, 3, 6, 0.6), (5, 1, 5, 1.2), (7, 12, 31, 0.4), (8, 1, 20, 0.4),
                  (10, 1, 7, 1.6))  # fmt: skip

#: Travel may start this long after the last booking.
LOOKAHEAD_DAYS = 400


def epoch_day(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def _festival_days(year: int) -> np.ndarray:
    first = epoch_day(date(year, *SPRING_FESTIVALS[year]))
    return np.arange(first + SPRING_FESTIVAL_WINDOW[0], first + SPRING_FESTIVAL_WINDOW[1] + 1)


@dataclass(frozen=True)
class Calendar:
    """Months 0..months-1 of the history, and what each day is worth to a traveller.

    Attributes:
        month_starts: epoch day of the first of each month, with one more at the end; shape (months + 1,).
        calendar_months: 0..11 for January..December, twelve months beyond the end too.
        festival_share: share of the Spring Festival window in each month, same shape.
        holiday_strength: per day from `first_day` on; 0 on a plain weekday.
        is_weekend: Friday and Saturday departures, per day from `first_day` on.
    """

    months: int
    month_starts: np.ndarray
    calendar_months: np.ndarray
    festival_share: np.ndarray
    holiday_strength: np.ndarray
    is_weekend: np.ndarray

    @property
    def first_day(self) -> int:
        return int(self.month_starts[0])

    @property
    def last_day(self) -> int:
        return int(self.month_starts[-1]) - 1

    @property
    def ends_at(self) -> int:
        """Epoch second after the last one of the history."""
        return (self.last_day + 1) * 86_400

    def month_of(self, days: np.ndarray) -> np.ndarray:
        """Month index of epoch days; `months` or more means after the end."""
        return np.searchsorted(self.month_starts, days, side="right") - 1

    def demand(self, days: np.ndarray, holiday_pull: np.ndarray, weekend_pull: np.ndarray) -> np.ndarray:
        """Relative wish to start a trip on each of `days` (any shape), never under 0.05."""
        at = np.clip(days - self.first_day, 0, len(self.holiday_strength) - 1)
        wish = 1 + holiday_pull * self.holiday_strength[at] + weekend_pull * self.is_weekend[at]
        return np.maximum(wish, 0.05)


def make_calendar(months: int) -> Calendar:
    """The calendar of a history of `months` months that ends on parameters.ENDS_ON."""
    last = np.datetime64(p.ENDS_ON, "M")
    firsts = np.arange(last - months + 1, last + 2)
    month_starts = firsts.astype("datetime64[D]").astype(np.int64)
    ahead = np.arange(last - months + 1, last + 13)
    ahead_starts = np.append(ahead, ahead[-1] + 1).astype("datetime64[D]").astype(np.int64)

    days = np.arange(month_starts[0], month_starts[-1] + LOOKAHEAD_DAYS)
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]").astype(int) % 12 + 1
    day_of_month = (dates - dates.astype("datetime64[M]")).astype(int) + 1
    strength = np.zeros(len(days))
    for holiday_month, first, last_one, value in FIXED_HOLIDAYS:
        strength[(month == holiday_month) & (day_of_month >= first) & (day_of_month <= last_one)] = value
    festivals = np.concatenate([_festival_days(year) for year in SPRING_FESTIVALS])
    strength[np.isin(days, festivals)] = 1.5

    inside = np.searchsorted(ahead_starts, festivals, side="right") - 1
    inside = inside[(inside >= 0) & (inside < len(ahead))]
    window = SPRING_FESTIVAL_WINDOW[1] - SPRING_FESTIVAL_WINDOW[0] + 1
    return Calendar(
        months=months,
        month_starts=month_starts,
        calendar_months=ahead.astype(int) % 12,
        festival_share=np.bincount(inside, minlength=len(ahead)) / window,
        holiday_strength=strength,
        is_weekend=np.isin((days + 3) % 7, (4, 5)),  # epoch day 0 was a Thursday; Monday is 0
    )


#: Bookings and visits by hour of the UTC day; local time is UTC+8, so 0 is eight in the morning.
_HOURS = (2, 4, 6, 7, 7, 6, 6, 6, 6, 5, 5, 6, 8, 10, 9, 5)


def clock(rng: np.random.Generator, size: int) -> np.ndarray:
    """Seconds into a UTC day between eight in the morning and midnight Chinese time; shape (size,)."""
    cumulative = np.cumsum(_HOURS)
    hours = np.searchsorted(cumulative, rng.random(size) * cumulative[-1], side="right")
    return hours * 3_600 + rng.integers(0, 3_600, size)
