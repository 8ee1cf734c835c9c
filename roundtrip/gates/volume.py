"""How many rows came, and whether they stopped coming, against the table's own past."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

from roundtrip.contract import Table
from roundtrip.gates.sides import Sides, accepted, loaded
from roundtrip.ingest import sql

#: Days of the past that are looked at.
PAST_DAYS = 3 * 366
#: Windows whose median is the level that the next one is expected at.
LEVEL_WINDOWS = 3
#: The spread of log counts that is taken for normal at least: with a year of history, and before, when the
#: season is not known yet (travel doubles from one month to the next).
SPREAD_AT_LEAST, SPREAD_UNKNOWN = 0.12, 0.25
#: Errors of earlier windows that a spread is estimated from, at least.
ERRORS_AT_LEAST = 6
#: Days of history without which a silence says nothing.
SILENCE_HISTORY_DAYS = 90
#: Days of the past whose silences count.
SILENCE_PAST_DAYS = 365
#: Where fewer rows than this are expected, any number is normal.
LEAST_EXPECTED = 5
_DAYS_OF_YEAR = 365.25
#: From a median of absolute values to a standard deviation of normal values.
_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Period:
    """The days that a batch brings: after `known_until`, up to `as_of`.

    `days` counts rows per day in raw; `newest_on` is the last day of which the batch has a row.
    """

    known_until: date
    as_of: date
    new_rows: int
    days: dict[date, int]
    newest_on: date

    @property
    def length(self) -> int:
        return (self.as_of - self.known_until).days

    @property
    def months(self) -> int | None:
        """How many whole months the period has; None where it is none of whole months."""
        if not (_is_month_end(self.known_until) and _is_month_end(self.as_of)):
            return None
        return (self.as_of.year - self.known_until.year) * 12 + self.as_of.month - self.known_until.month

    @property
    def first_known(self) -> date:
        return min(self.days)


def period(sides: Sides, table: Table) -> Period | None:
    """What is new in the batch; None without history, or without a day that is new.

    A day is known when raw has at least half as many of its rows as the batch, so that neither a late row,
    nor a stray one with a date ahead, nor everything delivered once more moves the border. Of many rows a
    sample is counted.
    """
    # A month's row is known when the month has ended.
    is_month = table.column(table.occurred).type == "MONTH"
    day = f"{'last_day' if is_month else 'date'}({sql.name(table.occurred)})"
    every_new, every_known = sides.every(accepted(table)), sides.every(loaded(table))
    rows = sides.connection.execute(
        f"""
        SELECT day, sum(here)::BIGINT, sum(before)::BIGINT
        FROM (
            SELECT {day} AS day, {every_new} * count(*) AS here, 0 AS before
            FROM {accepted(table)}
            WHERE _row % {every_new} = 0
            GROUP BY 1
            UNION ALL
            SELECT {day}, 0, {every_known} * count(*)
            FROM {loaded(table)}
            WHERE _row % {every_known} = 0
            GROUP BY 1
        )
        WHERE day > CAST($as_of AS DATE) - {PAST_DAYS} AND day <= $as_of
        GROUP BY day
        ORDER BY day
        """,
        {"as_of": sides.as_of},
    ).fetchall()
    known = [day for day, here, before in rows if before and 2 * before >= here]
    if not known or known[-1] >= sides.as_of or not any(here for _, here, _ in rows):
        return None
    return Period(
        known_until=known[-1],
        as_of=sides.as_of,
        new_rows=sum(here for day, here, _ in rows if day > known[-1]),
        days={day: before for day, _, before in rows if before and day <= known[-1]},
        newest_on=max(day for day, here, _ in rows if here),
    )


def silence(found: Period | None) -> dict:
    """silent_days, longest_silent_days, silence_ratio.

    Days without a row up to as_of; the longest such stretch between two days with rows in the last year that
    is known, since a young company was often silent; and (silent + 1) / (longest + 1). An export that
    stopped a week ago still brings most of a month, which a count of rows may take for a weak one. NULL with
    less than SILENCE_HISTORY_DAYS days of history.
    """
    if found is None or (found.known_until - found.first_known).days < SILENCE_HISTORY_DAYS:
        return {"silent_days": None, "longest_silent_days": None, "silence_ratio": None}
    year = found.known_until - timedelta(days=SILENCE_PAST_DAYS)
    days = sorted(day for day in found.days if day > year)
    longest = max((after - before).days - 1 for before, after in pairwise(days))
    silent = (found.as_of - found.newest_on).days
    return {
        "silent_days": silent,
        "longest_silent_days": longest,
        "silence_ratio": (silent + 1) / (longest + 1),
    }


def volume(found: Period | None) -> dict:
    """new_rows, expected_new_rows, volume_deviation (standard deviations that they differ by).

    The past is cut into windows as long as the period: as many whole months, or days (of less than four
    weeks: that begin on the same day of the week). The expectation is the median of the last three windows
    and, where there is a year, the same times what the season did to that window a year ago; the nearer of
    the two counts. The standard deviation of the log count has two parts: what such expectations missed by
    in the past (1.4826 x their median absolute size), and chance (a count n varies by 1 / n). NULL without
    enough windows, or where fewer than five rows are expected.
    """
    nothing = {"new_rows": None, "expected_new_rows": None, "volume_deviation": None}
    if found is None:
        return nothing
    counts = [found.new_rows, *_past_windows(found)]
    year = round(12 / found.months if found.months else _DAYS_OF_YEAR / _stride(found.length))
    now = _error(counts, 0, year)
    if now is None:
        return {**nothing, "new_rows": found.new_rows}
    error, expected = now
    if expected < LEAST_EXPECTED:
        return {**nothing, "new_rows": found.new_rows, "expected_new_rows": expected}
    spread = _spread(counts, year)
    chance = 1 / (found.new_rows + 1) + 1 / (LEVEL_WINDOWS * expected + 1)
    return {
        "new_rows": found.new_rows,
        "expected_new_rows": expected,
        "volume_deviation": error / math.sqrt(spread**2 + chance),
    }


def _spread(counts: Sequence[int], year: int) -> float:
    """The standard deviation of the log count about its expectation, from the windows before the newest.

    Once the season is known, errors made without knowing it say too much.
    """
    past = range(1, len(counts))
    every = _typical([_error(counts, back, year) for back in past])
    if len(counts) <= year:
        # However calm the months so far: the season is not known.
        return max(SPREAD_UNKNOWN, every)
    knowing = [_error(counts, back, year) for back in past if _seasonal(counts, back, year) is not None]
    return max(SPREAD_AT_LEAST, _typical(knowing) if len(knowing) >= ERRORS_AT_LEAST else every)


def _typical(errors: Sequence[tuple[float, float] | None]) -> float:
    sizes = [abs(each[0]) for each in errors if each]
    return _TO_SIGMA * median(sizes) if len(sizes) >= ERRORS_AT_LEAST else SPREAD_UNKNOWN


def _stride(length: int) -> int:
    return length if length >= 28 else 7 * math.ceil(length / 7)


def _past_windows(found: Period) -> list[int]:
    """Rows of each earlier window that does not begin before the first known day, the newest first."""
    first = found.first_known.replace(day=1) if found.months else found.first_known
    windows, back = [], 0
    while True:
        back += 1
        if found.months:
            start = _first_of_month(found.known_until, 1 - back * found.months)
            end = _first_of_month(start, found.months)
        else:
            start = found.known_until + timedelta(days=1 - back * _stride(found.length))
            end = start + timedelta(days=found.length)
        if start < first:
            return windows
        windows.append(
            sum(found.days.get(start + timedelta(days=offset), 0) for offset in range((end - start).days))
        )


def _is_month_end(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def _first_of_month(day: date, months_later: int) -> date:
    months = day.year * 12 + day.month - 1 + months_later
    return date(months // 12, months % 12 + 1, 1)


def _error(counts: Sequence[int], place: int, year: int) -> tuple[float, float] | None:
    """By how much the log count at `place` misses what the windows before it let expect, and that count."""
    expectations = [
        each for each in (_level(counts, place), _seasonal(counts, place, year)) if each is not None
    ]
    if not expectations:
        return None
    errors = [(math.log((counts[place] + 0.5) / (each + 0.5)), each) for each in expectations]
    return min(errors, key=lambda error: abs(error[0]))


def _level(counts: Sequence[int], place: int) -> float | None:
    before = counts[place + 1 : place + 1 + LEVEL_WINDOWS]
    return float(median(before)) if len(before) == LEVEL_WINDOWS else None


def _seasonal(counts: Sequence[int], place: int, year: int) -> float | None:
    now, then = _level(counts, place), _level(counts, place + year)
    if now is None or then is None:
        return None
    return now * (counts[place + year] + 0.5) / (then + 0.5)
