"""What is said of a date must not change when the future does: shown by building with and without it."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip.build import build_warehouse
from roundtrip.contract import source_contract
from roundtrip.home import Home
from tests.warehouse_fixture import connect_raw, create_raw, generate, insert, without_data_tests

#: The date looked at, and a later one (no month end) up to which the full data is built as well.
THEN = date(2024, 3, 31)
LATER = date(2024, 10, 15)

#: Each table, and what dates its rows.
POINT_IN_TIME = {
    "fct_customer_months": "as_of_date",
    "fct_customer_activity": "as_of_date",
    "customer_features": "as_of_date",
    "customer_signals": "as_of_date",
    "fct_churn": "churned_on",
    "kpi_months": "last_day(month)",
    "kpi_gaps": "last_day(month)",
}


def forget_the_future(home: Home) -> None:
    """Delete every row of after THEN, and undo what happened after it to the rows of before."""
    known = f"< DATE '{THEN}' + INTERVAL 1 DAY"
    with connect_raw(home) as raw:
        # Customers last: one who had booked by then was known by then, whatever the registration says.
        for table in sorted(source_contract().values(), key=lambda table: table.name == "customers"):
            kept = (
                " OR customer_id IN (SELECT customer_id FROM bookings)" if table.name == "customers" else ""
            )
            raw.execute(f"DELETE FROM {table.name} WHERE NOT ({table.occurred} {known}{kept})")
        raw.execute(
            f"UPDATE bookings SET status = 'confirmed', cancelled_at = NULL WHERE NOT (cancelled_at {known})"
        )
        raw.execute(
            f"UPDATE bookings SET status = 'confirmed' WHERE status IN ('completed', 'no_show') "
            f"AND travel_start > DATE '{THEN}'"
        )
        raw.execute(
            f"UPDATE support_tickets SET resolved_at = NULL, resolution = 'open' "
            f"WHERE NOT (resolved_at {known})"
        )
        for table, column in (
            ("support_tickets", "first_response_at"),
            ("campaign_touches", "sent_at"),
            ("campaign_touches", "opened_at"),
        ):
            raw.execute(f"UPDATE {table} SET {column} = NULL WHERE NOT ({column} {known})")


def company(folder: Path) -> Home:
    home = Home(folder)
    create_raw(home)
    generate(home, customers=120, months=40, ends_on=date(2024, 12, 31), bookings_a_year=3)
    insert(
        home,
        "market",
        [
            {"month": f"{year}-{month:02}-01", "own_price_index": 100 + month, "competitor_price_index": 95}
            for year in (2022, 2023, 2024)
            for month in range(1, 13)
        ],
    )
    return home


@pytest.fixture(scope="module")
def homes(tmp_path_factory) -> dict[str, Home]:
    """The same company three times: built then, built then without a future, built later."""
    built = {}
    for name, as_of in (("full", THEN), ("without_future", THEN), ("later", LATER)):
        home = company(tmp_path_factory.mktemp(name))
        if name == "without_future":
            forget_the_future(home)
        with without_data_tests():
            build_warehouse(home, as_of)
        built[name] = home
    return built


def differing_rows(one: Home, other: Home, mart: str, where: str = "true") -> int:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{one.work_db}' AS one (READ_ONLY)")
        connection.execute(f"ATTACH '{other.work_db}' AS other (READ_ONLY)")
        first, second = (f"SELECT * FROM {name}.marts.{mart} WHERE {where}" for name in ("one", "other"))
        (rows,) = connection.execute(f"SELECT count(*) FROM ({first})").fetchone()
        assert rows > 100
        return connection.execute(
            f"SELECT count(*) FROM ((({first}) EXCEPT ALL ({second})) "
            f"UNION ALL (({second}) EXCEPT ALL ({first})))"
        ).fetchone()[0]


@pytest.mark.parametrize("mart", POINT_IN_TIME)
def test_a_build_for_a_date_sees_nothing_after_it(homes, mart):
    assert differing_rows(homes["full"], homes["without_future"], mart) == 0


@pytest.mark.parametrize("mart", POINT_IN_TIME)
def test_later_rows_move_nothing_that_was_said_of_earlier_dates(homes, mart):
    where = f"{POINT_IN_TIME[mart]} <= DATE '{THEN}'"
    assert differing_rows(homes["later"], homes["full"], mart, where) == 0


def test_labels_once_known_stay(homes):
    """Labels look ahead, but only to their horizon: what was known then is still so later."""
    known = f"as_of_date <= DATE '{THEN}' AND horizon_ends_on <= DATE '{THEN}'"
    columns = "customer_id, as_of_date, horizon_days, horizon_ends_on, is_churned"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{homes['full'].work_db}' AS one (READ_ONLY)")
        connection.execute(f"ATTACH '{homes['later'].work_db}' AS other (READ_ONLY)")
        first, second = (
            f"SELECT {columns} FROM {name}.marts.churn_labels WHERE {known}" for name in ("one", "other")
        )
        assert connection.execute(f"SELECT count(*) FROM ({first})").fetchone()[0] > 500
        assert connection.execute(f"({first}) EXCEPT ALL ({second})").fetchall() == []
        assert connection.execute(f"({second}) EXCEPT ALL ({first})").fetchall() == []


@pytest.mark.parametrize("other", ["without_future", "later"])
def test_the_fitted_parameters_of_a_past_quarter_never_move(homes, other):
    """Of the model behind probability_alive: valid_until alone may, since it is the next quarter's day."""
    known = (
        "SELECT * EXCLUDE (valid_until) FROM {}.intermediate.int_alive_parameters "
        f"WHERE fitted_on <= '{THEN}' ORDER BY fitted_on"
    )
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{homes['full'].work_db}' AS one (READ_ONLY)")
        connection.execute(f"ATTACH '{homes[other].work_db}' AS other (READ_ONLY)")
        first = connection.execute(known.format("one")).fetchall()
        second = connection.execute(known.format("other")).fetchall()
        (given,) = connection.execute(
            f"SELECT count(probability_alive) FROM one.marts.fct_customer_months WHERE as_of_date <= '{THEN}'"
        ).fetchone()
    assert first == second
    assert sum(row[1] == "fitted" for row in first) >= 3
    assert given > 500
