"""The whole road in one process, by the command that users type: what it leaves, and what bad input does."""

import hashlib
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest

from roundtrip.home import Home
from roundtrip.simulate import simulate

#: The published contract: table -> (key, columns that others build upon).
PUBLISHED = {
    "dim_customers": (
        "customer_id",
        "registered_at country acquisition_channel first_booking_at last_booking_at bookings lifetime_value "
        "lifecycle_stage value_tier need_segment",
    ),
    "fct_bookings": (
        "booking_id",
        "customer_id booked_at service_line destination channel net_amount margin_amount currency status "
        "lead_days is_repeat",
    ),
    "fct_customer_months": (
        "customer_id, as_of_date",
        "lifecycle_stage activity_status journey_stage typical_gap_days overdue_ratio "
        "days_since_last_booking bookings_12m value_12m service_lines_12m value_tier need_segment "
        "churn_severity churn_initiative churn_cause is_reactivated probability_alive",
    ),
    "fct_lifecycle_changes": ("customer_id, changed_on", "from_stage to_stage"),
    "fct_churn": (
        "customer_id, churned_on",
        "severity initiative value_tier cause cause_confidence evidence value_lost",
    ),
    "kpi_months": (
        "month, segment_kind, segment, indicator",
        "numerator denominator value sample_size",
    ),
    "customer_scores": (
        "customer_id, as_of_date",
        "churn_probability risk_band expected_bookings lifetime_value reason_1 reason_2 reason_3 "
        "model_version",
    ),
    "warnings": (
        "warning_id",
        "customer_id raised_on signals reasons cause churn_probability value_at_risk action channel due_on "
        "status",
    ),
    "interventions": (
        "intervention_id",
        "customer_id campaign_id action arm expected_uplift expected_net_value cost decided_at outcome",
    ),
    "rollout_kpis": ("phase, indicator", "baseline target actual ci_low ci_high status"),
    "rollout_tasks": ("task_id", "phase due_on done_on status"),
    "rollout_risks": ("risk_id", "probability impact trigger state contingency"),
    "quality_runs": (
        "run_id, table_name",
        "rows_in rows_loaded rows_quarantined rows_superseded checks failed_checks",
    ),
}


def roundtrip(*arguments: str, home: Home, expect: int = 0) -> str:
    """Run the command line; returns what it printed."""
    result = subprocess.run(
        [sys.executable, "-m", "roundtrip.cli", *arguments, "--home", str(home.root)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
        timeout=1200,
    )
    said = result.stdout + result.stderr
    assert result.returncode == expect, said
    return said


@pytest.fixture(scope="module")
def walked(tmp_path_factory) -> tuple[Home, str]:
    """A home in which the road was walked once, and what the command said.

    What really happened in the simulated company was out of reach: beside the home, not in it.
    """
    home = Home(tmp_path_factory.mktemp("road") / "home")
    simulate(home.simulated_dir, customers=600, months=36, seed=7)
    shutil.move(home.simulated_dir / "truth", truth_beside(home))
    return home, roundtrip("demo", "--local", home=home)


def truth_beside(home: Home) -> Path:
    return home.root.parent / "truth"


def rows(home: Home, query: str) -> list[tuple]:
    with duckdb.connect(str(home.current_db), read_only=True) as warehouse:
        return warehouse.execute(query).fetchall()


def test_every_published_table_is_there_with_its_key_and_columns(walked):
    home, _ = walked
    for table, (key, columns) in PUBLISHED.items():
        names = ", ".join(columns.split())
        rows(home, f"SELECT {key}, {names} FROM marts.{table} LIMIT 1")
        [(count, distinct)] = rows(home, f"SELECT count(*), count(DISTINCT ({key})) FROM marts.{table}")
        assert count == distinct > 0, table


def test_every_row_is_accounted_for(walked):
    home, _ = walked
    wrong = rows(
        home,
        "FROM marts.quality_runs WHERE rows_in <> rows_loaded + rows_quarantined + rows_superseded",
    )
    assert wrong == []
    # The defects that the simulation plants must be met on the way.
    [(quarantined, superseded)] = rows(
        home, "SELECT sum(rows_quarantined), sum(rows_superseded) FROM marts.quality_runs"
    )
    assert quarantined > 0
    assert superseded > 0


def test_customer_months_are_month_ends_and_scores_are_for_everybody(walked):
    home, _ = walked
    assert rows(home, "FROM marts.fct_customer_months WHERE as_of_date <> last_day(as_of_date)") == []
    [(unscored,)] = rows(
        home, "SELECT count(*) FROM marts.dim_customers ANTI JOIN marts.customer_scores USING (customer_id)"
    )
    assert unscored == 0


def test_the_command_ends_with_the_numbers_and_where_to_look(walked):
    home, said = walked
    for words in ("customers", "monthly churn rate", "customers at high risk", "model quality", "AUC"):
        assert words in said
    assert str(home.current_db) in said.replace("\n", "")
    for language in ("en", "zh"):
        assert (home.reports_dir / f"2025-12-31.{language}.html").exists()


def test_no_personal_data_is_left_in_the_state(walked):
    """E-mail addresses of the delivered files are nowhere under the home but in the delivery itself."""
    home, _ = walked
    delivered = sorted((home.simulated_dir / "customers").iterdir())
    assert len(delivered) == 36
    found = duckdb.execute(
        "SELECT min(email) FROM read_csv(?, all_varchar = true, filename = true) WHERE email IS NOT NULL "
        "GROUP BY filename",
        [[str(file) for file in delivered]],
    ).fetchall()
    emails = [email.encode() for (email,) in found]
    assert len(emails) > 30
    for file in home.root.rglob("*"):
        if file.is_file() and home.simulated_dir not in file.parents:
            content = file.read_bytes()
            assert [email for email in emails if email in content] == [], file


def test_the_same_run_again_changes_nothing_not_even_with_the_truth_in_reach(walked):
    home, _ = walked
    before = fingerprint(home)
    shutil.move(truth_beside(home), home.simulated_dir / "truth")
    try:
        roundtrip("demo", "--local", home=home)
    finally:
        shutil.move(home.simulated_dir / "truth", truth_beside(home))
    assert fingerprint(home) == before
    assert "published as of 2025-12-31" in roundtrip("status", home=home)


def test_bad_files_stop_the_run_and_leave_the_publication(walked, tmp_path):
    home, _ = walked
    before = hashlib.sha256(home.current_db.read_bytes()).hexdigest()
    landing = tmp_path / "simulated"
    (landing / "bookings").mkdir(parents=True)
    (landing / "customers").mkdir()
    (landing / "company.yml").write_text((home.simulated_dir / "company.yml").read_text(encoding="utf-8"))
    (landing / "customers" / "c.csv").write_text("customer_id,registered_at\nc1,2024-01-01\n")
    (landing / "bookings" / "b.csv").write_text("booking_id,customer_id,booked,service_line,status\n")
    said = roundtrip("run", "--local", "--landing", str(landing), home=home, expect=2)
    assert "booked_at" in said
    assert "b.csv" in said
    assert hashlib.sha256(home.current_db.read_bytes()).hexdigest() == before
    said = roundtrip("status", home=home)
    assert "read_files failed (BadInput)" in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "--local", "--landing", "no/such/folder"], "does not exist"),
        (["demo", "--local", "--customers", "0"], "customers"),
        (["status"], "no company yet"),
        (["stage", "publish"], "no company yet"),
    ],
)
def test_mistakes_are_told_plainly(tmp_path, arguments, complaint):
    said = roundtrip(*arguments, home=Home(tmp_path / "home"), expect=2)
    assert complaint in said
    assert "Traceback" not in said


def fingerprint(home: Home) -> dict[str, str]:
    """A hash of the rows of every published table, whatever their order."""
    tables = [name for (name,) in rows(home, "SELECT table_name FROM duckdb_tables() ORDER BY 1")]
    assert len(tables) >= len(PUBLISHED)
    return {
        table: str(rows(home, f"SELECT count(*), bit_xor(md5_number(t::varchar)) FROM marts.{table} AS t"))
        for table in tables
    }


def test_the_day_of_the_simulated_company_is_fixed(walked):
    home, _ = walked
    assert rows(home, "SELECT as_of_date FROM marts.warehouse_info") == [(date(2025, 12, 31),)]
