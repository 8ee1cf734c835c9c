"""The simulated company's landing folder, brought into the tables that real.py makes of the real sets."""

import calendar
import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import yaml

from benchmarks.believable import real
from roundtrip.contract import source_contract
from roundtrip.errors import BadInput

#: Whole years of arrivals and of membership, as in the real sets: a part of a year has no seasons.
MONTHS_COMPARED = 24
#: More travellers than this are a group; the hotel bookings compared are those of individual guests.
LARGEST_PARTY = 6
#: China's clock is eight hours before UTC all year.
TO_LOCAL = "INTERVAL 8 HOURS"


@dataclass(frozen=True)
class Landing:
    """What is known of a landing folder without reading a row of truth."""

    folder: Path
    name: str
    as_of: date
    customers: int
    first_month: str
    months: int
    seed: str

    @property
    def last_whole_month(self) -> int:
        """As year * 12 + month."""
        is_month_end = self.as_of.day == calendar.monthrange(self.as_of.year, self.as_of.month)[1]
        return self.as_of.year * 12 + self.as_of.month - (not is_month_end)


def read(connection: duckdb.DuckDBPyConnection, folder: Path, sets: list[str], seed: str | None) -> Landing:
    """Read a landing folder into the connection's current schema, as the counterpart of these real sets.

    Args:
        folder: `<folder>/<table>/*.csv`, any number of files per table.
        sets: of real.SETS; `hi_guides` must have been read into the schema `real` before.
        seed: what to say the company was made from, if its company.yml does not.

    Raises:
        BadInput: a required table has no files, or no usable row.
    """
    delivered = {file.parent.name for file in folder.glob("*/*.csv")}
    for table in ("customers", "bookings"):
        if table not in delivered:
            raise BadInput(
                f"{folder} has no {table}", "Name a folder written by `roundtrip simulate --out DIR`."
            )
    for table, columns in _COLUMNS.items():
        _newest(connection, folder, table, columns, table in delivered)
    landing = _describe(connection, folder, seed)
    for name in sets:
        _READERS[name](connection, landing)
    return landing


#: What is read of each table: the key first, then columns with the SQL type they are tried as.
_COLUMNS = {
    "customers": {"customer_id": "VARCHAR", "registered_at": "TIMESTAMP"},
    "bookings": {
        "booking_id": "VARCHAR",
        "customer_id": "VARCHAR",
        "booked_at": "TIMESTAMP",
        "service_line": "VARCHAR",
        "destination": "VARCHAR",
        "travel_start": "DATE",
        "travel_end": "DATE",
        "travellers": "INTEGER",
        "gross_amount": "DOUBLE",
        "status": "VARCHAR",
        "cancelled_at": "TIMESTAMP",
    },
    "support_tickets": {
        "ticket_id": "VARCHAR",
        "is_complaint": "BOOLEAN",
        "category": "VARCHAR",
        "text": "VARCHAR",
        "language": "VARCHAR",
    },
    "surveys": {
        "response_id": "VARCHAR",
        "survey_type": "VARCHAR",
        "score": "DOUBLE",
        "text": "VARCHAR",
        "language": "VARCHAR",
    },
    "loyalty_ledger": {
        "entry_id": "VARCHAR",
        "customer_id": "VARCHAR",
        "occurred_at": "TIMESTAMP",
        "entry_type": "VARCHAR",
    },
}


def _newest(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: str, columns: dict, is_delivered: bool
) -> None:
    """Table `delivered_<table>`: the newest version of each row, where what cannot be read is NULL.

    Lines whose columns cannot be told apart are left out: this is no test of how the warehouse reads.
    """
    if not is_delivered:
        empty = ", ".join(f"NULL::{sql_type} AS {name}" for name, sql_type in columns.items())
        connection.execute(f"CREATE TEMP TABLE delivered_{table} AS SELECT {empty} WHERE false")
        return
    wanted = ", ".join(f"try_cast({name} AS {sql_type}) AS {name}" for name, sql_type in columns.items())
    version = "filename DESC"
    if source_contract()[table].has_updated_at:
        version = f"try_cast(updated_at AS TIMESTAMP) DESC NULLS LAST, {version}"
    key = next(iter(columns))
    connection.execute(
        f"""
        CREATE TEMP TABLE delivered_{table} AS
        SELECT {wanted}
        FROM read_csv(
            $files, columns = $header, auto_detect = false, header = true, delim = ',', quote = '"',
            escape = '"', ignore_errors = true, filename = true
        )
        WHERE {key} IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {version}) = 1
        """,
        {
            "files": str(folder / table / "*.csv"),
            "header": dict.fromkeys(_header(folder / table, columns), "VARCHAR"),
        },
    )


def _header(folder: Path, wanted: dict) -> list[str]:
    """The one header of a table's files; DuckDB's own detection gives up on small files with a torn line."""
    headers = {}
    for file in sorted(folder.glob("*.csv")):
        with file.open(encoding="utf-8-sig", newline="") as lines:
            headers.setdefault(tuple(next(csv.reader(lines), ())), file)
    (header, file), *others = headers.items() or [((), folder)]
    if others or not set(wanted) <= set(header):
        odd = others[0][1] if others else file
        raise BadInput(
            f"{odd}: a header without {', '.join(sorted(set(wanted) - set(header))) or 'the same columns'}",
            "All files of a table have one header, that of the source contract.",
        )
    return list(header)


def _describe(connection: duckdb.DuckDBPyConnection, folder: Path, seed: str | None) -> Landing:
    settings = folder / "company.yml"
    said = (yaml.safe_load(settings.read_text(encoding="utf-8")) or {}) if settings.is_file() else {}
    last_booking = connection.execute(
        f"SELECT max(booked_at + {TO_LOCAL})::DATE FROM delivered_bookings"
    ).fetchone()[0]
    as_of = said.get("as_of") or last_booking
    customers, first = connection.execute(
        f"SELECT count(*), min(registered_at + {TO_LOCAL})::DATE FROM delivered_customers"
    ).fetchone()
    if as_of is None or first is None:
        raise BadInput(f"{folder} has no customers with bookings and dates", "Nothing can be compared.")
    return Landing(
        folder=folder,
        name=str(said.get("name", folder.name)),
        as_of=as_of,
        customers=customers,
        first_month=first.strftime("%Y-%m"),
        months=(as_of.year - first.year) * 12 + as_of.month - first.month + 1,
        seed=str(said.get("seed", seed or "not stated")),
    )


def _orders(connection: duckdb.DuckDBPyConnection, landing: Landing) -> None:
    """Tables `orders` and `scores`, for as many days as the real history has: it bounds every gap."""
    days = connection.execute(
        "SELECT max(ordered_at)::DATE - min(ordered_at)::DATE FROM real.orders"
    ).fetchone()[0]
    connection.execute(
        f"""
        CREATE TABLE orders AS
        SELECT customer_id AS customer, booked_at + {TO_LOCAL} AS ordered_at
        FROM delivered_bookings
        WHERE
            status IN ('confirmed', 'completed', 'no_show')
            AND ordered_at::DATE BETWEEN $as_of::DATE - $days::INTEGER AND $as_of::DATE
        """,
        {"as_of": landing.as_of, "days": days},
    )
    connection.execute("""
        CREATE TABLE scores AS
        SELECT round(score)::INTEGER AS score FROM delivered_surveys
        WHERE survey_type = 'review' AND score BETWEEN 1 AND 5
    """)


def _stays(connection: duckdb.DuckDBPyConnection, landing: Landing) -> None:
    """Table `stays`: hotel bookings of individual guests, by the time their stay has begun.

    A hotel knows a guest who was there before; the counterpart here is an earlier stay in the same place.
    """
    last = landing.last_whole_month
    connection.execute(
        f"""
        CREATE TABLE stays AS
        SELECT
            travel_start AS arrives_on,
            travel_start - (booked_at + {TO_LOCAL})::DATE AS lead_days,
            travel_end - travel_start AS nights,
            travellers AS party,
            gross_amount / (travel_end - travel_start) AS price_per_night,
            status IN ('cancelled_by_customer', 'no_show') AS is_cancelled,
            CASE status WHEN 'cancelled_by_customer' THEN travel_start - (cancelled_at + {TO_LOCAL})::DATE END
                AS cancelled_days_before,
            coalesce(min(travel_end) FILTER (WHERE status = 'completed') OVER same_place <= booked_at, false)
                AS is_repeat
        FROM delivered_bookings
        WHERE
            service_line = 'hotel'
            AND status IN ('confirmed', 'completed', 'cancelled_by_customer', 'no_show')
            AND travellers BETWEEN 1 AND {LARGEST_PARTY}
            AND travel_end > travel_start
            AND travel_start >= (booked_at + {TO_LOCAL})::DATE
        WINDOW same_place AS (PARTITION BY customer_id, destination)
        QUALIFY
            year(travel_start) * 12 + month(travel_start) BETWEEN $first AND $last
            AND travel_start <= $as_of::DATE
        """,
        {"first": last - MONTHS_COMPARED + 1, "last": last, "as_of": landing.as_of},
    )


def _members(connection: duckdb.DuckDBPyConnection, landing: Landing) -> None:
    """Tables `members` and `active_months`: the loyalty programme's members, their bookings of any line."""
    last = landing.last_whole_month
    connection.execute(
        f"""
        CREATE TEMP TABLE memberships AS
        WITH entries AS (
            SELECT customer_id AS member, entry_type, year(day) * 12 + month(day) AS month
            FROM (SELECT *, occurred_at + {TO_LOCAL} AS day FROM delivered_loyalty_ledger)
        ),
        joined AS (
            SELECT member, min(month) AS joined FROM entries WHERE entry_type = 'join' GROUP BY member
        )
        SELECT j.member, j.joined, min(e.month) AS has_left_in
        FROM joined AS j
        LEFT JOIN entries AS e
            ON j.member = e.member AND e.entry_type = 'leave' AND e.month BETWEEN j.joined AND $last
        WHERE j.joined <= $last
        GROUP BY ALL
        """,
        {"last": last},
    )
    connection.execute(f"""
        CREATE TEMP TABLE activity AS
        SELECT customer_id AS member, year(day) * 12 + month(day) AS month, count(*) AS trips
        FROM (SELECT customer_id, status, booked_at + {TO_LOCAL} AS day FROM delivered_bookings)
        WHERE status IN ('confirmed', 'completed', 'no_show')
        GROUP BY ALL
    """)
    real.members(connection, "memberships", "activity", last - MONTHS_COMPARED + 1, last)


def _messages(connection: duckdb.DuckDBPyConnection, landing: Landing) -> None:
    """Table `messages`: support tickets."""
    connection.execute("""
        CREATE TABLE messages AS
        SELECT text, split_part(language, '-', 1) AS language, is_complaint, category AS topic
        FROM delivered_support_tickets
        WHERE is_complaint IS NOT NULL
    """)


def _reviews(connection: duckdb.DuckDBPyConnection, landing: Landing) -> None:
    """Table `reviews`: what was written in Chinese with a score of 1 or 2 (negative), 4 or 5 (positive)."""
    connection.execute("""
        CREATE TABLE reviews AS
        SELECT text, score <= 2 AS is_negative
        FROM delivered_surveys
        WHERE
            survey_type = 'review' AND language LIKE 'zh%' AND text IS NOT NULL
            AND (score BETWEEN 1 AND 2 OR score BETWEEN 4 AND 5)
    """)


_READERS = {
    "hi_guides": _orders,
    "hotel_bookings": _stays,
    "airline_loyalty": _members,
    "airline_tweets": _messages,
    "hotel_reviews_zh": _reviews,
}
