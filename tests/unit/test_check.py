"""`roundtrip check`: says what would come of the files, as the real load does, and leaves nothing behind."""

import hashlib
import io
import json
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from roundtrip.check import check, show
from roundtrip.cli import app
from roundtrip.company import Company
from roundtrip.errors import BadInput, GateFailed
from roundtrip.ingest import load, read_files

AS_OF = date(2025, 6, 30)
BOOKINGS = "booking_id,customer_id,booked_at,service_line,status\n"


@pytest.fixture
def landing(tmp_path):
    """Two customers and a mended one, a hundred bookings, thirty of them of an unknown kind."""
    folder = tmp_path / "landing"
    for table in ("customers", "bookings"):
        (folder / table).mkdir(parents=True)
    (folder / "customers/1.csv").write_text(
        "customer_id,registered_at,email,city\na,2024-01-01,a@example.org,Rome\nb,2024-01-01,b@example.org,Rome\n"
        "a,2024-01-02,a@example.org,Oslo\nc,,c@example.org,Bern\n"
    )
    rows = [
        f"b{n},{'ab'[n % 2]},2025-06-{n % 28 + 1:02},{'balloon' if n < 30 else 'hotel'},completed"
        for n in range(100)
    ]
    (folder / "bookings/1.csv").write_text(
        BOOKINGS + "\n".join([*rows, "b7,a,2025-06-01,Jane Doe,completed", "cut,off"]) + "\n"
    )
    return folder


def everything_in(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in sorted(folder.rglob("*"))
    }


def shown(result) -> str:
    console = Console(record=True, width=160, file=io.StringIO())
    show(result, console)
    return console.export_text()


def test_the_check_agrees_with_the_real_load(landing, home):
    company = Company.describe(landing, None)
    found = {table.name: table for table in check(company, AS_OF, with_gate=False).tables}
    company.save(home)
    read = read_files(home, AS_OF)
    gate = home.gates_dir / "landing" / f"{AS_OF}.json"
    gate.parent.mkdir(parents=True)
    gate.write_text(json.dumps({"batch_id": read["batch_id"], "success": True, "tables": {}}))
    for table, counts in load(home, AS_OF)["tables"].items():
        mine = found[table]
        assert counts == {
            "rows_in": mine.rows_in,
            "loaded": mine.loaded,
            "quarantined": mine.quarantined,
            "superseded": mine.superseded,
        }
    assert (found["customers"].loaded, found["customers"].superseded, found["customers"].quarantined) == (
        2,
        1,
        1,
    )
    assert (found["bookings"].loaded, found["bookings"].quarantined) == (70, 32)


def test_reasons_name_lines_and_common_words_but_no_rare_value(landing):
    result = check(Company.describe(landing, None), AS_OF, with_gate=False)
    bookings = next(table for table in result.tables if table.name == "bookings")
    unknown, broken = bookings.reasons
    assert (unknown.column, unknown.rows, unknown.words) == ("service_line", 31, ("'balloon' 30",))
    assert unknown.examples == ("bookings/1.csv:2", "bookings/1.csv:3", "bookings/1.csv:4")
    assert (broken.rows, broken.examples) == (1, ("bookings/1.csv:103",))
    text = shown(result)
    assert "service_line: is not one of flight, hotel" in text
    for personal in ("Jane", "example.org", "Bern"):
        assert personal not in text


def test_nothing_is_written_anywhere(landing, home, tmp_path, monkeypatch):
    home.root.mkdir()
    (home.root / "company.json").write_text("{}")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("ROUNDTRIP_HOME", str(home.root))
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    before = everything_in(tmp_path)
    check(Company.describe(landing, None), AS_OF, with_gate=False)
    (landing / "bookings/2.csv").write_text("booking_id\nx\n")
    with pytest.raises(BadInput):
        check(Company.describe(landing, None), AS_OF, with_gate=False)
    (landing / "bookings/2.csv").unlink()
    assert everything_in(tmp_path) == before


def test_what_a_mapping_still_asks_is_listed(landing, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for table in ("customers", "bookings"):
        (source / f"{table}.sql").write_text(
            "SELECT\n    *,\n    -- NEEDS YOU: is it so,\n    -- or not?\n    -- guess: it is\n"
            f"    1 AS {table}_extra\nFROM {table}\n"
        )
    result = check(Company.describe(landing, source), AS_OF, with_gate=False)
    assert result.open_questions == [
        "bookings.sql:3: NEEDS YOU: is it so, or not?",
        "customers.sql:3: NEEDS YOU: is it so, or not?",
    ]


@pytest.mark.parametrize("refuses", [False, True])
def test_what_the_gate_says_is_told_without_the_temporary_home(landing, monkeypatch, refuses):
    """With a gate that has one warning, and one that refuses; the real one runs in the integration tests."""

    def gate(home, as_of):
        check = {"table": "bookings", "column": "quarantined_share", "success": False, "severity": "warn"}
        file = home.gates_dir / "landing" / f"{as_of}.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"results": [{**check, "observed": 0.3168, "reason": "too many"}]}))
        if refuses:
            raise GateFailed("the gate refuses", f"details: {file}")

    monkeypatch.setattr("roundtrip.gates.landing_gate", gate)
    result = check(Company.describe(landing, None), AS_OF)
    assert result.gate_warnings == ["bookings.quarantined_share: too many (observed 0.317)"]
    assert ("let this through" in shown(result)) is not refuses
    assert (result.refused is not None) is refuses
    assert "roundtrip-check-" not in str(result.refused)


@pytest.mark.parametrize(("known", "code"), [(True, None), (False, BadInput)])
def test_the_command(landing, known, code):
    if not known:
        (landing / "bookings/1.csv").unlink()
    arguments = ["check", "--landing", str(landing), "--as-of", str(AS_OF), "--quick"]
    outcome = CliRunner().invoke(app, arguments)
    if known:
        assert outcome.exit_code == 0
        assert "would load" in outcome.output
    else:
        assert isinstance(outcome.exception, code)
        assert outcome.exception.exit_code == 2
