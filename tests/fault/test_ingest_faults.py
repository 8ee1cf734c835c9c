"""Killed at any point and run again, ingestion ends in the same state as one that was never disturbed."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip.company import Company
from roundtrip.errors import Locked
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.ingest import load, read_files

AS_OF = date(2025, 6, 30)
HEADER = "booking_id,customer_id,booked_at,updated_at,service_line,status\n"

#: Ends the process like a power cut, after the named function of a module was called or instead of it.
KILLED_RUN = """
import importlib, os, sys
from datetime import date
from pathlib import Path
from roundtrip.home import Home
from roundtrip.ingest import load, read_files
import json
home, place, module, function = Home(Path(sys.argv[1])), *sys.argv[2:5]
module = importlib.import_module(module)
original = getattr(module, function)
def die(*arguments, **options):
    if place == "after":
        original(*arguments, **options)
    os._exit(9)
setattr(module, function, die)
as_of = date(2025, 6, 30)
batch_id = read_files(home, as_of)["batch_id"]
gate = home.gates_dir / "landing" / f"{as_of}.json"
gate.parent.mkdir(parents=True, exist_ok=True)
gate.write_text(json.dumps({"gate": "landing", "batch_id": batch_id, "success": True, "tables": {}}))
load(home, as_of)
"""


@pytest.fixture
def landing(tmp_path) -> Path:
    folder = tmp_path / "landing"
    for table in ("customers", "bookings"):
        (folder / table).mkdir(parents=True)
    (folder / "customers/c.csv").write_text("customer_id,registered_at\nc1,2024-01-01\nc2,never\n")
    (folder / "bookings/1.csv").write_text(
        HEADER + "".join(f"b{i},c1,2024-02-01,,hotel,confirmed\n" for i in range(50)) + "x,c1,,,,\nshort\n"
    )
    return folder


def ingest(home: Home) -> None:
    batch_id = read_files(home, AS_OF)["batch_id"]
    gate = home.gates_dir / "landing" / f"{AS_OF}.json"
    gate.parent.mkdir(parents=True, exist_ok=True)
    gate.write_text(json.dumps({"gate": "landing", "batch_id": batch_id, "success": True, "tables": {}}))
    load(home, AS_OF)


def state(home: Home) -> dict:
    """Everything that counts: each raw table row for row, and each quarantined row."""
    with duckdb.connect(str(home.raw_db), read_only=True) as connection:
        connection.execute("USE raw.raw")
        tables = [row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        found = {table: sorted(map(str, connection.execute(f"FROM {table}").fetchall())) for table in tables}
    for file in sorted(home.quarantine_dir.rglob("*")):
        if file.is_file():
            name = str(file.relative_to(home.root))
            found[name] = sorted(map(str, duckdb.sql(f"SELECT * FROM '{file}'").fetchall()))
    return found


def run_killed(home: Home, place: str, module: str, function: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, str(home.root), place, f"roundtrip.ingest.{module}", function],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        check=False,
    )
    assert run.returncode == 9


@pytest.mark.parametrize(
    ("place", "module", "function"),
    [
        ("before", "batch", "replace"),
        ("after", "batch", "replace"),
        ("after", "load", "_write_quarantine"),
        ("after", "load", "_upsert"),
        ("before", "load", "_commit"),
        ("after", "load", "_commit"),
    ],
)
def test_killed_and_run_again_equals_undisturbed(tmp_path, landing, place, module, function):
    undisturbed, disturbed = Home(tmp_path / "a"), Home(tmp_path / "b")
    for home in (undisturbed, disturbed):
        Company.describe(landing, None).save(home)
    ingest(undisturbed)
    run_killed(disturbed, place, module, function)
    ingest(disturbed)
    assert state(disturbed) == state(undisturbed)
    # A second delivery meets what the first left behind.
    (landing / "bookings/2.csv").write_text(HEADER + "b1,c1,2024-02-01,2024-03-01,hotel,no_show\nb2,,,,,\n")
    run_killed(disturbed, place, module, function)
    for home in (undisturbed, disturbed):
        ingest(home)
    assert state(disturbed) == state(undisturbed)
    assert not list(disturbed.batch_db.parent.glob("*.new*"))


@pytest.mark.parametrize("stage", [read_files, load])
def test_a_locked_database_is_named_with_its_holder(tmp_path, landing, stage):
    home = Home(tmp_path / "home")
    Company.describe(landing, None).save(home)
    ingest(home)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys, time; held = duckdb.connect(sys.argv[1]); print('held', flush=True); "
            "time.sleep(60)",
            str(home.raw_db),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline().strip() == "held"
        with pytest.raises(Locked, match=f"process {holder.pid}"):
            stage(home, AS_OF)
    finally:
        holder.kill()
        holder.wait()
    stage(home, AS_OF)
