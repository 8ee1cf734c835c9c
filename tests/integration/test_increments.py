"""Golden runs: nothing, then five increments with late and corrected rows, which end where a full build ends.

Every table is compared whole, row by row, with that of a build from nothing over the same raw rows: it does
not matter what an increment made anew, only that nothing it left alone should have changed.
"""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip.build import build_warehouse, dbt_environment, state
from roundtrip.build import parts as build_parts
from roundtrip.build import settings as build_settings
from roundtrip.company import Company
from roundtrip.home import Home
from tests.warehouse_fixture import (
    booking,
    connect_raw,
    create_raw,
    dump,
    generate,
    insert,
    without_data_tests,
)

#: What a build makes anew differs by design from what it would make from nothing.
ABOUT_THE_BUILD = {
    *("int_customer_parts", "int_customer_dates", "int_changed_customers", "int_build_scope"),
    *("int_signal_counts", "int_signal_count_charts", "int_signal_gap_charts", "int_signal_rating_charts"),
    *("int_signal_events", "int_watched_customers"),
    "settled_before_fingerprint",
}


@pytest.fixture
def models_only():
    """Every row is compared anyway."""
    with without_data_tests():
        yield


def differences(home: Home, other: Home) -> list[str]:
    """The tables that do not hold the same rows in both."""
    with duckdb.connect() as both:
        both.execute(f"ATTACH '{home.work_db}' AS carried (READ_ONLY)")
        both.execute(f"ATTACH '{other.work_db}' AS anew (READ_ONLY)")
        tables = both.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'anew' "
            "AND schema_name IN ('intermediate', 'marts') ORDER BY ALL"
        ).fetchall()
        assert len(tables) > 60
        found = []
        for schema, table in tables:
            name = f"{schema}.{table}"
            described = both.execute(f"DESCRIBE anew.{name}").fetchall()
            columns = ", ".join(f'"{row[0]}"' for row in described if row[0] not in ABOUT_THE_BUILD)
            for one, two in (("carried", "anew"), ("anew", "carried")):
                rows = both.execute(
                    f"SELECT {columns} FROM {one}.{name} EXCEPT ALL SELECT {columns} FROM {two}.{name}"
                ).fetchall()
                if rows and table not in ABOUT_THE_BUILD:
                    found.append(f"{name}: {len(rows)} rows only {one}, such as {rows[0]}")
        return found


def with_the_same_rows(home: Home, folder: Path) -> Home:
    """A home that has built nothing."""
    other = Home(folder)
    other.raw_db.parent.mkdir(parents=True)
    shutil.copy(home.raw_db, other.raw_db)
    if home.company_file.exists():
        shutil.copy(home.company_file, other.company_file)
    return other


def from_nothing(home: Home, as_of: date, folder: Path) -> Home:
    other = with_the_same_rows(home, folder / f"anew-{as_of}")
    build_warehouse(other, as_of)
    return other


def in_parts(home: Home, as_of: date, folder: Path, monkeypatch) -> Home:
    """Large: built in parts of customers, gone on from likewise, and its tables written anew."""
    other = with_the_same_rows(home, folder / "in-parts")
    monkeypatch.setattr(build_parts, "CUSTOMER_DATES_AT_ONCE", 500)
    monkeypatch.setattr(build_settings, "_SHARE_OF_MEMORY_FOR_DELETIONS", 0)
    for day, previous, rewrites in ((EVE, None, ""), (as_of, EVE, "yes")):
        told = dbt_environment(other, day, previous)
        assert int(told["ROUNDTRIP_PARTS"]) > 1
        assert told["ROUNDTRIP_REWRITES_TABLES"] == rewrites
        assert build_warehouse(other, day)["extent"] == ("increment" if previous else "full")
    return other


def change(home: Home, *statements: str) -> None:
    with connect_raw(home) as raw:
        for statement in statements:
            raw.execute(statement)


def scope(home: Home) -> tuple:
    """(dates from, months from, changed customers) of the last build."""
    (found,) = dump(
        home.work_db,
        "SELECT dates_from, months_from, (SELECT count(*) FROM intermediate.int_changed_customers) "
        "FROM intermediate.int_build_scope",
    )
    return found


def months_go_by(_home: Home) -> None:
    """Nothing is delivered; rows that are there become known."""


def two_years_arrive(home: Home) -> None:
    """Rows up to 2024-12-31: those of later days are there, but not known yet."""
    generate(home, customers=150, months=26, ends_on=date(2024, 12, 31))
    change(
        home,
        "UPDATE bookings SET currency = 'USD' WHERE hash(booking_id) % 11 = 0",
        "UPDATE bookings SET travel_start = NULL, travel_end = NULL WHERE hash(booking_id) % 7 = 0",
        "INSERT INTO market (month, own_price_index, competitor_price_index) SELECT "
        "(DATE '2022-11-01' + to_months(i::INTEGER))::DATE, 1.2, 1.0 FROM range(26) AS months (i)",
        "INSERT INTO consents (customer_id, purpose, status, changed_at) SELECT 'c' || i, 'profiling', "
        "CASE WHEN i % 3 = 0 THEN 'withdrawn' ELSE 'granted' END, "
        "TIMESTAMP '2023-06-05 10:00:00' + to_days((i * 4)::INTEGER) FROM range(140) AS people (i)",
    )


def corrections(home: Home) -> None:
    """Amounts of old bookings, no-shows told late, where two customers live, and visits of May: nobody else's
    dates move, but the signals since May, which compare everybody with everybody."""
    insert(
        home,
        "web_events",
        [
            {"event_id": f"late{i}", "customer_id": "c4", "occurred_at": "2024-05-20", "event_type": "search"}
            for i in range(30)
        ],
    )
    change(
        home,
        "UPDATE bookings SET status = 'no_show' WHERE booking_id IN (SELECT booking_id FROM bookings WHERE "
        "status = 'completed' AND travel_start IS NULL AND booked_at BETWEEN '2024-01-01' AND '2024-08-01' "
        "ORDER BY hash(booking_id) LIMIT 4)",
        "UPDATE bookings SET gross_amount = gross_amount + 7 WHERE hash(booking_id || 'a') % 97 = 0",
        "UPDATE customers SET country = 'IT' WHERE customer_id IN ('c5', 'c17')",
    )


def late_over_a_month_end(home: Home) -> None:
    insert(
        home,
        "bookings",
        [
            booking("late1", "c3", "2024-08-15 10:00:00", "cruise"),
            booking("late2", "c9", "2024-10-02 10:00:00", "hotel"),
        ],
    )
    change(
        home,
        "UPDATE bookings SET status = 'cancelled_by_customer', cancelled_at = TIMESTAMP '2024-09-10' WHERE "
        "booking_id IN (SELECT booking_id FROM bookings WHERE status = 'completed' AND "
        "booked_at < TIMESTAMP '2024-09-01' ORDER BY hash(booking_id) LIMIT 5)",
    )


def linked_and_gone(home: Home) -> None:
    """Three accounts turn out to be one person's, one customer is gone, and prices were dearer than told."""
    change(
        home,
        "INSERT INTO customer_identities VALUES ('c11', 'c10', 0.99, 'mail'), ('c12', 'c10', 0.98, 'mail')",
        "DELETE FROM bookings WHERE customer_id = 'c20'",
        "DELETE FROM web_events WHERE customer_id = 'c20'",
        "DELETE FROM customers WHERE customer_id = 'c20'",
        "UPDATE market SET own_price_index = 0.9 WHERE month >= DATE '2024-06-01'",
        "UPDATE customers SET registered_at = TIMESTAMP '2019-01-01 10:00' WHERE customer_id = 'c77'",
    )


STORY = [
    (date(2024, 10, 21), two_years_arrive, None),
    (date(2024, 10, 22), corrections, (date(2024, 10, 1), None)),
    (date(2024, 11, 3), late_over_a_month_end, (date(2024, 8, 1), date(2024, 8, 1))),
    (date(2024, 11, 30), linked_and_gone, None),
    # Labels ripen and month ends come; of November only what became known of its tickets and messages.
    (date(2025, 4, 15), months_go_by, (date(2024, 12, 1), date(2024, 11, 1))),
]
#: Each comparison costs a build from nothing; what an increment gets wrong mostly stays until the next one.
COMPARED = {date(2024, 11, 3), date(2025, 4, 15)}
#: A month end before the last of these days, with enough dates in between for several parts.
EVE = date(2024, 12, 31)


def test_increments_end_where_full_builds_end(home, tmp_path, models_only, monkeypatch):
    monkeypatch.setattr(state, "FULL_BUILD_EVERY_DAYS", 1000)
    create_raw(home)
    Company("golden", "nowhere", settings={"reporting_currency": "EUR"}).save(home)
    assert build_warehouse(home, date(2024, 10, 19))["extent"] == "full"
    for as_of, happens, expected in STORY:
        happens(home)
        assert build_warehouse(home, as_of)["extent"] == "increment"
        dates_from, months_from, changed = scope(home)
        if expected:
            assert dates_from == expected[0]
            assert expected[1] in (None, months_from)
            # Were everybody made anew, the comparison would be an empty one.
            assert changed < dump(home.work_db, "SELECT count(*) FROM intermediate.int_customers")[0][0]
        if as_of in COMPARED:
            anew = from_nothing(home, as_of, tmp_path)
            assert differences(home, anew) == []
    assert differences(in_parts(home, as_of, tmp_path, monkeypatch), anew) == []
    # The comparison is one that can fail: one number of one month, as it would be left behind.
    with duckdb.connect(str(home.work_db)) as work:
        work.execute(
            "UPDATE marts.fct_customer_months SET bookings_12m = 99 "
            "WHERE customer_id = 'c3' AND as_of_date = DATE '2024-08-31'"
        )
    found = differences(home, anew)
    assert [line.split(":")[0] for line in found] == ["marts.fct_customer_months"] * 2
