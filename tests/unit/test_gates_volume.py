"""What a normal number of rows is: the table's own past says so."""

import math
from datetime import date, timedelta

import pytest

from roundtrip.contract import source_contract
from roundtrip.gates.volume import Period, period, silence, volume
from roundtrip.home import Home
from tests.sides import sides_of, write_sides

MONTH_ENDS = [date(2023 + (m // 12), m % 12 + 1, 1) - timedelta(days=1) for m in range(1, 30)]
#: Rows of the months of a year: half of the summer's in winter.
SEASON = [100, 100, 130, 160, 200, 240, 260, 250, 200, 150, 110, 150]


def months(counts: list[int], new_rows: int) -> Period:
    """A past of whole months with so many rows each, and a month that follows."""
    return Period(
        known_until=MONTH_ENDS[len(counts) - 1],
        as_of=MONTH_ENDS[len(counts)],
        new_rows=new_rows,
        days=dict(zip(MONTH_ENDS, counts, strict=False)),
        newest_on=MONTH_ENDS[len(counts)],
    )


def deviation(counts: list[int], new_rows: int) -> float | None:
    return volume(months(counts, new_rows))["volume_deviation"]


def test_a_month_like_the_others_is_normal_and_half_or_double_is_not():
    past = [300, 310, 290, 305, 295, 300, 310, 290, 305, 295, 300, 310, 290, 305, 300]
    assert abs(deviation(past, 300)) < 0.5
    assert deviation(past, 150) < -3
    assert deviation(past, 600) > 3
    assert deviation(past, 0) < -3


def test_the_season_of_a_year_ago_is_no_surprise_and_its_absence_is_none_either():
    past = [10 * count for count in SEASON + SEASON + SEASON[:3]]
    grows = volume(months(past, 1600))
    assert abs(grows["volume_deviation"]) < 1
    assert grows["expected_new_rows"] == pytest.approx(1600, rel=0.25)
    assert deviation(past, 400) < -3


def test_without_a_year_only_what_no_season_does_is_strange():
    past = [300, 310, 290, 305, 295, 300]
    assert abs(deviation(past, 500)) < 3
    assert deviation(past, 100) < -3


def test_an_unsteady_table_may_do_what_it_always_did():
    past = [300, 40, 900, 120, 20, 700, 60, 400, 30, 800, 50, 350, 25, 600, 90]
    assert abs(deviation(past, 30)) < 3
    assert abs(deviation(past, 900)) < 3


def test_few_rows_vary_by_chance():
    assert abs(deviation([10, 12, 9, 11, 10, 8, 12, 10], 5)) < 3
    assert deviation([10_000, 12_000, 9_000, 11_000, 10_000, 8_000, 12_000, 10_000], 3_000) < -3


@pytest.mark.parametrize("past", [[], [300], [300, 310], [1, 2, 1, 0, 2, 1]])
def test_a_short_or_nearly_empty_past_says_nothing(past):
    found = volume(months(past, 7) if past else None)
    assert found["volume_deviation"] is None


def test_days_are_compared_with_the_same_day_of_the_week():
    monday = date(2025, 3, 3)
    past = {
        monday - timedelta(days=back): 20 if (monday - timedelta(days=back)).weekday() > 4 else 200
        for back in range(1, 120)
    }
    saturday = dict(past) | {monday + timedelta(days=ahead): 200 for ahead in range(5)}
    found = volume(one_day(monday + timedelta(days=5), 20, saturday))
    assert abs(found["volume_deviation"]) < 0.5
    assert volume(one_day(monday, 20, past))["volume_deviation"] < -3


def one_day(day: date, new_rows: int, days: dict[date, int]) -> Period:
    return Period(day - timedelta(days=1), day, new_rows, days, newest_on=day)


def silent_for(days: int, weekdays_only: bool = False, history: int = 400) -> dict:
    """April, of which the last days are missing, after so many days of history."""
    as_of = date(2025, 4, 30)
    until = date(2025, 3, 31)
    known = [until - timedelta(days=back) for back in range(history)]
    rows = {day: 50 for day in known if not weekdays_only or day.weekday() < 5}
    return silence(Period(until, as_of, 900, rows, newest_on=as_of - timedelta(days=days)))


def test_an_export_that_stopped_is_heard_by_its_silence():
    assert silent_for(7) == {"silent_days": 7, "longest_silent_days": 0, "silence_ratio": 8}
    assert silent_for(0)["silence_ratio"] == 1
    # An office that is closed at weekends has been silent for two days before.
    assert silent_for(2, weekdays_only=True)["silence_ratio"] == 1
    assert silent_for(7, weekdays_only=True)["silence_ratio"] == pytest.approx(8 / 3)
    assert silent_for(7, history=60)["silence_ratio"] is None
    assert silence(None)["silence_ratio"] is None


def test_the_silences_of_a_young_company_are_forgotten():
    """A booking a week in the first months, one a day in the last year."""
    until = date(2025, 3, 31)
    rows = {until - timedelta(days=back): 5 for back in range(365)}
    rows |= {until - timedelta(days=365 + back): 5 for back in range(0, 200, 7)}
    found = silence(Period(until, date(2025, 4, 30), 100, rows, newest_on=date(2025, 4, 23)))
    assert (found["longest_silent_days"], found["silence_ratio"]) == (0, 8)


def test_the_deviation_is_the_log_error_over_spread_and_chance():
    past = [100] * 16
    expected = math.log(50.5 / 100.5) / math.sqrt(0.12**2 + 1 / 51 + 1 / 301)
    assert deviation(past, 50) == pytest.approx(expected)


BOOKINGS = (
    "SELECT 'b' || {ids} || i AS booking_id, 'c1' AS customer_id, 'hotel' AS service_line, "
    "'confirmed' AS status, "
    "TIMESTAMP '2025-01-01' + to_days(i) AS booked_at FROM range({first}, {last}) AS r(i)"
)


def found_period(home: Home, batch: str, raw: str | None, as_of: date) -> Period | None:
    write_sides(home, {"bookings": batch}, {"bookings": raw} if raw else None)
    with sides_of(home, as_of) as sides:
        return period(sides, source_contract()["bookings"])


def test_only_days_that_raw_does_not_have_are_new(home: Home):
    raw = BOOKINGS.format(ids=0, first=0, last=90)
    late = BOOKINGS.format(ids=1, first=40, last=41)
    once_more = BOOKINGS.format(ids=0, first=0, last=90)
    new = BOOKINGS.format(ids=2, first=90, last=120)
    ahead = BOOKINGS.format(ids=3, first=200, last=201)
    batch = " UNION ALL ".join((late, once_more, new, ahead))

    found = found_period(home, batch, raw, date(2025, 4, 30))

    assert (found.known_until, found.as_of, found.new_rows) == (date(2025, 3, 31), date(2025, 4, 30), 30)
    assert found.months == 1
    assert sum(found.days.values()) == 90


def test_a_first_delivery_and_an_old_date_have_no_new_period(home: Home):
    new = BOOKINGS.format(ids=2, first=90, last=120)
    assert found_period(home, new, None, date(2025, 4, 30)) is None
    assert found_period(home, new, BOOKINGS.format(ids=0, first=0, last=90), date(2025, 3, 31)) is None


def test_a_month_is_known_when_it_has_ended(home: Home):
    rows = "SELECT DATE '{month}' AS month, region FROM (VALUES ('north'), ('south')) AS v(region)"
    raw = " UNION ALL ".join(rows.format(month=f"2025-0{number}-01") for number in range(1, 5))
    write_sides(home, {"market": rows.format(month="2025-05-01")}, {"market": raw})
    with sides_of(home, date(2025, 5, 31)) as sides:
        found = period(sides, source_contract()["market"])
    assert (found.known_until, found.new_rows, found.months) == (date(2025, 4, 30), 2, 1)
