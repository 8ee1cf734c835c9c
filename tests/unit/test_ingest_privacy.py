"""Personal data never rests under the home in plain text, whatever the shape of the rows it comes in."""

import hashlib
import json
from datetime import date

import duckdb
import pytest

from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.ingest import load, read_files

AS_OF = date(2025, 6, 30)
SECRETS = ("ann.secret@example.com", "+4917155501234", "Ann Verysecret")
CUSTOMERS = (
    "customer_id,registered_at,country,email,phone,full_name\nc1,2024-01-01,DE,{},{},{}\n".format(*SECRETS)
    + f"c2,2024-01-01,DE, {SECRETS[0].upper()} ,,\n"
    + "c3,never,DE,{},{},{}\n".format(*SECRETS)  # refused for its date
    + "c4,{},{},{},,\n".format("2024-01-01", SECRETS[0], SECRETS[2])  # columns shifted by one
    + f"c5,2024-01-01,DE,{SECRETS[0]},{SECRETS[2]}\n"  # a column short
)


def ingest(home) -> None:
    batch_id = read_files(home, AS_OF)["batch_id"]
    file = home.gates_dir / "landing" / f"{AS_OF}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"gate": "landing", "batch_id": batch_id, "success": True, "tables": {}}))
    load(home, AS_OF)


def assert_no_secret_under(home) -> None:
    for file in home.root.rglob("*"):
        if file.is_file():
            content = file.read_bytes().lower()
            for secret in SECRETS:
                assert secret.lower().encode() not in content, f"{secret} stands in {file}"


def test_contract_files_leave_no_plain_text(home, tmp_path):
    landing = tmp_path / "landing"
    for table in ("customers", "bookings"):
        (landing / table).mkdir(parents=True)
    (landing / "customers/c.csv").write_text(CUSTOMERS)
    (landing / "bookings/b.csv").write_text(
        "booking_id,customer_id,booked_at,service_line,status\nb1,c1,2024-02-01,hotel,completed\n"
    )
    Company.describe(landing, None).save(home)
    ingest(home)
    assert_no_secret_under(home)
    with duckdb.connect(str(home.raw_db), read_only=True) as connection:
        found = connection.execute(
            "SELECT email, phone FROM raw.raw.customers ORDER BY customer_id"
        ).fetchall()
    (email, phone), (same_email, no_phone) = found
    key = (home.secrets_dir / "pseudonym.key").read_text().strip()
    assert email == hashlib.sha256((key + SECRETS[0]).encode()).hexdigest()[:32]
    assert phone == hashlib.sha256((key + SECRETS[1]).encode()).hexdigest()[:32]
    assert email == same_email, "upper case and blanks do not make another person"
    assert no_phone is None
    file = next(home.quarantine_dir.glob("customers/*.parquet"))
    kept = duckdb.sql(f"SELECT row_json FROM '{file}' WHERE row_json LIKE '%never%'").fetchone()[0]
    assert json.loads(kept)["email"] == email


def test_mappings_leave_no_plain_text(home, tmp_path):
    landing, source = tmp_path / "landing", tmp_path / "source"
    landing.mkdir()
    source.mkdir()
    (landing / "people.csv").write_text(CUSTOMERS)
    (source / "customers.sql").write_text("SELECT * FROM people")
    (source / "bookings.sql").write_text(
        "SELECT customer_id AS booking_id, customer_id, registered_at AS booked_at, 'car' AS service_line,"
        " 'completed' AS status, _file, _line FROM people"
    )
    Company.describe(landing, source).save(home)
    ingest(home)
    assert_no_secret_under(home)


def test_the_key_is_private_stays_and_is_missed(home, tmp_path):
    test_contract_files_leave_no_plain_text(home, tmp_path)
    key = home.secrets_dir / "pseudonym.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert home.secrets_dir.stat().st_mode & 0o777 == 0o700
    before = key.read_text()
    read_files(home, AS_OF)
    assert key.read_text() == before
    key.unlink()
    with pytest.raises(BadInput, match=r"pseudonym\.key is missing"):
        read_files(home, AS_OF)
    key.write_text("not a key")
    with pytest.raises(BadInput, match="does not hold a key"):
        read_files(home, AS_OF)
