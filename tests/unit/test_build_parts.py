"""A build of many customer dates goes in parts of customers."""

from datetime import date

import duckdb
import pytest

from roundtrip.build import parts as build_parts
from roundtrip.build.parts import parts
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
    ("after", "as_of", "customer_dates"),
    [
        # 10 a month end until February, 20 from March on, and 20 on the day itself.
        (None, date(2024, 5, 10), 80),
        (date(2024, 5, 9), date(2024, 5, 10), 20),
        (date(2024, 5, 10), date(2024, 5, 10), 20),
        (date(2024, 4, 30), date(2024, 4, 30), 20),
        (date(2024, 2, 29), date(2024, 6, 30), 80),
    ],
)
def test_there_are_as_many_parts_as_the_dates_since_the_last_build_take(
    raw, monkeypatch, after, as_of, customer_dates
):
    for at_once, expected in ((customer_dates, 1), (customer_dates - 1, 2), (1, customer_dates)):
        monkeypatch.setattr(build_parts, "CUSTOMER_DATES_AT_ONCE", at_once)
        assert parts(raw, after, as_of) == expected


def test_without_customers_there_is_one_part(raw):
    with duckdb.connect(str(raw.raw_db)) as made:
        made.execute("DELETE FROM raw.raw.customers")
    assert parts(raw, None, date(2024, 5, 10)) == 1
