"""A build that was killed or whose file was cut off, and what the next one makes of it."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from roundtrip.build import build_warehouse, dbt_environment
from roundtrip.build.events import NodeResult, read_event
from roundtrip.build.settings import PROJECT_DIR
from roundtrip.home import Home
from tests.warehouse_fixture import create_raw, dump, generate, without_data_tests

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


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Home, dict]:
    """A home with a complete build of AS_OF, as each test leaves it too, and what its marts hold."""
    home = Home(tmp_path_factory.mktemp("restarts"))
    create_raw(home)
    generate(home, customers=150, months=30, ends_on=AS_OF)
    seen = []
    summary = build_warehouse(home, AS_OF, on_event=lambda *event: seen.append(event))
    assert {name for name, status, _ in seen if status == "success"} >= set(MARTS)
    assert set(summary["rows"]) == set(MARTS)
    assert summary["rows"]["dim_customers"] == 150
    assert summary["tests"] > 250
    return home, marts_hash(home)


def test_a_killed_build_is_repaired_by_the_next_and_a_rebuild_changes_nothing(built):
    home, first = built
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
    with without_data_tests():
        # Of another date, and half done: nothing of it may be gone on from.
        assert build_warehouse(home, AS_OF)["why_full"] == "there is no complete build to go on from"
        assert marts_hash(home) == first
        assert build_warehouse(home, AS_OF)["extent"] == "increment"
    assert marts_hash(home) == first


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGHUP])
def test_a_build_that_is_told_to_end_leaves_no_dbt_at_work(built, told):
    """Else it would hold the file for as long as it takes, and every other build would be refused."""
    home, first = built
    code = (
        # Whoever runs the tests may ignore it (nohup), and what is ignored stays so.
        f"import signal; signal.signal({int(told)}, signal.SIG_DFL); "
        "import sys; from datetime import date; from pathlib import Path; "
        "from roundtrip.build import build_warehouse; from roundtrip.home import Home; "
        "build_warehouse(Home(Path(sys.argv[1])), date(2024, 6, 30))"
    )
    building = subprocess.Popen([sys.executable, "-c", code, str(home.root)])
    try:
        dbt = dbt_of(building.pid)
        building.send_signal(told)
        assert building.wait(timeout=30) == 128 + told
    finally:
        building.kill()
    assert not Path(f"/proc/{dbt}").exists()
    with without_data_tests():
        assert build_warehouse(home, AS_OF)["rows"]["dim_customers"] == 150
    assert marts_hash(home) == first


def dbt_of(pid: int) -> int:
    """The process of dbt that a process has started, once it is there."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if b"dbt.cli.main" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        time.sleep(0.05)
    raise AssertionError("dbt was not started")


def test_a_warehouse_that_was_cut_off_is_made_anew(built):
    """Its catalogue may be whole, so that it opens, and its rows gone."""
    home, first = built
    os.truncate(home.work_db, home.work_db.stat().st_size // 2)
    with without_data_tests():
        assert build_warehouse(home, AS_OF)["extent"] == "full"
    assert marts_hash(home) == first
