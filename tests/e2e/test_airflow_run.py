"""`roundtrip run` as a user types it: through Airflow's own scheduler, on a small simulated company.

One home goes through four things in turn, since each start of Airflow takes half a minute: a run that is
killed in the middle, a run that does all its work after that, a run that fails, and nothing left behind.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import psutil
import pytest

from roundtrip.airflow.environment import manifest_file
from roundtrip.airflow.follow import DAG_ORDER
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.rounds import waiting
from roundtrip.simulate import simulate
from roundtrip.stages import STAGES
from tests.everything_told import everything_told

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Path]:
    """A home of its own and the landing folder of two hundred customers."""
    folder = tmp_path_factory.mktemp("airflow_run")
    simulate(folder / "landing", 200, 18, 3)
    return Home(folder / "home"), folder / "landing"


def start(home: Home, landing: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "roundtrip.cli", "run", "--landing", str(landing), "--home", str(home.root)],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"NO_COLOR": "1", "COLUMNS": "200"},
    )


def processes_of(home: Home) -> list[str]:
    """The command lines of all processes that work for the home, however they were started."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("ROUNDTRIP_HOME") == str(home.root):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def airflow_rows(home: Home, query: str) -> list[tuple]:
    connection = sqlite3.connect(home.airflow_dir / "airflow.db")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def interrupted(company) -> tuple[int, list[str]]:
    """A run that gets SIGTERM while Airflow works for it: its exit code and what it left running."""
    home, landing = company
    run, said = start(home, landing), ""
    for line in run.stdout:
        said += line
        if "build.landing_gate" in line:
            break
    assert processes_of(home), f"Airflow was not running: {said}"
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=120)
    return run.returncode, processes_of(home)


@pytest.fixture(scope="module")
def walked(company, interrupted) -> tuple[int, str, list[str]]:
    """The run after that, to its end: exit code, output, what it left running."""
    home, landing = company
    run = start(home, landing)
    output, _ = run.communicate(timeout=1200)
    return run.returncode, output, processes_of(home)


def test_a_run_that_is_stopped_stops_all_that_it_started(interrupted):
    exit_code, left = interrupted
    assert exit_code != 0
    assert left == []


def test_the_next_run_walks_the_whole_road(company, walked):
    home, _ = company
    exit_code, output, left = walked
    assert exit_code == 0, output
    assert left == []
    for stage in STAGES:
        record = json.loads((home.runs_dir / "2025-12-31" / f"{stage.name}.json").read_text("utf-8"))
        assert record["status"] == "done", stage.name
    with duckdb.connect(str(home.current_db), read_only=True) as published:
        customers = published.execute("SELECT count(*) FROM marts.dim_customers").fetchone()[0]
        scored = published.execute(
            "SELECT count(DISTINCT customer_id), max(as_of_date)::VARCHAR FROM marts.customer_scores"
        ).fetchone()
    assert (customers, "2025-12-31") == scored
    assert (home.reports_dir / "2025-12-31.en.html").exists()


def test_airflow_did_it_one_run_a_dag_each_started_by_the_events_of_the_one_before(company, walked):
    home, _ = company
    rows = airflow_rows(home, "SELECT dag_id, state, run_type FROM dag_run WHERE dag_id <> 'act' ORDER BY id")
    # The run that was stopped came as far as build and is not taken up again.
    assert rows[:2] == [("ingest", "success", "manual"), ("build", "failed", "asset_triggered")]
    assert rows[2:] == [
        (dag, "success", "asset_triggered" if dag != "ingest" else "manual") for dag in DAG_ORDER
    ]
    dates = airflow_rows(home, "SELECT DISTINCT extra FROM asset_event")
    assert [json.loads(extra) for (extra,) in dates] == [{"as_of": "2025-12-31"}]


def test_a_plan_that_waits_calls_for_a_human_and_holds_nothing_up(company, walked):
    home, _ = company
    asked = airflow_rows(home, "SELECT state, run_type FROM dag_run WHERE dag_id = 'act'")
    assert [run_type for _, run_type in asked] == ["asset_triggered"]
    # Nobody has answered, and Airflow was stopped at the end of the road.
    assert asked[0][0] != "success"
    assert waiting(home) == ["R-2025-12-31"]
    assert not list(home.outbox_dir.glob("*/*.csv"))


def test_every_model_had_its_light_and_none_was_red(company, walked):
    home, _ = company
    states = airflow_rows(
        home,
        "SELECT t.state, count(*) FROM task_instance t JOIN dag_run r USING (dag_id, run_id) "
        "WHERE r.state = 'success' AND t.task_id LIKE 'models.%' GROUP BY t.state",
    )
    manifest = json.loads(manifest_file(home).read_text("utf-8"))
    built = [n for n in manifest["nodes"].values() if n["resource_type"] in ("model", "seed")]
    assert states == [("success", len(built))]


def test_secrets_are_the_owners_alone(company, walked):
    home, _ = company
    assert home.secrets_dir.stat().st_mode & 0o777 == 0o700
    assert (home.secrets_dir / "airflow.json").stat().st_mode & 0o777 == 0o600


def test_who_asks_to_be_forgotten_leaves_everything_that_a_whole_run_wrote(company, walked):
    home, _ = company
    with duckdb.connect(str(home.current_db), read_only=True) as published:
        (customer,) = published.execute(
            "SELECT min(customer_id) FROM marts.customer_scores WHERE churn_probability IS NOT NULL"
        ).fetchone()
        bookings = published.execute(
            "SELECT booking_id FROM marts.fct_bookings WHERE customer_id = $1", [customer]
        ).fetchall()
    traces = [customer, *(booking for (booking,) in bookings)]

    def places() -> list[str]:
        return [place for place, text in everything_told(home).items() if any(t in text for t in traces)]

    assert len(places()) > 5, "the search must find what is there"
    command = [
        sys.executable,
        "-m",
        "roundtrip.cli",
        "erase",
        "--customer",
        customer,
        "--home",
        str(home.root),
    ]
    subprocess.run(command, cwd=PROJECT_ROOT, check=True, stdout=subprocess.DEVNULL)
    assert places() == []


def test_a_run_that_fails_says_what_the_stage_said_and_keeps_what_is_published(company, walked):
    home, landing = company
    published = home.current_db.stat().st_mtime_ns
    (landing / "bookings" / "wrong.csv").write_text("booking_id,customer_id\n1,2\n", encoding="utf-8")
    started = time.monotonic()
    run = start(home, landing)
    output, _ = run.communicate(timeout=1200)
    assert run.returncode == 2, output
    assert "wrong.csv" in output
    assert "booked_at" in output
    assert home.current_db.stat().st_mtime_ns == published
    failures = (home.runs_dir / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(failures[-1])["task"] == "read_files"
    assert airflow_rows(home, "SELECT try_number FROM task_instance ORDER BY start_date DESC LIMIT 1") == [
        (1,)
    ]
    assert processes_of(home) == []
    # With retries it would have waited for them.
    assert time.monotonic() - started < 400
