"""The mappings of the two real companies: counts that add up exactly to what is in their files."""

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip.company import Company
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.ingest import load, read_files


def ingest(company: str, shared_data: Path, root: Path) -> tuple[dict, duckdb.DuckDBPyConnection]:
    """Both stages for one company; the load's counts, and a connection to its raw tables and files."""
    landing = shared_data / company
    if not landing.is_dir():
        pytest.skip(f"{landing} is not there")
    home = Home(root)
    described = Company.describe(landing, PROJECT_ROOT / "sources" / company)
    described.save(home)
    as_of = date.fromisoformat(described.settings["as_of"])
    summary = read_files(home, as_of)
    assert summary["warnings"] == []
    gate = home.gates_dir / "landing" / f"{as_of}.json"
    gate.parent.mkdir(parents=True)
    gate.write_text(
        json.dumps({"gate": "landing", "batch_id": summary["batch_id"], "success": True, "tables": {}})
    )
    counts = load(home, as_of)["tables"]
    assert read_files(home, as_of)["batch_id"].endswith("-nothing")
    for table, count in counts.items():
        assert count["rows_in"] == count["loaded"] + count["quarantined"] + count["superseded"], table
        share = count["quarantined"] / count["rows_in"]
        assert share <= described.settings.get("max_quarantined_share", {}).get(table, 0.0), table
    connection = duckdb.connect(str(home.raw_db), read_only=True)
    connection.execute("USE raw.raw")
    return counts, connection


def one(connection, query: str):
    return connection.execute(query).fetchone()[0]


def test_hi_guides(shared_data, tmp_path):
    counts, raw = ingest("hi_guides", shared_data, tmp_path / "home")
    history = f"read_csv('{shared_data}/hi_guides/orderHistory_train.csv.gz', all_varchar = true)"
    assert counts["customers"]["rows_in"] == 40_307
    assert (
        counts["customers"]["loaded"] == one(raw, f"SELECT count(DISTINCT userid) FROM {history}") == 10_637
    )
    assert counts["bookings"]["loaded"] == counts["bookings"]["rows_in"] == 20_653
    assert counts["surveys"]["rows_in"] == 9_863
    assert (
        one(raw, "SELECT count(*) FROM bookings WHERE gross_amount IS NOT NULL OR currency IS NOT NULL") == 0
    )
    assert one(raw, "SELECT count(*) FROM bookings ANTI JOIN customers USING (customer_id)") == 0
    assert one(raw, "SELECT max(booked_at)::DATE::VARCHAR FROM bookings") == "2017-09-11"
    # Each row stands on the line that its file says it does.
    assert (
        one(
            raw,
            f"SELECT count(*) FROM (SELECT orderid, row_number() OVER () + 1 AS line FROM {history}) "
            "JOIN bookings ON booking_id = orderid AND _line = line",
        )
        == 20_653
    )
    raw.close()


def test_airline_loyalty(shared_data, tmp_path):
    counts, raw = ingest("airline_loyalty", shared_data, tmp_path / "home")
    folder = shared_data / "airline_loyalty"
    activity = f"'{folder}/customer_flight_activity.csv.gz'"
    members = f"'{folder}/customer_loyalty_history.csv.gz'"
    assert counts["customers"]["loaded"] == one(raw, f"SELECT count(*) FROM {members}") == 16_737
    assert (
        counts["bookings"]["loaded"] == one(raw, f'SELECT sum("Flights Booked") FROM {activity}') == 1_669_164
    )
    entries = dict(raw.execute("SELECT entry_type, count(*) FROM loyalty_ledger GROUP BY ALL").fetchall())
    assert entries["join"] == 16_737
    assert entries["leave"] == one(raw, f'SELECT count("Cancellation Year") FROM {members}')
    for entry_type, column in (("earn", "Points Accumulated"), ("redeem", "Points Redeemed")):
        total = one(raw, f"SELECT abs(sum(points)) FROM loyalty_ledger WHERE entry_type = '{entry_type}'")
        assert total == pytest.approx(one(raw, f'SELECT sum("{column}") FROM {activity}'))
    late = "SELECT count(*) FROM bookings AS b JOIN loyalty_ledger AS l USING (customer_id) "
    assert one(raw, late + "WHERE entry_type = 'leave' AND booked_at > occurred_at") == 0
    raw.close()
