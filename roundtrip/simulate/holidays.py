"""The months of the history, Chinese public holidays, and how they move the demand for travel."""

from dataclasses import dataclass
from datetime import date

import numpy as np

#: Holidays of the lunar calendar move: (month, day) by year of the Spring Festival's first day, the Dragon
#: Boat Festival and the Mid-Autumn Festival, as published by the State Council or by almanac.
SPRING_FESTIVALS = {
    2015: (2, 19), 2016: (2, 8), 2017: (1, 28), 2018: (2, 16), 2019: (2, 5), 2020: (1, 25), 2021: (2, 12),
    2022: (2, 1), 2023: (1, 22), 2024: (2, 10), 2025: (1, 29), 2026: (2, 17), 2027: (2, 6), 2028: (1, 26),
    2029: (2, 13), 2030: (2, 3), 2031: (1, 23),
}  # fmt: skip
DRAGON_BOATS = {
    2015: (6, 20), 2016: (6, 9), 2017: (5, 30), 2018: (6, 18), 2019: (6, 7), 2020: (6, 25), 2021: (6, 14),
    2022: (6, 3), 2023: (6, 22), 2024: (6, 10), 2025: (5, 31), 2026: (6, 19), 2027: (6, 9), 2028: (5, 28),
    2029: (6, 16), 2030: (6, 5), 2031: (6, 24),
}  # fmt: skip
MID_AUTUMNS = {
    2015: (9, 27), 2016: (9, 15), 2017: (10, 4), 2018: (9, 24), 2019: (9, 13), 2020: (10, 1), 2021: (9, 21),
    2022: (9, 10), 2023: (9, 29), 2024: (9, 17), 2025: (10, 6), 2026: (9, 25), 2027: (9, 15), 2028: (10, 3),
    2029: (9, 22), 2030: (9, 12), 2031: (10, 1),
}  # fmt: skip
#: The months that these tables allow for, with a year and more to look ahead.
FIRST_MONTH, LAST_MONTH = np.datetime64("2015-01", "M"), np.datetime64("2029-12", "M")

#: Days before and after the first day of the Spring Festival that people travel in, and the demand.
_SPRING_WINDOW = (-4, 9)
_SPRING_STRENGTH = 1.5
#: Short festivals: the days around them, and the demand.
_SHORT_WINDOW = (-1, 1)
_SHORT_STRENGTH = 0.7
#: (month, first day, last day, strength) of holidays that do not move, as travel windows.
_FIXED = ((1, 1, 2, 0.6), (4, 3, 6, 0.6), (5, 1, 5, 1.2), (7, 12, 31, 0.4), (8, 1, 20, 0.4), (10, 1, 7, 1.6))

#: Travel may start this long after the booking.
LOOKAHEAD_DAYS = 400
_LOOKAHEAD_MONTHS = 14


def epoch_day(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def _around(dates: dict[int, tuple[int, int]], window: tuple[int, int]) -> np.ndarray:
    firsts = np.array([epoch_day(date(year, *day)) for year, day in dates.items()])
    return (firsts[:, None] + np.arange(window[0], window[1] + 1)).ravel()


@dataclass(frozen=True)
class Calendar:
    """Months 0..months-1 of the history and some beyond, and what each day is worth to a traveller.

    Attributes:
        first_month: of the history (numpy month).  months: how many the calendar allows to live.
        month_starts: epoch day of the first of each month; shape (months + 14 + 1,).
        calendar_months: 0..11 for January..December, same months.
        festival_share: share of the Spring Festival window in each month.
        holiday_strength: per day from `first_day` on; 0 on a plain weekday.
        is_weekend: Friday and Saturday departures, per day from `first_day` on.
    """

    first_month: np.datetime64
    months: int
    month_starts: np.ndarray
    calendar_months: np.ndarray
    festival_share: np.ndarray
    holiday_strength: np.ndarray
    is_weekend: np.ndarray

    @property
    def first_day(self) -> int:
        return int(self.month_starts[0])

    def label(self, month: int) -> str:
        """A month's name in files, as 2025-03."""
        return str(self.first_month + month)

    def start_of(self, month: int) -> int:
        """Epoch second at which a month starts; that of month + 1 is where it ends."""
        return int(self.month_starts[month]) * 86_400

    def month_of(self, days: np.ndarray) -> np.ndarray:
        """Month index of epoch days; the last known month for what lies beyond."""
        return np.searchsorted(self.month_starts, days, side="right") - 1

    def demand(self, days: np.ndarray, holiday_pull: np.ndarray, weekend_pull: np.ndarray) -> np.ndarray:
        """Relative wish to start a trip on each of `days` (any shape), never under 0.05."""
        at = np.clip(days - self.first_day, 0, len(self.holiday_strength) - 1)
        wish = 1 + holiday_pull * self.holiday_strength[at] + weekend_pull * self.is_weekend[at]
        return np.maximum(wish, 0.05)


def make_calendar(first_month: np.datetime64, months: int) -> Calendar:
    """The calendar of `months` months from `first_month` on."""
    ahead = first_month + np.arange(months + _LOOKAHEAD_MONTHS + 1)
    month_starts = ahead.astype("datetime64[D]").astype(np.int64)
    days = np.arange(month_starts[0], month_starts[-1])
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]").astype(int) % 12 + 1
    day_of_month = (dates - dates.astype("datetime64[M]")).astype(int) + 1
    strength = np.zeros(len(days))
    for holiday_month, first, last, value in _FIXED:
        strength[(month == holiday_month) & (day_of_month >= first) & (day_of_month <= last)] = value
    for festival in (DRAGON_BOATS, MID_AUTUMNS):
        is_near = np.isin(days, _around(festival, _SHORT_WINDOW))
        strength[is_near] = np.maximum(strength[is_near], _SHORT_STRENGTH)
    spring = _around(SPRING_FESTIVALS, _SPRING_WINDOW)
    strength[np.isin(days, spring)] = _SPRING_STRENGTH

    inside = np.searchsorted(month_starts, spring, side="right") - 1
    inside = inside[(spring >= month_starts[0]) & (inside < len(ahead) - 1)]
    window = _SPRING_WINDOW[1] - _SPRING_WINDOW[0] + 1
    return Calendar(
        first_month=first_month,
        months=months,
        month_starts=month_starts,
        calendar_months=ahead[:-1].astype(int) % 12,
        festival_share=np.bincount(inside, minlength=len(ahead) - 1) / window,
        holiday_strength=strength,
        is_weekend=np.isin((days + 3) % 7, (4, 5)),  # epoch day 0 was a Thursday; Monday is 0
    )


#: Bookings and visits by hour of the UTC day; local time is UTC+8, so 0 is eight in the morning.
_HOURS = np.array([2, 4, 6, 7, 7, 6, 6, 6, 6, 5, 5, 6, 7, 8, 8, 5, 4, 2, 1])
_CLOCK = np.repeat(np.arange(len(_HOURS)), _HOURS)


def clock(u: np.ndarray) -> np.ndarray:
    """Seconds into a UTC day, from 8 in the morning to 3 at night Chinese time, from uniform numbers."""
    place = u * len(_CLOCK)
    slot = place.astype(np.int64)
    return _CLOCK[slot] * 3_600 + ((place - slot) * 3_600).astype(np.int64)
