"""A build of many customer dates goes in steps, each of which has about as many of them."""

from datetime import date

import duckdb
import pytest

from roundtrip.build import steps as build_steps
from roundtrip.build.steps import steps
from roundtrip.home import Home


@pytest.fixture
def raw(home: Home) -> Home:
    """Ten customers registered on 5 January 2024, ten more on 20 March."""
    home.raw_db.parent.mkdir(parents=True)
    with duckdb.connect(str(home.raw_db)) as made:
        made.execute("CREATE SCHEMA raw.raw")
        made.execute(
            "CREATE TABLE raw.raw.customers AS SELECT 'c' || i AS customer_id, "
            "CASE WHEN i < 10 THEN TIMESTAMP '2024-01-05 10:00:00' ELSE TIMESTAMP '2024-03-20 10:00:00' END "
            "AS registered_at FROM range(20) AS people (i)"
        )
    return home


@pytest.mark.parametrize(
    ("at_once", "expected"),
    [
        # 10 rows a month end until February, 20 from March on, and 20 on the day itself: 80 in all.
        (80, [date(2024, 5, 10)]),
        (79, [date(2024, 3, 31), date(2024, 5, 10)]),
        (27, [date(2024, 2, 29), date(2024, 4, 30), date(2024, 5, 10)]),
        # Less than one month end has: a step each.
        (5, [date(2024, month, day) for month, day in ((1, 31), (2, 29), (3, 31), (4, 30), (5, 10))]),
    ],
)
def test_steps_are_about_equally_large(raw, monkeypatch, at_once, expected):
    monkeypatch.setattr(build_steps, "CUSTOMER_DATES_AT_ONCE", at_once)
    assert steps(raw, None, date(2024, 5, 10)) == expected


@pytest.mark.parametrize(
    ("after", "as_of", "expected"),
    [
        (date(2024, 5, 9), date(2024, 5, 10), [date(2024, 5, 10)]),
        (date(2024, 5, 10), date(2024, 5, 10), [date(2024, 5, 10)]),
        (date(2024, 4, 30), date(2024, 4, 30), [date(2024, 4, 30)]),
        (date(2024, 2, 29), date(2024, 6, 30), [date(2024, 4, 30), date(2024, 6, 30)]),
    ],
)
def test_a_build_that_goes_on_has_only_the_dates_since(raw, monkeypatch, after, as_of, expected):
    monkeypatch.setattr(build_steps, "CUSTOMER_DATES_AT_ONCE", 40)
    assert steps(raw, after, as_of) == expected


def test_without_customers_there_is_one_step(raw):
    with duckdb.connect(str(raw.raw_db)) as made:
        made.execute("DELETE FROM raw.raw.customers")
    assert steps(raw, None, date(2024, 5, 10)) == [date(2024, 5, 10)]
