"""`new-source` on two real sets: which columns it guesses right, which it asks about, which it gets wrong.

The truth of hi_guides is the finished mapping in sources/, row by row. That of hotel_bookings is written
here, from the set's description: nobody has a finished mapping of it.
"""

from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from roundtrip.check import check
from roundtrip.cli import app
from roundtrip.company import Company
from roundtrip.draft import draft_source
from roundtrip.errors import GateFailed
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.ingest import read_files, sql
from tests.unit.test_draft_source import column_of

RIGHT, ASKED, WRONG = "right", "asked", "wrong"

HOTEL_TRUTH = {
    "bookings": {
        "travel_start": "try_strptime(arrival_date_year || ' ' || arrival_date_month || ' ' || "
        "arrival_date_day_of_month, '%Y %B %d')::DATE",
        "travel_end": "travel_start + stays_in_weekend_nights::INTEGER + stays_in_week_nights::INTEGER",
        "booked_at": "travel_start - lead_time::INTEGER",
        "updated_at": "reservation_status_date",
        "service_line": "'hotel'",
        "destination": "NULL",
        "travellers": "adults::INTEGER + coalesce(try_cast(children AS INTEGER), 0) + babies::INTEGER",
        "channel": "CASE WHEN distribution_channel IN ('TA/TO', 'GDS') THEN 'partner' END",
        "gross_amount": "(adr::DOUBLE * (stays_in_weekend_nights::INTEGER + stays_in_week_nights::INTEGER))"
        "::DECIMAL(18, 2)",
        "discount_amount": "NULL",
        "margin_amount": "NULL",
        "currency": "'EUR'",
        "status": "CASE reservation_status WHEN 'Check-Out' THEN 'completed' WHEN 'No-Show' THEN 'no_show' "
        "ELSE 'cancelled_by_customer' END",
        "cancelled_at": "CASE reservation_status WHEN 'Canceled' THEN reservation_status_date::TIMESTAMP END",
    }
}


def drafted(company: str, shared_data: Path, tmp_path: Path):
    """The draft's files by name, the check of it, and a connection to its batch."""
    landing = shared_data / company
    if not landing.is_dir():
        pytest.skip(f"{landing} is not there")
    result = draft_source(company, landing, tmp_path / "sources")
    described = Company.describe(landing, result.folder)
    as_of = date.fromisoformat(described.settings["as_of"])
    return result, described, as_of


def batch_of(company: Company, as_of: date, root: Path) -> Path:
    home = Home(root)
    company.save(home)
    read_files(home, as_of)
    return home.batch_db


def compared(connection, table: str, key: str, columns: list[str], mine: str, theirs: str) -> dict[str, bool]:
    """Which columns hold the same in every row of two relations."""
    same = ", ".join(
        f"coalesce(bool_and(m.{sql.name(c)} IS NOT DISTINCT FROM t.{sql.name(c)}), false)" for c in columns
    )
    row = connection.execute(f"SELECT {same} FROM {mine} AS m JOIN {theirs} AS t USING ({key})").fetchone()
    return dict(zip(columns, row, strict=True))


def judged(folder: Path, table: str, is_same: dict[str, bool]) -> dict[str, list[str]]:
    """Columns by what became of them: right as drafted, left to a human (`NEEDS YOU`), or wrong."""
    text = (folder / f"{table}.sql").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {RIGHT: [], ASKED: [], WRONG: []}
    for column, same in is_same.items():
        asked = column_of(text, column)[0] == "NEEDS YOU"
        found[ASKED if asked else RIGHT if same else WRONG].append(column)
    return found


def test_hi_guides(shared_data, tmp_path):
    result, company, as_of = drafted("hi_guides", shared_data, tmp_path)
    assert as_of == date(2017, 9, 11)
    assert set(result.tables) == {"customers", "bookings", "surveys"}
    assert result.notes == [
        "orderFuture_train is not used: it looks like bookings, but another file does more so"
    ]
    tables = {table.name: table for table in check(company, as_of, with_gate=False).tables}
    assert tables["customers"].loaded == 10_637
    # What orderType means nobody can see in the file: every booking is refused until it is said.
    assert (tables["bookings"].loaded, tables["bookings"].reasons[0].column) == (0, "service_line")
    assert tables["surveys"].loaded == 5_615
    landing = shared_data / "hi_guides"
    outcome = CliRunner().invoke(app, ["check", "--landing", str(landing), "--source", str(result.folder)])
    assert isinstance(outcome.exception, GateFailed)
    assert "bookings.quarantined_share" in outcome.exception.message
    assert "the landing gate warns" in outcome.output
    bookings = result.folder / "bookings.sql"
    answer = "CASE orderType WHEN '1' THEN 'package' WHEN '0' THEN 'car' END AS service_line"
    bookings.write_text(bookings.read_text().replace("orderType AS service_line", answer))
    finished = Company.describe(shared_data / "hi_guides", PROJECT_ROOT / "sources" / "hi_guides")
    mine = batch_of(company, as_of, tmp_path / "mine")
    theirs = batch_of(finished, as_of, tmp_path / "theirs")
    found = {}
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {sql.text(str(mine))} AS mine; ATTACH {sql.text(str(theirs))} AS theirs")
        for table, key in (
            ("customers", "customer_id"),
            ("bookings", "booking_id"),
            ("surveys", "response_id"),
        ):
            names = [
                row[0]
                for row in connection.execute(f"DESCRIBE theirs.{table}").fetchall()
                if row[0][0] != "_"
            ]
            same = compared(
                connection, table, key, [n for n in names if n != key], f"mine.{table}", f"theirs.{table}"
            )
            found[table] = judged(result.folder, table, {key: True, **same})
    assert found["customers"][ASKED] == ["registered_at"]
    assert found["customers"][WRONG] == []
    assert found["bookings"][ASKED] == ["service_line", "status"]
    assert found["bookings"][WRONG] == []
    assert found["surveys"][ASKED] == ["booking_id", "responded_at"]
    # The keywords are joined to the tags with their brackets, which the finished mapping takes away.
    assert found["surveys"][WRONG] == ["text"]
    assert {"score", "survey_type", "touchpoint", "language", "customer_id"} <= set(found["surveys"][RIGHT])


def test_hotel_bookings(shared_data, tmp_path):
    result, company, as_of = drafted("hotel_bookings", shared_data, tmp_path)
    assert as_of == date(2017, 8, 31)
    tables = {table.name: table for table in check(company, as_of, with_gate=False).tables}
    assert (tables["bookings"].rows_in, tables["bookings"].loaded) == (119_390, 119_209)
    assert [(reason.column, reason.rows) for reason in tables["bookings"].reasons] == [
        ("travellers", 180),
        ("gross_amount", 1),
    ]
    assert tables["customers"].loaded == 119_390
    batch = batch_of(company, as_of, tmp_path / "mine")
    file = shared_data / "hotel_bookings" / "hotel_bookings.csv.gz"
    truth = ", ".join(f"{expression} AS {column}" for column, expression in HOTEL_TRUTH["bookings"].items())
    with duckdb.connect(str(batch), read_only=True) as connection:
        types = {row[0]: row[1] for row in connection.execute("DESCRIBE bookings").fetchall()}
        cast = ", ".join(f"{column}::{types[column]} AS {column}" for column in HOTEL_TRUTH["bookings"])
        rows = f"read_csv({sql.text(str(file))}, all_varchar = true, nullstr = '')"
        connection.execute(
            f"CREATE TEMP TABLE truth AS SELECT {cast}, _line FROM "
            f"(SELECT {truth}, row_number() OVER () + 1 AS _line FROM {rows})"
        )
        same = compared(connection, "bookings", "_line", list(HOTEL_TRUTH["bookings"]), "bookings", "truth")
        countries = connection.execute(
            "SELECT count(*), count(country), count(DISTINCT country) FROM customers"
        ).fetchone()
    found = judged(result.folder, "bookings", {"booking_id": True, "customer_id": True, **same})
    assert found[ASKED] == ["booking_id", "customer_id", "channel", "currency"]
    assert found[WRONG] == []
    customers = (result.folder / "customers.sql").read_text()
    levels = {
        column: column_of(customers, column)[0]
        for column in ("customer_id", "registered_at", "country", "acquisition_channel")
    }
    assert levels == {
        "customer_id": "NEEDS YOU",
        "registered_at": "guess",
        "country": "guess",
        "acquisition_channel": "NEEDS YOU",
    }
    # 488 rows have no country; CN and CHN are one.
    assert countries == (119_390, 118_902, 176)
