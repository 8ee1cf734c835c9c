"""The one dbt process: an empty company, the unit tests, failures with names, locks, and restarts."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date

import pytest

from roundtrip.build import build_warehouse, dbt_environment, dbt_vars, parse_project
from roundtrip.build.events import ErrorText, NodeResult, read_event
from roundtrip.build.settings import PROJECT_DIR
from roundtrip.company import Company
from roundtrip.errors import BadInput, CheckBroken, GateFailed, Locked, RoundtripError
from roundtrip.home import Home
from tests.warehouse_fixture import booking, create_raw, customer, dump, generate, insert

AS_OF = date(2024, 12, 31)
MARTS = (
    "dim_customers",
    "dim_days",
    "fct_bookings",
    "fct_customer_months",
    "fct_customer_activity",
    "fct_lifecycle_changes",
    "fct_churn",
    "kpi_months",
    "kpi_gaps",
    "value_tier_thresholds",
    "need_segment_rules",
    "customer_identities",
    "quality_runs",
    "customer_consents",
    "customer_signals",
    "fct_campaign_touches",
    "fct_survey_answers",
    "customer_features",
    "churn_labels",
    "warehouse_info",
)


def marts_hash(home: Home) -> dict[str, tuple]:
    return {
        mart: dump(home.work_db, f"SELECT count(*), bit_xor(hash(m)) FROM marts.{mart} AS m")[0]
        for mart in MARTS
    }


def test_an_empty_company_builds_and_all_unit_tests_pass(home):
    """One dbt process does both: unit tests need the upstream relations, which the build makes."""
    create_raw(home)
    home.work_db.parent.mkdir(parents=True)
    result = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "build", "--vars", "{as_of_date: '2024-12-31'}"],
        cwd=PROJECT_DIR,
        env={**os.environ, **dbt_environment(home)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-4000:]
    assert "unit_test" in result.stdout or "unit tests" in result.stdout
    info = dump(
        home.work_db,
        "SELECT as_of_date, has_prices, has_web_events, reporting_currency FROM marts.warehouse_info",
    )
    assert info == [(AS_OF, False, False, None)]
    (comment,) = dump(
        home.work_db,
        "SELECT comment FROM duckdb_tables() WHERE schema_name = 'marts' AND table_name = 'fct_churn'",
    )
    assert "each time a customer's churn became" in comment[0]
    assert not (PROJECT_DIR / "target").exists()
    assert not (PROJECT_DIR / "logs").exists()


def test_a_killed_build_is_repaired_by_the_next_and_a_rebuild_changes_nothing(home):
    create_raw(home)
    generate(home, customers=150, months=30, ends_on=AS_OF)
    seen = []
    summary = build_warehouse(home, AS_OF, on_event=lambda *event: seen.append(event))
    first = marts_hash(home)
    assert {name for name, status, _ in seen if status == "success"} >= set(MARTS)
    assert set(summary["rows"]) == set(MARTS)
    assert summary["rows"]["dim_customers"] == 150

    killed = subprocess.Popen(
        [
            *(sys.executable, "-m", "dbt.cli.main", "build", "--exclude-resource-type", "unit_test"),
            *("--vars", "{as_of_date: '2024-06-30'}", "--log-format", "json"),
        ],
        cwd=PROJECT_DIR,
        env={**os.environ, **dbt_environment(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in killed.stdout:
        result = read_event(line)
        if isinstance(result, NodeResult) and result.name == "int_customer_rhythm":
            killed.send_signal(signal.SIGKILL)
            break
    killed.wait()
    # Of another date, and half done: nothing of it may be gone on from.
    assert build_warehouse(home, AS_OF)["why_full"] == "there is no complete build to go on from"
    assert marts_hash(home) == first
    assert build_warehouse(home, AS_OF)["extent"] == "increment"
    assert marts_hash(home) == first


def test_bad_rows_stop_the_build_and_are_named(home):
    create_raw(home)
    insert(home, "customers", [customer("a", "2024-01-01")])
    insert(home, "bookings", [booking("twice", "a", "2024-02-01"), booking("twice", "a", "2024-03-01")])
    with pytest.raises(GateFailed, match=r"test unique_stg_bookings_booking_id found 1 bad row") as raised:
        build_warehouse(home, AS_OF)
    assert "dbt.log" in str(raised.value)


def test_a_test_that_cannot_run_is_neither_good_nor_bad_data(home, monkeypatch):
    def results(*wanted: NodeResult):
        def run(_home, _arguments, note):
            for result in wanted:
                note(result)
            return 1, ["Catalog Error: no such column"]

        monkeypatch.setattr("roundtrip.build.warehouse._run_dbt", run)

    create_raw(home)
    broken = NodeResult("not_null_x", "test", "error", 0.1)
    results(broken)
    with pytest.raises(CheckBroken, match="test not_null_x could not be carried out"):
        build_warehouse(home, AS_OF)
    results(broken, NodeResult("int_x", "model", "error", 0.1))
    with pytest.raises(GateFailed, match="model int_x could not be computed"):
        build_warehouse(home, AS_OF)
    results()
    with pytest.raises(RoundtripError, match="dbt could not run: Catalog Error") as raised:
        build_warehouse(home, AS_OF)
    assert type(raised.value) is RoundtripError


def test_a_missing_raw_file_is_said_at_once(home):
    with pytest.raises(BadInput, match=r"raw\.duckdb does not exist"):
        build_warehouse(home, AS_OF)


def test_a_lock_names_who_holds_it(home):
    create_raw(home)
    home.work_db.parent.mkdir(parents=True)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()",
            str(home.work_db),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        holder.stdout.readline()
        started = time.monotonic()
        with pytest.raises(Locked, match=f"process {holder.pid}"):
            build_warehouse(home, AS_OF)
        assert time.monotonic() - started < 5
    finally:
        holder.communicate("\n")


def test_the_project_is_parsed_without_a_database(home):
    parse_project(home)
    assert (home.logs_dir / "dbt" / "target" / "manifest.json").exists()
    assert not home.work_db.exists()


def test_vars_come_from_the_company(home):
    assert dbt_vars(home, AS_OF) == {"as_of_date": "2024-12-31"}
    Company("x", "y", settings={"reporting_currency": "EUR", "label_horizon_min_days": 90, "name": "x"}).save(
        home
    )
    assert dbt_vars(home, AS_OF) == {
        "as_of_date": "2024-12-31",
        "reporting_currency": "EUR",
        "label_horizon_min_days": 90,
    }


def log_line(name: str, level: str = "info", msg: str = "", **data) -> str:
    return json.dumps({"info": {"name": name, "level": level, "msg": msg}, "data": data})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            log_line(
                "LogTestResult",
                "error",
                "1 of 2 FAIL",
                execution_time=0.5,
                num_failures=3,
                node_info={"node_name": "t", "resource_type": "test", "node_status": "fail"},
            ),
            NodeResult("t", "test", "fail", 0.5, 3),
        ),
        (log_line("RunResultError", "error", "  Binder Error: x"), ErrorText("Binder Error: x")),
        ("Traceback (most recent call last):", ErrorText("Traceback (most recent call last):")),
        (log_line("Formatting"), None),
        ("", None),
    ],
)
def test_log_lines(line, expected):
    assert read_event(line) == expected


def test_a_warehouse_that_was_cut_off_is_made_anew(home):
    """Its catalogue may be whole, so that it opens, and its rows gone."""
    create_raw(home)
    generate(home, customers=60, months=14, ends_on=AS_OF)
    build_warehouse(home, AS_OF)
    first = marts_hash(home)
    os.truncate(home.work_db, home.work_db.stat().st_size // 2)
    assert build_warehouse(home, AS_OF)["extent"] == "full"
    assert marts_hash(home) == first
