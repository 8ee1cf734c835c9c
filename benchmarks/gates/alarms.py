"""How often the landing gate warns of a normal month, and how often of a troubled one.

A simulated company's months are judged one after the other, each against the months before. Then troubles are
planted in the last six of them, one at a time. The simulated company has its own defects (late, repeated and
unknown rows), so its normal months are no laboratory.
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from roundtrip import duck
from roundtrip.company import Company
from roundtrip.contract import Table, source_contract
from roundtrip.gates.landing import GATE, summarise
from roundtrip.gates.personal import create_macros
from roundtrip.gates.sides import Sides
from roundtrip.gates.suites import read_suite
from roundtrip.gates.summaries import quote, summary_database
from roundtrip.home import Home
from roundtrip.ingest import read_files
from roundtrip.simulate import simulate

CUSTOMERS, MONTHS, SEED = 1_500, 30, 7
TROUBLED_MONTHS = 6


@dataclass(frozen=True)
class Trouble:
    """What is planted: `rows` is SQL over `{batch}`, the month's rows; `figure` must say so."""

    name: str
    table: str
    figure: str
    rows: str


def _replaced(column: str, value: str) -> str:
    return f"SELECT * REPLACE ({value} AS {column}) FROM {{batch}}"


TROUBLES = (
    Trouble(
        "half of the rows", "bookings", "volume_deviation", "FROM {batch} WHERE hash(booking_id) % 2 = 0"
    ),
    Trouble(
        "a third is missing", "web_events", "volume_deviation", "FROM {batch} WHERE hash(event_id) % 3 > 0"
    ),
    Trouble(
        "the last week is missing",
        "bookings",
        "silence_ratio",
        "FROM {batch} WHERE booked_at < (SELECT max(booked_at) FROM {batch}) - INTERVAL 7 DAY",
    ),
    Trouble(
        "every row twice, with new keys",
        "bookings",
        "volume_deviation",
        "FROM {batch} UNION ALL SELECT * REPLACE ('again ' || booking_id AS booking_id) FROM {batch}",
    ),
    Trouble("one code list lost", "bookings", "channel_drift", _replaced("channel", "NULL")),
    Trouble(
        "two service lines swapped",
        "bookings",
        "service_line_drift",
        _replaced("service_line", "CASE service_line WHEN 'hotel' THEN 'car' ELSE service_line END"),
    ),
    Trouble(
        "cents for money", "bookings", "gross_amount_drift", _replaced("gross_amount", "gross_amount * 100")
    ),
    Trouble(
        "a third in another currency",
        "bookings",
        "currency_drift",
        _replaced("currency", "CASE WHEN hash(booking_id) % 3 = 0 THEN 'EUR' ELSE currency END"),
    ),
    Trouble(
        "a currency nobody knows",
        "bookings",
        "new_currencies",
        _replaced("currency", "CASE WHEN hash(booking_id) % 50 = 0 THEN 'XTS' ELSE currency END"),
    ),
    Trouble(
        "telephone numbers in texts",
        "support_tickets",
        "text_personal_rows",
        _replaced("text", "CASE WHEN hash(ticket_id) % 10 = 0 THEN '请打13800138000' ELSE text END"),
    ),
    Trouble("addresses as cities", "customers", "city_personal_share", _replaced("city", "'a@example.org'")),
    Trouble(
        "a tenth of the customers missing",
        "bookings",
        "customer_id_known_share_at_most",
        _replaced(
            "customer_id", "CASE WHEN hash(customer_id) % 10 = 0 THEN 'x' || customer_id ELSE customer_id END"
        ),
    ),
    Trouble(
        "the customer for the key", "bookings", "repeated_key_share", _replaced("booking_id", "customer_id")
    ),
    Trouble(
        "day and month swapped",
        "bookings",
        "trip_after_booking_broken_share",
        _replaced("travel_start", "CAST(booked_at AS DATE) - 20"),
    ),
    Trouble(
        "dates of the future",
        "bookings",
        "rows_after_as_of",
        _replaced("booked_at", "booked_at + INTERVAL 5 DAY"),
    ),
)


@dataclass(frozen=True)
class Verdict:
    """What one check of the summary said of one month; `holds` is None where it could not say anything."""

    table: str
    figure: str
    severity: str
    holds: bool | None


def main(console: Console, customers: int = CUSTOMERS, months: int = MONTHS, seed: int = SEED) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        whole = _read(Path(scratch), customers, months, seed)
        month_ends = list(_month_ends(whole))
        normal = [verdict for day in month_ends[1:] for verdict in _judge(whole, day)]
        caught = {trouble: _caught(whole, month_ends[-TROUBLED_MONTHS:], trouble) for trouble in TROUBLES}
    _print_normal(console, normal)
    table = Grid("planted trouble", "table", "figure", "months", "caught")
    for trouble, times in caught.items():
        table.add_row(trouble.name, trouble.table, trouble.figure, str(TROUBLED_MONTHS), str(times))
    console.print(table)


def _print_normal(console: Console, verdicts: list[Verdict]) -> None:
    said: dict[str, Counter] = defaultdict(Counter)
    for verdict in verdicts:
        if verdict.holds is not None:
            said[f"{_kind(verdict.figure)}, {verdict.severity}"][verdict.holds] += 1
    table = Grid("normal months: figure", "verdicts", "alarms", "share")
    for kind, counts in sorted(said.items()):
        table.add_row(kind, str(counts.total()), str(counts[False]), f"{counts[False] / counts.total():.1%}")
    console.print(table)


def _kind(figure: str) -> str:
    kinds = ("_drift", "_personal_rows", "_personal_share", "_broken_share", "_known_share_at_most")
    return next((f"…{kind}" for kind in kinds if figure.endswith(kind)), figure)


def _read(scratch: Path, customers: int, months: int, seed: int) -> Home:
    """A home whose batch holds the company's whole life."""
    simulate(scratch / "landing", customers, months, seed)
    home = Home(scratch / "whole")
    Company("simulated", str(scratch / "landing")).save(home)
    read_files(home, date(2100, 1, 1))
    return home


def _month_ends(whole: Home) -> Iterator[date]:
    with duck.connect(whole.batch_db, whole.tmp_dir, read_only=True) as batch:
        first, last = batch.execute(
            "SELECT min(booked_at)::DATE, max(booked_at)::DATE FROM bookings"
        ).fetchone()
    day = first.replace(day=1)
    while day <= last:
        following = (day + timedelta(days=32)).replace(day=1)
        yield following - timedelta(days=1)
        day = following


def _caught(whole: Home, month_ends: list[date], trouble: Trouble) -> int:
    found = 0
    for day in month_ends:
        verdicts = _judge(whole, day, trouble)
        found += any(verdict.figure == trouble.figure and verdict.holds is False for verdict in verdicts)
    return found


def _judge(whole: Home, as_of: date, trouble: Trouble | None = None) -> list[Verdict]:
    """Every check of every table's summary, or of the troubled table's, for the month that ends on as_of."""
    home = Home(whole.root.parent / "month")
    _write_month(whole, home, as_of, trouble)
    verdicts = []
    with summary_database(home) as (connection, _):
        create_macros(connection)
        sides = Sides.attach(connection, home, as_of)
        tables = [source_contract()[trouble.table]] if trouble else list(source_contract().values())
        for table in tables:
            figures, _ = summarise(sides, table)
            for each in read_suite(GATE, table.name).on("summary"):
                limits, value = each["kwargs"], figures[each["kwargs"]["column"]]
                holds = value is None or (
                    limits.get("min_value", value) <= value <= limits.get("max_value", value)
                )
                verdicts.append(
                    Verdict(
                        table.name,
                        limits["column"],
                        each["meta"]["severity"],
                        None if value is None else holds,
                    )
                )
    return verdicts


def _write_month(whole: Home, home: Home, as_of: date, trouble: Trouble | None) -> None:
    """The month's rows as the batch, and those before as raw."""
    for file in (home.batch_db, home.raw_db):
        file.unlink(missing_ok=True)
    first = as_of.replace(day=1)
    with duck.connect(home.batch_db, home.tmp_dir) as batch, duck.connect(home.raw_db, home.tmp_dir) as raw:
        raw.execute("CREATE SCHEMA raw.raw")
        for connection in (batch, raw):
            connection.execute(f"ATTACH '{quote(whole.batch_db)}' AS whole (READ_ONLY)")
        for table in source_contract().values():
            rows = _rows(table, f"BETWEEN DATE '{first}' AND DATE '{as_of}'")
            if trouble and trouble.table == table.name:
                rows = f"WITH month AS ({rows}) {trouble.rows.format(batch='month')}"
            batch.execute(f'CREATE TABLE main."{table.name}" AS {rows}')
            before = _rows(table, f"< DATE '{first}'")
            raw.execute(f'CREATE TABLE raw.raw."{table.name}" AS {before}')


def _rows(table: Table, when: str) -> str:
    return f'FROM whole.main."{table.name}" WHERE CAST("{table.occurred}" AS DATE) {when}'
