"""A batch of one month of bookings, and a past of two years, made up in SQL: every value from a hash."""

from datetime import date

from roundtrip import duck
from roundtrip.contract import Table, source_contract
from roundtrip.home import Home

AS_OF = date(2025, 5, 31)
_BATCH_FROM, _BATCH_DAYS = "2025-05-01", 31
_PAST_FROM, _PAST_DAYS = "2023-05-01", 731
#: Bookings of the batch for each customer.
_EACH = 8


def write(home: Home, rows: int) -> None:
    """raw/batch.duckdb with so many bookings, raw/raw.duckdb with their customers and half as many before.

    One booking in 50 has a free text of several words as its destination; none holds personal data.
    """
    customers = max(1, rows // _EACH)
    with duck.connect(home.batch_db, home.tmp_dir) as batch:
        batch.execute("CREATE TABLE batch AS SELECT 'made-up' AS batch_id")
        _create(batch, "main", "bookings", _bookings(rows, customers, _BATCH_FROM, _BATCH_DAYS, "N"))
        batch.execute(
            "CREATE TABLE bookings__quarantine (_file VARCHAR, _line BIGINT, row_json VARCHAR, "
            'reasons STRUCT("column" VARCHAR, rule VARCHAR, reason VARCHAR)[])'
        )
    with duck.connect(home.raw_db, home.tmp_dir) as raw:
        raw.execute("CREATE SCHEMA raw.raw")
        _create(raw, "raw.raw", "bookings", _bookings(rows // 2, customers, _PAST_FROM, _PAST_DAYS, "P"))
        _create(
            raw,
            "raw.raw",
            "customers",
            f"SELECT printf('C%09d', i) AS customer_id, TIMESTAMP '2023-04-01' AS registered_at "
            f"FROM range({customers}) AS r(i)",
        )


def _create(connection, schema: str, name: str, select: str) -> None:
    table: Table = source_contract()[name]
    columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns)
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f'CREATE TABLE {schema}."{name}" ({columns}, _file VARCHAR, _line BIGINT)')
    connection.execute(f'INSERT INTO {schema}."{name}" BY NAME {select}')


def _bookings(rows: int, customers: int, first_day: str, days: int, letter: str) -> str:
    table = source_contract()["bookings"]

    def word(column: str, salt: int) -> str:
        words = table.column(column).values
        return f"{list(words)}[1 + (h >> {salt}) % {len(words)}]"

    return f"""
        SELECT
            printf('{letter}%09d', i) AS booking_id,
            printf('C%09d', h % {customers}) AS customer_id,
            TIMESTAMP '{first_day}' + to_seconds(h % {days * 86400}) AS booked_at,
            booked_at AS updated_at,
            {word("service_line", 3)} AS service_line,
            CASE WHEN h % 50 = 0 THEN 'north coast, by train, place ' || i ELSE 'city ' || (h >> 5) % 300 END
                AS destination,
            CAST(booked_at AS DATE) + (h % 90)::INTEGER AS travel_start,
            travel_start + (h % 9)::INTEGER AS travel_end,
            1 + ((h >> 7) % 4)::INTEGER AS travellers,
            {word("channel", 9)} AS channel,
            (20 + (h >> 11) % 300000 / 100.0)::DECIMAL(18, 2) AS gross_amount,
            ((h >> 13) % 20)::DECIMAL(18, 2) AS discount_amount,
            (gross_amount / 10)::DECIMAL(18, 2) AS margin_amount,
            ['CNY', 'CNY', 'EUR', 'USD'][1 + (h >> 17) % 4] AS currency,
            ['confirmed', 'completed', 'cancelled_by_customer'][1 + (h >> 19) % 3] AS status,
            CASE WHEN status LIKE 'cancelled%' THEN booked_at + INTERVAL 1 DAY END AS cancelled_at,
            'bookings.csv' AS _file,
            i AS _line
        FROM (SELECT i, (hash(i) >> 1)::BIGINT AS h FROM range({rows}) AS r(i))
    """
