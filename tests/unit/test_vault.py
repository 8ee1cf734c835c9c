"""The vault: encrypted, opened by its key only, and exactly what raw's pseudonyms stand for."""

import json
from datetime import date

import duckdb
import pytest

from roundtrip.company import Company
from roundtrip.errors import BadInput, RoundtripError
from roundtrip.ingest import load, read_files
from roundtrip.vault import Identities, encrypted
from roundtrip.vault.key import key_file, load_key

AS_OF = date(2025, 6, 30)
HEADER = "customer_id,registered_at,updated_at,city,email,phone,full_name\n"
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def no_key_from_outside(monkeypatch):
    monkeypatch.delenv("ROUNDTRIP_VAULT_KEY", raising=False)


@pytest.fixture
def landing(home, tmp_path):
    folder = tmp_path / "landing"
    for table in ("customers", "bookings"):
        (folder / table).mkdir(parents=True)
    (folder / "customers/1.csv").write_text(
        HEADER
        + "c1,2024-01-01,2024-01-01,Bonn,Ann@Example.com,+491715550001,Ann Kowalska\n"
        + "c2,2024-01-01,2024-01-01,Bonn,,,Bo Quist\n"
        + "c3,never,,Bonn,refused@example.com,,\n"
    )
    (folder / "bookings/b.csv").write_text(
        "booking_id,customer_id,booked_at,service_line,status\nb1,c1,2024-02-01,hotel,completed\n"
    )
    Company.describe(folder, None).save(home)
    return folder


def ingest(home) -> None:
    batch_id = read_files(home, AS_OF)["batch_id"]
    gate = home.gates_dir / "landing" / f"{AS_OF}.json"
    gate.parent.mkdir(parents=True, exist_ok=True)
    gate.write_text(json.dumps({"gate": "landing", "batch_id": batch_id, "success": True, "tables": {}}))
    load(home, AS_OF)


def values(home) -> dict:
    """(row, column) -> plain value, as the vault holds them."""
    connection = encrypted.workbench(home)
    encrypted.attach(connection, home.vault_db, "vault", key=load_key(home), read_only=True)
    rows = connection.execute("SELECT row_key, column_name, value FROM vault.identities").fetchall()
    connection.close()
    assert len({row[:2] for row in rows}) == len(rows)
    return {(row, column): value for row, column, value in rows}


def test_the_vault_holds_what_was_accepted_and_no_file_shows_it(home, landing):
    ingest(home)
    assert values(home) == {
        ("c1", "email"): "Ann@Example.com",
        ("c1", "phone"): "+491715550001",
        ("c1", "full_name"): "Ann Kowalska",
        ("c2", "full_name"): "Bo Quist",
    }
    key = load_key(home).encode()
    for file in home.root.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"Kowalska" not in content, file
            assert b"refused@" not in content, file
            assert key not in content or file == key_file(home), f"{file} holds the key"
    for file in (home.vault_db, home.batch_vault_db, key_file(home)):
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_new_address_replaces_the_old_one_and_an_older_delivery_does_not(home, landing):
    ingest(home)
    (landing / "customers/2.csv").write_text(HEADER + "c1,2024-01-01,2024-05-01,Bonn,new@example.com,,A K\n")
    ingest(home)
    (landing / "customers/3.csv").write_text(HEADER + "c1,2024-01-01,2024-03-01,Bonn,late@example.com,,Ann\n")
    ingest(home)
    assert values(home) == {
        ("c1", "email"): "new@example.com",
        ("c1", "full_name"): "A K",
        ("c2", "full_name"): "Bo Quist",
    }


def test_loading_again_changes_nothing_and_a_foreign_batch_is_refused(home, landing):
    ingest(home)
    before = values(home)
    load(home, AS_OF)
    assert values(home) == before
    home.batch_vault_db.unlink()
    with pytest.raises(RoundtripError, match="belongs to batch None"):
        load(home, AS_OF)


@pytest.mark.parametrize("given", ["too short", "blanks " * 8])
def test_what_is_no_key_is_refused_and_not_repeated(home, monkeypatch, given):
    monkeypatch.setenv("ROUNDTRIP_VAULT_KEY", given)
    with pytest.raises(BadInput, match="ROUNDTRIP_VAULT_KEY does not hold a key") as refused:
        load_key(home)
    assert given not in str(refused.value)
    assert not key_file(home).exists()


def test_a_wrong_or_missing_key_is_a_clear_error(home, landing, monkeypatch):
    ingest(home)
    (landing / "customers/2.csv").write_text(HEADER + "c4,2024-01-01,,Bonn,,,Di\n")
    monkeypatch.setenv("ROUNDTRIP_VAULT_KEY", KEY)
    with pytest.raises(BadInput, match=r"does not open .*vault\.duckdb") as refused:
        read_files(home, AS_OF)
    assert KEY not in str(refused.value)
    assert refused.value.__cause__ is None
    with duckdb.connect(str(home.raw_db), read_only=True) as raw:
        assert raw.execute("SELECT count(*) FROM raw.raw.customers").fetchone() == (2,)
    monkeypatch.delenv("ROUNDTRIP_VAULT_KEY")
    kept = key_file(home).read_text()
    key_file(home).unlink()
    with pytest.raises(BadInput, match=r"vault\.key is missing"):
        read_files(home, AS_OF)
    key_file(home).write_text(kept)
    ingest(home)
    assert ("c4", "full_name") in values(home)


def test_a_key_from_the_environment_leaves_no_file(home, landing, monkeypatch):
    monkeypatch.setenv("ROUNDTRIP_VAULT_KEY", KEY)
    ingest(home)
    assert not key_file(home).exists()
    assert values(home)["c2", "full_name"] == "Bo Quist"
    assert "Key" not in repr(Identities.of(home))
    assert KEY not in repr(Identities.of(home))


def test_a_company_marks_columns_and_even_the_id(home, landing):
    (landing / "company.yml").write_text("personal_columns: {customers: [city, customer_id]}\n")
    Company.describe(landing, None).save(home)
    ingest(home)
    with duckdb.connect(str(home.raw_db), read_only=True) as raw:
        ((customer, city),) = raw.execute(
            "SELECT customer_id, c.city FROM raw.raw.bookings JOIN raw.raw.customers AS c USING (customer_id)"
        ).fetchall()
    assert len(customer) == 32
    assert city != "Bonn"
    found = values(home)
    assert (found[customer, "customer_id"], found[customer, "city"]) == ("c1", "Bonn")
    assert not any(b"Bonn" in file.read_bytes() for file in home.root.rglob("*.duckdb"))


@pytest.mark.parametrize(
    "marks", ["{customers: [gender]}", "{customers: [nope]}", "{bookings: [customer_id]}", "{market: region}"]
)
def test_a_mark_that_cannot_be_kept_is_refused(home, landing, marks):
    (landing / "company.yml").write_text(f"personal_columns: {marks}\n")
    Company.describe(landing, None).save(home)
    with pytest.raises(BadInput, match="personal_columns"):
        read_files(home, AS_OF)


def test_what_spills_is_encrypted(home):
    """Read with DuckDB's own crypto, spilling would fail; unencrypted, it would leave names in tmp/."""
    connection = encrypted.workbench(home)
    connection.execute("SET memory_limit = '40MB'; SET threads = 1")
    connection.execute(
        "CREATE TEMP TABLE names AS SELECT 'Ann Kowalska ' || hash(i) || hash(-i) AS name "
        "FROM range(1500000) t(i)"
    )
    spilled = [file.read_bytes() for file in home.tmp_dir.iterdir()]
    connection.close()
    assert sum(map(len, spilled)) > 1_000_000
    assert not any(b"Kowalska" in content for content in spilled)
