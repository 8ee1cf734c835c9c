"""A raw.duckdb of its own for tests of the warehouse: empty, with stories, or with volume."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip.build import warehouse
from roundtrip.contract import source_contract
from roundtrip.home import Home

_ADDED = {"_file": "VARCHAR", "_line": "BIGINT", "_row_hash": "VARCHAR", "_loaded_in": "VARCHAR"}


@contextmanager
def without_data_tests() -> Iterator[None]:
    """Builds of models alone, in half the time: for tests that are not about what dbt's data tests say."""
    run = warehouse._run_dbt
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            warehouse,
            "_run_dbt",
            lambda home, arguments, *more: run(home, [*arguments, "--exclude-resource-type", "test"], *more),
        )
        yield


def connect_raw(home: Home) -> duckdb.DuckDBPyConnection:
    """A read-write connection in which the raw tables need no prefix; close it before dbt runs."""
    home.raw_db.parent.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    # Attached under another name: file and schema are both called raw, which DuckDB finds ambiguous.
    connection.execute(f"ATTACH '{home.raw_db}' AS raw_db")
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw_db.raw")
    connection.execute("USE raw_db.raw")
    return connection


def create_raw(home: Home) -> None:
    """All contract tables, empty, with the columns that loading adds, and the accounts of files and rows."""
    with connect_raw(home) as raw:
        for table in source_contract().values():
            columns = [f"{column.name} {column.sql_type}" for column in table.columns]
            columns += [f"{name} {type_}" for name, type_ in _ADDED.items()]
            raw.execute(f"CREATE OR REPLACE TABLE {table.name} ({', '.join(columns)})")
        raw.execute(
            "CREATE OR REPLACE TABLE customer_identities (account_id VARCHAR, customer_id VARCHAR, "
            "link_probability DOUBLE, evidence VARCHAR)"
        )
        raw.execute(
            "CREATE OR REPLACE TABLE files (content_hash VARCHAR, table_name VARCHAR, file VARCHAR, "
            "batch_id VARCHAR, rows_in BIGINT)"
        )
        raw.execute(
            "CREATE OR REPLACE TABLE quality_runs (run_id VARCHAR, table_name VARCHAR, rows_in BIGINT, "
            "rows_loaded BIGINT, rows_quarantined BIGINT, rows_superseded BIGINT, checks INTEGER, "
            "failed_checks INTEGER)"
        )


def insert(home: Home, table: str, rows: list[dict]) -> None:
    """Insert rows given as {column: value}; columns left out are NULL."""
    with connect_raw(home) as raw:
        for row in rows:
            names = ", ".join(row)
            marks = ", ".join("?" for _ in row)
            raw.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


def customer(customer_id: str, registered_at: str, **more) -> dict:
    return {"customer_id": customer_id, "registered_at": registered_at, **more}


def booking(booking_id: str, customer_id: str, booked_at: str, service_line: str = "flight", **more) -> dict:
    """A booking of 100 EUR, completed unless told otherwise; pass gross_amount=None for no price."""
    amount = {"gross_amount": 100, "currency": "EUR"} if "gross_amount" not in more else {}
    return {
        "booking_id": booking_id,
        "customer_id": customer_id,
        "booked_at": booked_at,
        "service_line": service_line,
        "status": "completed",
        **amount,
        **more,
    }


def generate(home: Home, customers: int, months: int, ends_on: date, bookings_a_year: float = 4) -> None:
    """Volume in every table, deterministic (hashes instead of random numbers), set-based."""
    days = months * 30
    events = int(customers * bookings_a_year * months / 12)
    with connect_raw(home) as raw:
        raw.execute(
            f"""
            CREATE OR REPLACE TEMP MACRO pick(key, salt, n) AS
                (hash(key::VARCHAR || salt::VARCHAR) % n)::BIGINT;
            CREATE OR REPLACE TEMP MACRO day_back(n) AS DATE '{ends_on}' - n::INTEGER;
            INSERT INTO customers BY NAME
            SELECT 'c' || i AS customer_id,
                   day_back(pick(i, 'r', {days}))::TIMESTAMP + INTERVAL 10 HOUR AS registered_at,
                   1950 + pick(i, 'y', 55) AS birth_year,
                   ['female', 'male', 'unknown'][1 + pick(i, 'g', 3)] AS gender,
                   ['DE', 'CN', 'FR', 'US'][1 + pick(i, 'c', 4)] AS country,
                   ['direct', 'search', 'ota', 'referral'][1 + pick(i, 'a', 4)] AS acquisition_channel
            FROM range({customers}) t(i);
            INSERT INTO bookings BY NAME
            SELECT 'b' || i AS booking_id, 'c' || pick(i, 'cust', {customers}) AS customer_id,
                   day_back(pick(i, 'd', {days}))::TIMESTAMP + pick(i, 's', 86000) * INTERVAL 1 SECOND
                        AS booked_at,
                   ['flight', 'hotel', 'package', 'rail'][1 + pick(i, 'l', 4)] AS service_line,
                   booked_at::DATE + pick(i, 'lead', 60)::INTEGER AS travel_start,
                   travel_start + pick(i, 'len', 10)::INTEGER AS travel_end,
                   1 + pick(i, 't', 4) AS travellers,
                   50 + pick(i, 'p', 900) AS gross_amount, pick(i, 'disc', 50) AS discount_amount,
                   gross_amount * 0.1 AS margin_amount, 'EUR' AS currency,
                   CASE pick(i, 'st', 20) WHEN 0 THEN 'cancelled_by_customer'
                        WHEN 1 THEN 'cancelled_by_supplier' WHEN 2 THEN 'no_show'
                        ELSE 'completed' END AS status,
                   CASE WHEN status LIKE 'cancelled%' THEN booked_at + pick(i, 'can', 90) * INTERVAL 1 DAY END
                        AS cancelled_at
            FROM range({events}) t(i);
            INSERT INTO web_events BY NAME
            SELECT 'w' || i AS event_id, 'c' || pick(i, 'wc', {customers}) AS customer_id,
                   day_back(pick(i, 'wd', {days}))::TIMESTAMP AS occurred_at,
                   ['search', 'view', 'cart', 'checkout_failed', 'login'][1 + pick(i, 'wt', 5)] AS event_type
            FROM range({events} * 5) t(i);
            INSERT INTO support_tickets BY NAME
            SELECT 't' || i AS ticket_id, 'c' || pick(i, 'tc', {customers}) AS customer_id,
                   day_back(pick(i, 'td', {days}))::TIMESTAMP AS opened_at,
                   opened_at + pick(i, 'tf', 50) * INTERVAL 1 HOUR AS first_response_at,
                   opened_at + pick(i, 'tr', 20) * INTERVAL 1 DAY AS resolved_at,
                   pick(i, 'ti', 2) = 0 AS is_complaint,
                   ['service_quality', 'price', 'cancellation_refund'][1 + pick(i, 'tcat', 3)] AS category,
                   ['resolved', 'rejected', 'refunded'][1 + pick(i, 'tres', 3)] AS resolution
            FROM range({events} // 5) t(i);
            INSERT INTO surveys BY NAME
            SELECT 's' || i AS response_id, 'c' || pick(i, 'sc', {customers}) AS customer_id,
                   day_back(pick(i, 'sd', {days}))::TIMESTAMP AS responded_at,
                   ['csat', 'nps'][1 + pick(i, 'sk', 2)] AS survey_type, 'after' AS touchpoint,
                   1 + pick(i, 'ss', 5) AS score
            FROM range({events} // 4) t(i);
            INSERT INTO loyalty_ledger BY NAME
            SELECT 'l' || i AS entry_id, 'c' || pick(i, 'lc', {customers}) AS customer_id,
                   day_back(pick(i, 'ld', {days}))::TIMESTAMP AS occurred_at,
                   ['join', 'earn', 'earn', 'redeem', 'leave'][1 + pick(i, 'lt', 5)] AS entry_type,
                   pick(i, 'lp', 500)::DOUBLE AS points
            FROM range({events}) t(i);
            INSERT INTO campaign_touches BY NAME
            SELECT 'x' || i AS touch_id, 'k1' AS campaign_id,
                   'c' || pick(i, 'xc', {customers}) AS customer_id,
                   day_back(pick(i, 'xd', {days}))::TIMESTAMP AS assigned_at,
                   ['treatment', 'control'][1 + pick(i, 'xa', 2)] AS arm,
                   assigned_at + INTERVAL 1 DAY AS sent_at, assigned_at + INTERVAL 3 DAY AS opened_at
            FROM range({events} // 3) t(i);
            """
        )


def dump(database: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()
