"""Which version of a row stays, and that every row is accounted for, told as small stories."""

import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from roundtrip.company import Company
from roundtrip.errors import GateFailed, RoundtripError
from roundtrip.ingest import load, read_files

AS_OF = date(2025, 6, 30)
HEADER = "booking_id,customer_id,booked_at,updated_at,service_line,status\n"


def booking(key: str, updated_at: str = "", status: str = "confirmed", line: str = "hotel") -> str:
    return f"{key},c1,2024-02-01,{updated_at},{line},{status}\n"


@pytest.fixture
def landing(home, tmp_path) -> Path:
    folder = tmp_path / "landing"
    put(folder, "customers/c.csv", "customer_id,registered_at\nc1,2024-01-01\n")
    Company.describe(folder, None).save(home)
    return folder


def put(landing: Path, name: str, content: str) -> None:
    file = landing / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def pass_gate(home, as_of: date, batch_id: str, success: bool = True) -> None:
    file = home.gates_dir / "landing" / f"{as_of}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    tables = {"bookings": {"checks": 7, "failed": 1}}
    file.write_text(
        json.dumps({"gate": "landing", "batch_id": batch_id, "success": success, "tables": tables})
    )


def ingest(home, as_of: date = AS_OF) -> dict:
    pass_gate(home, as_of, read_files(home, as_of)["batch_id"])
    return load(home, as_of)


def in_raw(home, query: str) -> list[tuple]:
    with duckdb.connect(str(home.raw_db), read_only=True) as connection:
        connection.execute("USE raw.raw")
        return connection.execute(query).fetchall()


def test_the_newest_updated_at_wins_in_whatever_order_rows_come(home, landing):
    put(
        landing,
        "bookings/1.csv",
        HEADER
        + booking("b1", "2024-03-03", "completed")
        + booking("b1", "2024-03-01")
        + booking("b1", "")
        + booking("b2"),
    )
    counts = ingest(home)["tables"]["bookings"]
    assert counts == {"rows_in": 4, "loaded": 2, "quarantined": 0, "superseded": 2}
    assert in_raw(home, "SELECT booking_id, status, _line FROM bookings ORDER BY 1") == [
        ("b1", "completed", 2),
        ("b2", "confirmed", 5),
    ]


def test_without_updated_at_the_newest_file_then_the_last_line_wins(home, landing):
    put(landing, "bookings/1.csv", HEADER + booking("b1", line="car") + booking("b1", line="rail"))
    put(landing, "bookings/2.csv", HEADER + booking("b2", line="car"))
    put(landing, "bookings/3.csv", HEADER + booking("b2", line="hotel"))
    ingest(home)
    found = in_raw(home, "SELECT booking_id, service_line, _file FROM bookings ORDER BY 1")
    assert found == [("b1", "rail", "bookings/1.csv"), ("b2", "hotel", "bookings/3.csv")]


def test_a_late_old_version_does_not_win_and_a_correction_does(home, landing):
    put(landing, "bookings/1.csv", HEADER + booking("b1", "2024-03-02") + booking("b2"))
    ingest(home)
    put(
        landing,
        "bookings/2.csv",
        HEADER + booking("b1", "2024-03-01", "no_show") + booking("b2", "", "completed"),
    )
    counts = ingest(home, AS_OF + timedelta(1))["tables"]
    assert counts == {"bookings": {"rows_in": 2, "loaded": 1, "quarantined": 0, "superseded": 1}}
    assert in_raw(home, "SELECT booking_id, status FROM bookings ORDER BY 1") == [
        ("b1", "confirmed"),
        ("b2", "completed"),
    ]


def test_an_equal_row_delivered_again_is_superseded_by_the_one_that_is_there(home, landing):
    put(landing, "bookings/1.csv", HEADER + booking("b1") + booking("b2"))
    first = ingest(home)["batch_id"]
    put(landing, "bookings/2.csv", HEADER + booking("b1") + booking("b2") + booking("b3"))
    counts = ingest(home)["tables"]["bookings"]
    assert counts == {"rows_in": 3, "loaded": 1, "quarantined": 0, "superseded": 2}
    assert in_raw(home, f"SELECT count(*) FROM bookings WHERE _loaded_in = '{first}'") == [(2,)]


def test_a_file_delivered_again_costs_nothing(home, landing):
    put(landing, "bookings/1.csv", HEADER + booking("b1"))
    ingest(home)
    put(landing, "bookings/same.csv", HEADER + booking("b1"))
    summary = read_files(home, AS_OF)
    assert summary == {"batch_id": "20250630-nothing", "tables": {}, "warnings": []}
    pass_gate(home, AS_OF, summary["batch_id"])
    assert load(home, AS_OF)["tables"] == {}


def test_increments_equal_one_full_load_row_for_row(home, landing, tmp_path):
    versions = [
        [booking("b1"), booking("b2", "2024-03-01")],
        [booking("b2", "2024-02-01", "no_show"), booking("b3"), booking("b3", "", "completed")],
        [booking("b1", "2024-04-01", "completed"), booking("b2", "2024-03-01"), booking("bad", "", "lost")],
        [booking("b1"), booking("b3", "", "confirmed"), booking("b4")],
    ]
    full = type(home)(tmp_path / "full")
    Company.load(home).save(full)
    for day, rows in enumerate(versions):
        put(landing, f"bookings/{day}.csv", HEADER + "".join(rows))
        ingest(home, AS_OF + timedelta(day))
    ingest(full)
    query = "SELECT * EXCLUDE (_loaded_in, _line, _file) FROM bookings ORDER BY booking_id"
    assert in_raw(home, query) == in_raw(full, query)
    assert len(in_raw(home, query)) == 4
    query = "SELECT sum(rows_in), sum(rows_quarantined) FROM quality_runs WHERE table_name = 'bookings'"
    assert in_raw(home, query) == in_raw(full, query) == [(11, 1)]


def test_loading_again_changes_nothing_and_says_the_same(home, landing):
    put(landing, "bookings/1.csv", HEADER + booking("b1") + booking("b9", "", "lost"))
    first = ingest(home)
    assert load(home, AS_OF) == first
    assert first["tables"]["bookings"] == {"rows_in": 2, "loaded": 1, "quarantined": 1, "superseded": 0}
    account = in_raw(home, "FROM quality_runs WHERE table_name = 'bookings'")
    assert account == [(first["batch_id"], "bookings", 2, 1, 1, 0, 7, 1)]
    file = home.quarantine_dir / "bookings" / f"{first['batch_id']}.parquet"
    found = duckdb.sql(f"SELECT run_id, table_name, _file, _line, reasons[1].column FROM '{file}'").fetchall()
    assert found == [(first["batch_id"], "bookings", "bookings/1.csv", 3, "status")]


def test_all_contract_tables_exist_and_keys_are_unique(home, landing):
    put(landing, "bookings/1.csv", HEADER + booking("b1"))
    put(landing, "market/m.csv", "month,region,demand_index\n2024-01,,1\n2024-01,,2\n2024-01,north,3\n")
    ingest(home)
    put(landing, "market/n.csv", "month,region,demand_index\n2024-01,,4\n")
    ingest(home)
    tables = {
        row[0] for row in in_raw(home, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'")
    }
    own = {"files", "quality_runs", "erasures", "erasure_counts", "customer_identities"}
    assert len(tables - own) == 11
    found = in_raw(home, "SELECT month::VARCHAR, region, demand_index FROM market ORDER BY 3")
    assert found == [("2024-01-01", "north", 3.0), ("2024-01-01", None, 4.0)]


def test_nothing_is_loaded_that_the_gate_has_not_seen(home, landing):
    put(landing, "bookings/1.csv", HEADER + booking("b1"))
    read_files(home, AS_OF)
    with pytest.raises(RoundtripError, match="run the landing_gate stage first"):
        load(home, AS_OF)
    pass_gate(home, AS_OF, "20250630-another1")
    with pytest.raises(RoundtripError, match="checked batch 20250630-another1"):
        load(home, AS_OF)


def test_what_the_gate_refused_is_not_loaded(home, landing):
    put(landing, "bookings/1.csv", HEADER + booking("b1"))
    pass_gate(home, AS_OF, read_files(home, AS_OF)["batch_id"], success=False)
    with pytest.raises(GateFailed, match="refused batch"):
        load(home, AS_OF)
