"""Every trigger: what makes it come true, what does not, and what is said where it cannot be told."""

from datetime import date, datetime

import pandas as pd
import pytest

from ml.drift import COLUMNS
from roundtrip.home import Home
from roundtrip.products import write_product
from roundtrip.rollout import follow_plan
from roundtrip.rollout.plan import PLAN_FILE
from roundtrip.rollout.risks import state_of
from tests.rollout_fixture import change_story, product, publish_story, write_json, write_raw

AS_OF = date(2025, 8, 31)


@pytest.fixture
def told(home) -> Home:
    publish_story(home, AS_OF, customers=60)
    return home


def risk(home: Home, risk_id: str) -> pd.Series:
    follow_plan(home, AS_OF)
    return pd.read_parquet(product(home, "rollout_risks", AS_OF)).set_index("risk_id").loc[risk_id]


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (None, "unknown"),
        (14.9, "quiet"),
        (15, "watch"),
        (29.9, "watch"),
        (30, "triggered"),
        (99, "triggered"),
    ],
)
def test_states_begin_at_their_bounds(value, state):
    assert state_of(value, 15, 30) == state


@pytest.mark.parametrize(
    ("requested", "erased", "days", "state"),
    [
        ("2025-08-21", None, 10, "quiet"),
        ("2025-08-11", None, 20, "watch"),
        ("2025-08-01", None, 30, "triggered"),
        # Carried out since, but open on that date; and carried out before it.
        ("2025-07-31", "2025-09-05", 31, "triggered"),
        ("2025-07-31", "2025-08-05", 0, "quiet"),
        # Asked for later.
        ("2025-09-01", None, 0, "quiet"),
    ],
)
def test_an_erasure_that_waits(told, requested, erased, days, state):
    write_raw(
        told,
        "CREATE TABLE erasure_requests (request_id VARCHAR, customer_id VARCHAR, requested_at TIMESTAMP)",
        "CREATE TABLE erasures (customer_hash VARCHAR, request_hash VARCHAR, requested_on DATE,"
        " erased_as_of DATE)",
        f"INSERT INTO erasures VALUES ('c', 'r', '{requested}', '{erased}')"
        if erased
        else f"INSERT INTO erasure_requests VALUES ('r', 'c', '{requested}')",
    )
    row = risk(told, "erasure_backlog")
    assert (row["trigger_value"], row["state"]) == (days, state)
    assert row["state_reason_en"] == f"now {days} days"


def test_nothing_loaded_means_nothing_known_of_erasures(told):
    row = risk(told, "erasure_backlog")
    assert (row["state"], row["state_reason_en"]) == ("unknown", "nothing was loaded here")
    assert pd.isna(row["trigger_value"])


@pytest.mark.parametrize(
    ("now", "before", "state", "said"),
    [
        (12, 146, "quiet", "now 1 times"),
        (20, 146, "watch", "now 1.7 times"),
        (24, 146, "triggered", "now 2 times"),
        # Of nine withdrawals no pace can be told, however few there were before.
        (9, 0, "quiet", "9 withdrawals in 30 days: too few to tell a pace"),
        (12, 0, "unknown", "12 withdrawals in 30 days: too few to tell a pace"),
    ],
)
def test_consents_withdrawn(told, now, before, state, said):
    change_story(
        told,
        f"INSERT INTO marts.customer_consents SELECT 'a', false, '2025-08-20' FROM range({now})",
        f"INSERT INTO marts.customer_consents SELECT 'b', false, '2025-02-20' FROM range({before})",
        # Granted, too old and too late: none of them counts.
        "INSERT INTO marts.customer_consents SELECT 'd', true, '2025-08-20' FROM range(500)",
        "INSERT INTO marts.customer_consents SELECT 'e', false, '2024-07-01' FROM range(500)",
        "INSERT INTO marts.customer_consents SELECT 'f', false, '2025-09-01' FROM range(500)",
    )
    row = risk(told, "consent_withdrawals")
    assert row["state"] == state
    assert row["state_reason_en"].replace(".0 times", " times") == said


@pytest.mark.parametrize(("failed", "state"), [((), "quiet"), ((15,), "watch"), ((15, 20), "triggered")])
def test_gates_that_refuse(told, failed, state):
    for day in (1, 15, 20):
        for gate in ("landing", "published"):
            write_json(told.gates_dir / gate / f"2025-08-{day:02}.json", {"success": day not in failed})
    for day in ("2025-07-31", "2025-09-01"):
        write_json(told.gates_dir / "landing" / f"{day}.json", {"success": False})
    row = risk(told, "failed_gates")
    assert (row["state"], row["trigger_value"]) == (state, len(failed))


def test_no_gate_and_no_run_in_thirty_days_are_not_quiet(told):
    assert risk(told, "failed_gates")["state"] == "unknown"
    assert risk(told, "failing_runs")["state"] == "unknown"


@pytest.mark.parametrize(
    ("quarantined", "state", "value"), [(10, "quiet", 0.01), (30, "watch", 0.03), (50, "triggered", 0.05)]
)
def test_refused_rows(told, quarantined, state, value):
    change_story(
        told,
        f"INSERT INTO marts.quality_runs VALUES ('20250815-x', 'surveys', 1000, 0, {quarantined})",
        # Too old, and too small a table.
        "INSERT INTO marts.quality_runs VALUES ('20250715-x', 'surveys', 1000, 0, 900)",
        "INSERT INTO marts.quality_runs VALUES ('20250815-x', 'market', 9, 0, 9)",
    )
    row = risk(told, "refused_rows")
    assert (row["state"], row["trigger_value"]) == (state, pytest.approx(value))
    assert row["state_reason_en"].endswith("in surveys")


@pytest.mark.parametrize(("failed", "state"), [((), "quiet"), ((15,), "watch"), ((15, 16), "triggered")])
def test_runs_that_failed_and_were_not_mended(told, failed, state):
    for day in (14, 15, 16):
        for stage in ("load", "publish"):
            status = "failed" if day in failed else "done"
            write_json(
                told.runs_dir / f"2025-08-{day}" / f"{stage}.json",
                {"status": status, "summary": {}, "seconds": 1},
            )
    # Today's run is still going on: what it left the first time says nothing yet.
    write_json(told.runs_dir / "2025-08-31" / "report.json", {"status": "failed", "summary": {}})
    row = risk(told, "failing_runs")
    assert (row["state"], row["trigger_value"]) == (state, len(failed))


@pytest.mark.parametrize(
    ("newest", "state"), [("2025-08-30", "quiet"), ("2025-08-28", "watch"), ("2025-08-24", "triggered")]
)
def test_data_that_come_late(told, newest, state):
    change_story(told, f"UPDATE marts.warehouse_info SET data_ends_on = '{newest}'")
    assert risk(told, "late_data")["state"] == state


def _monitoring(home: Home, day: date, psi: float, errors: dict[str, float]) -> None:
    rows = [{"kind": "population", "subject": "churn_probability", "measure": "psi", "value": psi}]
    rows += [
        {
            "kind": "performance",
            "subject": "score",
            "measure": "calibration_error",
            "value": error,
            "scored_on": on,
        }
        for on, error in errors.items()
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["scored_on"] = [
        date.fromisoformat(on) if isinstance(on, str) else None for on in table["scored_on"]
    ]
    table["as_of_date"] = day
    table["state"] = "ok"
    table["rows"] = 100
    write_product(table.astype({"scored_on": object}), COLUMNS, product(home, "model_monitoring", day))


@pytest.mark.parametrize(
    ("psi", "error", "drift", "decay"),
    [(0.05, 0.01, "quiet", "quiet"), (0.1, 0.04, "watch", "watch"), (0.3, 0.06, "triggered", "triggered")],
)
def test_a_model_that_drifts_or_decays(told, psi, error, drift, decay):
    _monitoring(told, date(2025, 8, 30), psi, {"2024-12-31": 0.5, "2025-01-31": error})
    _monitoring(told, date(2025, 9, 30), 9.0, {"2025-03-31": 9.0})
    assert risk(told, "model_drift")["state"] == drift
    row = risk(told, "model_decay")
    assert (row["state"], row["trigger_value"]) == (decay, error)


def test_a_model_nobody_looked_after_is_not_quiet(told):
    _monitoring(told, date(2025, 7, 1), 0.01, {"2024-12-31": 0.01})
    assert risk(told, "model_drift")["state"] == "unknown"
    _monitoring(told, date(2025, 8, 30), 0.01, {})
    assert risk(told, "model_drift")["state"] == "quiet"
    assert risk(told, "model_decay")["state_reason_en"] == "no outcomes of its scores are known yet"


def _market(home: Home, index_now: float, own_price: float = 1.0, months_now: int = 3) -> None:
    write_raw(
        home,
        "CREATE OR REPLACE TABLE market (month DATE, region VARCHAR, demand_index DOUBLE,"
        " own_price_index DOUBLE, competitor_price_index DOUBLE)",
        f"""
        INSERT INTO market
        SELECT month, region, CASE WHEN month < '2025-01-01' THEN 1.0 ELSE {index_now} END,
            CASE WHEN month < '2025-06-01' THEN 9 ELSE {own_price} END, 1.0
        FROM generate_series(DATE '2024-01-01', DATE '2025-09-01', INTERVAL 1 MONTH) AS months(month)
        CROSS JOIN (VALUES ('east'), ('west')) AS regions(region)
        """,
        # The month after the date would change everything, were it seen.
        "UPDATE market SET demand_index = 99, own_price_index = 99 WHERE month = '2025-09-01'",
        f"DELETE FROM market WHERE month BETWEEN '2025-06-01' AND '2025-08-01' "
        f"AND month < DATE '2025-09-01' - INTERVAL {months_now} MONTH",
    )


@pytest.mark.parametrize(
    ("index", "price", "demand", "pressure"),
    [(0.95, 1.02, "quiet", "quiet"), (0.90, 1.06, "watch", "watch"), (0.84, 1.11, "triggered", "triggered")],
)
def test_a_market_that_falls_or_undercuts(told, index, price, demand, pressure):
    _market(told, index, price)
    row = risk(told, "demand_falls")
    assert (row["state"], row["trigger_value"]) == (demand, pytest.approx(1 - index))
    assert "by the market's demand index" in row["state_reason_en"]
    assert risk(told, "price_pressure")["state"] == pressure


def test_without_a_whole_market_own_bookings_speak(told):
    _market(told, 0.5, months_now=2)
    row = risk(told, "demand_falls")
    assert (row["state"], row["trigger_value"]) == ("quiet", 0)
    assert "own bookings" in row["state_reason_en"]
    assert risk(told, "price_pressure")["state_reason_en"] == "no market prices are delivered"
    change_story(
        told, "DELETE FROM marts.fct_bookings WHERE booked_at > '2025-06-01' AND hash(customer_id) % 4 = 0"
    )
    assert risk(told, "demand_falls")["state"] == "triggered"


def test_own_bookings_need_a_year_before(home):
    publish_story(home, AS_OF, customers=60, first_month=date(2024, 7, 31))
    assert risk(home, "demand_falls")["state"] == "unknown"


@pytest.mark.parametrize(("share", "state"), [(0.5, "quiet"), (0.7, "watch"), (0.9, "triggered")])
def test_bookings_that_hang_on_one_channel(told, share, state):
    change_story(
        told,
        f"UPDATE marts.fct_bookings SET channel = CASE WHEN substr(customer_id, 2)::INT <= 60 * {share} "
        "THEN 'app' ELSE 'web' END",
        "UPDATE marts.fct_bookings SET channel = 'phone' WHERE booked_at <= '2024-08-31'",
    )
    row = risk(told, "single_source")
    assert (row["state"], row["trigger_value"]) == (state, pytest.approx(share))


@pytest.mark.parametrize(("planned", "state"), [(100, "quiet"), (60, "watch"), (55, "triggered")])
def test_a_budget_that_is_spent(home, tmp_path, planned, state):
    text = PLAN_FILE.read_text(encoding="utf-8")
    old = "    measured_by: retention_costs\n"
    own = tmp_path / "ours.yml"
    own.write_text(text.replace(old, f"    planned: {planned}\n{old}", 1), encoding="utf-8")
    publish_story(home, AS_OF, customers=60, settings={"plan": str(own)})
    assert risk(home, "budget_overspent")["state_reason_en"] == "no round was sent yet"
    columns = {"status": "string", "arm": "string", "sent_at": "timestamp", "cost": "double"}
    rows = [
        ("sent", "treatment", datetime(2025, 7, 1), 55.0),
        # Not sent, before the plan, after the date.
        ("refused", "treatment", None, 500.0),
        ("sent", "treatment", datetime(2024, 12, 1), 500.0),
        ("sent", "treatment", datetime(2025, 9, 1), 500.0),
    ]
    write_product(pd.DataFrame(rows, columns=list(columns)), columns, product(home, "interventions", AS_OF))
    row = risk(home, "budget_overspent")
    assert (row["state"], row["trigger_value"]) == (state, pytest.approx(55 / planned))


def test_without_planned_money_nothing_is_overspent(told):
    row = risk(told, "budget_overspent")
    assert row["state"] == "unknown"
    assert "no money is planned" in row["state_reason_en"]


def test_hours_of_earlier_runs_are_counted_and_todays_not(told):
    for day, seconds in (
        ("2024-12-31", 3600),
        ("2025-03-31", 1800),
        ("2025-08-31", 3600),
        ("2025-09-01", 3600),
    ):
        write_json(told.runs_dir / day / "load.json", {"status": "done", "summary": {}, "seconds": seconds})
    follow_plan(told, AS_OF)
    table = pd.read_parquet(product(told, "rollout_resources", AS_OF)).set_index("resource_id")
    assert table.loc["computing", "spent"] == pytest.approx(0.5)
    assert table.loc["computing", "planned"] == 60
    assert pd.isna(table.loc["team", "spent"])
    assert table.loc["team", "spent_reason_zh"].startswith("未登记")
