"""New rows are compared with the table's own year: chance is no drift, a changed mix is."""

from datetime import date

import pytest

from roundtrip.contract import source_contract
from roundtrip.gates.drift import beyond_chance, drift, new_currencies
from roundtrip.gates.volume import period
from roundtrip.home import Home
from tests.sides import sides_of, write_sides

AS_OF = date(2025, 6, 30)
#: Two years of four bookings a day; the mix is drawn by a hash, so that it varies as by chance.
PAST = """
    SELECT
        'b' || i AS booking_id, 'c' || i % 50 AS customer_id,
        TIMESTAMP '2023-06-01' + to_hours(i * 6) AS booked_at,
        ['flight', 'hotel', 'rail'][(hash(i, 'line') % 3)::INTEGER + 1] AS service_line,
        ['web', 'app'][(hash(i, 'channel') % 2)::INTEGER + 1] AS channel,
        'completed' AS status, 1 + (hash(i, 'size') % 4)::INTEGER AS travellers,
        50 + (hash(i, 'money') % 1000)::INTEGER AS gross_amount,
        ['CNY', 'CNY', 'CNY', 'EUR'][(hash(i, 'currency') % 4)::INTEGER + 1] AS currency
    FROM range(0, 3044) AS r(i)
"""
#: The days after: from 2025-06-30 18:00 back to 2025-06-01.
DAYS = "WHERE booked_at >= TIMESTAMP '2025-06-01'"


def figures(home: Home, batch: str, raw: str | None = None) -> dict:
    raw = f"SELECT * FROM ({PAST}) WHERE booked_at < TIMESTAMP '2025-06-01'" if raw is None else raw
    write_sides(home, {"bookings": batch}, {"bookings": raw} if raw else None)
    table = source_contract()["bookings"]
    with sides_of(home, AS_OF) as sides:
        found = period(sides, table)
        return drift(sides, table, found) | new_currencies(sides, table, found)


def test_a_month_like_the_others_does_not_drift(home: Home):
    found = figures(home, f"SELECT * FROM ({PAST}) {DAYS}")
    assert found.pop("new_currencies") == 0
    assert found == {
        f"{column}_drift": 0.0
        for column in ("service_line", "channel", "destination", "currency", "travellers", "gross_amount")
    }


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("'hotel' AS service_line", "service_line"),
        ("NULL AS channel", "channel"),
        ("'Paris' AS destination", "destination"),
        ("100 * gross_amount AS gross_amount", "gross_amount"),
        ("travellers + 6 AS travellers", "travellers"),
        ("'EUR' AS currency", "currency"),
    ],
)
def test_a_changed_column_drifts_and_no_other(home: Home, change: str, column: str):
    names = "destination" if column == "destination" else ""
    batch = (
        f"SELECT *, {change} FROM ({PAST}) {DAYS}"
        if names
        else f"SELECT * REPLACE ({change}) FROM ({PAST}) {DAYS}"
    )
    found = figures(home, batch)
    assert found.pop("new_currencies") == 0
    assert found.pop(f"{column}_drift") > 0.25
    assert set(found.values()) == {0.0}


def test_what_the_season_did_a_year_ago_is_less_drift(home: Home, monkeypatch):
    in_june = "CASE WHEN month(booked_at) = 6 THEN 'cruise' ELSE service_line END AS service_line"
    cruises = f"SELECT * REPLACE ({in_june}) FROM ({PAST})"
    before = f"SELECT * FROM ({cruises}) WHERE booked_at < TIMESTAMP '2025-06-01'"
    june = f"SELECT * FROM ({cruises}) {DAYS}"
    with_season = figures(home, june, before)["service_line_drift"]
    # Without a day of that season only the whole year is left to compare with.
    monkeypatch.setattr("roundtrip.gates.drift.SEASON_DAYS", -60)
    year_only = figures(home, june, before)["service_line_drift"]
    assert with_season < 0.8 * year_only


def test_a_currency_never_seen_is_counted_once_there_is_a_year(home: Home):
    strange = "CASE WHEN travellers = 4 THEN 'XTS' ELSE currency END AS currency"
    batch = f"SELECT * REPLACE ({strange}) FROM ({PAST}) {DAYS}"
    assert figures(home, batch)["new_currencies"] == 1
    this_year = "booked_at >= TIMESTAMP '2025-01-01' AND booked_at < TIMESTAMP '2025-06-01'"
    young = f"SELECT * FROM ({PAST}) WHERE {this_year}"
    assert figures(home, batch, young)["new_currencies"] is None


def test_without_history_or_with_few_rows_nothing_is_said(home: Home):
    assert set(figures(home, f"SELECT * FROM ({PAST}) {DAYS}", raw="").values()) == {None}
    few = figures(home, f"SELECT * REPLACE ('hotel' AS service_line) FROM ({PAST}) {DAYS} LIMIT 99")
    assert few["service_line_drift"] is None


def test_chance_is_what_its_distribution_says():
    # Two classes, so one degree of freedom: the 99.9 % quantile of chi-squared is 10.83; rows count half.
    assert beyond_chance(0.5, 2, 1000, 1000) == pytest.approx(0.5 - 2 * 0.002 * 10.83, abs=2e-3)
    assert beyond_chance(0.5, 11, 1000, 1000) == pytest.approx(0.5 - 2 * 0.002 * 29.59, abs=1e-3)
    assert beyond_chance(0.001, 11, 1000, 1000) == 0.0
    assert beyond_chance(0.5, 1, 1000, 1000) == 0.5
    assert beyond_chance(0.5, 2, 99, 1000) is None
    assert beyond_chance(0.5, 2, 1000, None) is None
