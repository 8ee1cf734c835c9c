"""A company some of whose rows were refused, and what tests of mending them look at."""

import csv
import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.ingest import load, read_files, requeued
from roundtrip.requeue import counts
from roundtrip.vault import Identities, encrypted

AS_OF = date(2025, 6, 30)
SECRETS = ("ann.secret@example.com", "+4917155501234", "Ann Verysecret", "bo.new@example.com")
CUSTOMERS = f"""customer_id,registered_at,country,city,email,phone,full_name
cust-0001,never,DE,Bonn,{SECRETS[0]},{SECRETS[1]},{SECRETS[2]}
cust-0002,2024-01-01,DE,Bonn,,,
cust-0003,2024-01-01,Germany,"=HYPERLINK(""http://x"")",{SECRETS[0]},,
cust-0004,2024-01-01
"""
BOOKINGS = """booking_id,customer_id,booked_at,service_line,status,gross_amount,currency
book-0001,cust-0002,2024-02-30,hotel,completed,-5,EUR
book-0002,cust-0002,2024-02-01,boat,completed,10,EUR
book-0003,cust-0002,2024-02-01,hotel,completed,10,EUR
"""
TICKETS = f"""ticket_id,customer_id,opened_at,is_complaint,text
tick-0001,cust-0002,2024-03-01,maybe,Please write to {SECRETS[0]}
"""


def refuse_some(folder: Path) -> None:
    """`landing/` and a `home/` in which six rows of three tables were refused."""
    landing, home = folder / "landing", Home(folder / "home")
    put(landing, "customers/c.csv", CUSTOMERS)
    put(landing, "bookings/b.csv", BOOKINGS)
    put(landing, "support_tickets/t.csv", TICKETS)
    Company.describe(landing, None).save(home)
    ingest(home)


@pytest.fixture(scope="session")
def refused_once(tmp_path_factory) -> Path:
    """A folder with what `refuse_some` makes; copied for each test."""
    folder = tmp_path_factory.mktemp("refused")
    refuse_some(folder)
    return folder


@pytest.fixture
def refused(refused_once, tmp_path) -> Home:
    """A home in which six rows of three tables were refused."""
    for part in ("landing", "home"):
        shutil.copytree(refused_once / part, tmp_path / part)
    home = Home(tmp_path / "home")
    Company.describe(tmp_path / "landing", None).save(home)
    return home


def put(folder: Path, name: str, content: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")


def ingest(home: Home, as_of: date = AS_OF) -> dict:
    """One run up to loading, with a gate that lets everything through; the account by table."""
    batch_id = read_files(home, as_of)["batch_id"]
    file = home.gates_dir / "landing" / f"{as_of}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"gate": "landing", "batch_id": batch_id, "success": True, "tables": {}}))
    return load(home, as_of)["tables"]


def rows_of(file: Path) -> list[dict]:
    with file.open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source))


def mend(file: Path, edits: dict[int, dict], name: str = "mended.csv") -> Path:
    """A copy of an exported file with some cells of some rows (from 0) edited."""
    rows = rows_of(file)
    for number, cells_ in edits.items():
        rows[number] |= cells_
    mended = file.with_name(name)
    with mended.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return mended


def raw(home: Home, query: str) -> list[tuple]:
    with duckdb.connect(str(home.raw_db), read_only=True) as connection:
        return connection.execute(query).fetchall()


def state_of(home: Home) -> dict[str, dict[str, int]]:
    return {
        row["table"]: {name: n for name, n in row.items() if name != "table" and n} for row in counts(home)
    }


def vaulted_values(home: Home) -> dict[tuple[str, str], str]:
    connection = encrypted.workbench(home)
    encrypted.attach(connection, home.vault_db, "vault", key=Identities.of(home).key, read_only=True)
    rows = connection.execute("SELECT row_key, column_name, value FROM vault.identities").fetchall()
    connection.close()
    return {(key, column): value for key, column, value in rows}


def assert_no_secret_under(*folders: Path) -> None:
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file():
                content = file.read_bytes().lower()
                for secret in SECRETS:
                    assert secret.lower().encode() not in content, f"{secret} stands in {file}"


def waiting_rows(home: Home) -> int:
    """How many mended rows wait for the next run."""
    connection = encrypted.workbench(home)
    key, count = Identities.of(home).key, 0
    for number, file in enumerate(requeued.waiting_files(home)):
        encrypted.attach(connection, file, f"waiting_{number}", key=key, read_only=True)
        count += connection.execute(f"SELECT count(*) FROM waiting_{number}.rows").fetchone()[0]
    connection.close()
    return count
