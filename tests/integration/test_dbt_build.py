"""The one dbt process: an empty company, the unit tests, failures with names, and locks."""

import json
import os
import subprocess
import sys
import time
from datetime import date, timedelta

import pytest

from roundtrip.build import build_warehouse, dbt_environment, dbt_vars, parse_project
from roundtrip.build.events import ErrorText, NodeResult, read_event
from roundtrip.build.settings import PROJECT_DIR
from roundtrip.company import Company
from roundtrip.errors import BadInput, CheckBroken, GateFailed, Locked, RoundtripError
from tests.warehouse_fixture import booking, create_raw, customer, dump, insert, without_data_tests

AS_OF = date(2024, 12, 31)


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


def test_bad_rows_stop_the_build_and_are_named(home):
    create_raw(home)
    insert(home, "customers", [customer("a", "2024-01-01")])
    insert(home, "bookings", [booking("twice", "a", "2024-02-01"), booking("twice", "a", "2024-03-01")])
    with pytest.raises(GateFailed, match=r"test unique_stg_bookings_booking_id found 1 bad row") as raised:
        build_warehouse(home, AS_OF)
    assert "dbt.log" in str(raised.value)


def test_a_test_that_cannot_run_is_neither_good_nor_bad_data(home, monkeypatch):
    def results(*wanted: NodeResult):
        def run(_home, _arguments, note, *_dates):
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


def test_another_day_does_not_make_dbt_read_the_project_anew(home):
    create_raw(home)
    with without_data_tests():
        extents = [build_warehouse(home, day)["extent"] for day in (AS_OF, AS_OF + timedelta(days=1))]
    assert extents == ["full", "increment"]
    log = (home.logs_dir / "dbt" / "dbt.log").read_text(encoding="utf-8")
    assert log.count('"name": "UnableToPartialParse"') == 1
    built_for = dump(home.work_db, "SELECT as_of_date FROM marts.warehouse_info")
    assert built_for == [(AS_OF + timedelta(days=1),)]


def test_vars_come_from_the_company(home):
    assert dbt_vars(home) == {}
    Company("x", "y", settings={"reporting_currency": "EUR", "label_horizon_min_days": 90, "name": "x"}).save(
        home
    )
    assert dbt_vars(home) == {
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
