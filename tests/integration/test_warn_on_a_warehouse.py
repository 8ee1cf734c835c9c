"""Signals and warnings on a warehouse that dbt has built from raw rows, without the model's room."""

import shutil
from datetime import date

import duckdb
import pandas as pd
import pytest

from roundtrip.build import build_warehouse
from roundtrip.company import Company
from roundtrip.home import Home
from roundtrip.warn import warn
from tests.warehouse_fixture import connect_raw, create_raw, generate, without_data_tests

AS_OF = date(2024, 12, 31)


def publish(home: Home) -> None:
    """The built marts as they would be published, with a score for everybody who can have one."""
    home.published_dir.mkdir(parents=True)
    shutil.copy(home.work_db, home.current_db)
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute(
            """CREATE TABLE marts.customer_scores AS
            SELECT customer_id, as_of_date, CASE WHEN is_scorable THEN 0.5 END AS churn_probability,
                CASE WHEN is_scorable THEN 'medium' ELSE 'not_applicable' END AS risk_band,
                1.0 AS expected_bookings, 300.0 AS expected_value_12m,
                'a' AS reason_1, 'b' AS reason_2, NULL::VARCHAR AS reason_3, '甲' AS reason_1_zh,
                '乙' AS reason_2_zh, NULL::VARCHAR AS reason_3_zh
            FROM marts.customer_features WHERE as_of_date = ?""",
            [AS_OF],
        )


def built(folder, *changes: str) -> Home:
    home = Home(folder)
    create_raw(home)
    generate(home, customers=200, months=36, ends_on=AS_OF, bookings_a_year=5)
    with connect_raw(home) as raw:
        for change in changes:
            raw.execute(change)
    Company("acme", "/nowhere", settings={"warnings": {"max_share_per_month": 1}}).save(home)
    with without_data_tests():
        build_warehouse(home, AS_OF)
    publish(home)
    return home


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Home:
    """Everybody goes on as before, but five whose visits stop in the last quarter."""
    return built(
        tmp_path_factory.mktemp("whole"),
        "DELETE FROM web_events WHERE customer_id IN ('c1', 'c2', 'c3', 'c4', 'c5') "
        "AND occurred_at > TIMESTAMP '2024-09-25'",
        "INSERT INTO web_events BY NAME SELECT 'more' || c || '-' || i AS event_id, 'c' || c AS customer_id, "
        "TIMESTAMP '2023-06-25 10:00:00' + to_days((5 * i)::INTEGER) AS occurred_at, 'search' AS event_type "
        "FROM range(1, 6) AS who (c), range(90) AS days (i)",
        "UPDATE customers SET registered_at = TIMESTAMP '2022-01-10 10:00:00' WHERE customer_id IN "
        "('c1', 'c2', 'c3', 'c4', 'c5')",
    )


def test_who_stops_visiting_is_warned_about_with_the_evidence(whole):
    summary = warn(whole, AS_OF)
    rows = pd.read_parquet(summary["path"])
    with duckdb.connect(str(whole.current_db), read_only=True) as connection:
        current = {
            row[0]
            for row in connection.execute(
                "SELECT customer_id FROM marts.dim_customers "
                "WHERE lifecycle_stage NOT IN ('prospect', 'lost')"
            ).fetchall()
        }
        fired = connection.execute(
            "SELECT customer_id, severity FROM marts.customer_signals "
            "WHERE signal = 'web_falling' AND as_of_date = ?",
            [AS_OF],
        ).fetchall()
    silent = {"c1", "c2", "c3", "c4", "c5"} & current
    assert len(silent) >= 3
    assert silent <= {customer_id for customer_id, severity in fired if severity >= 2}
    # Of the others, who visit at random, few: the limit is one in twenty.
    assert len(fired) - len(silent) <= 0.12 * len(current)
    assert silent <= set(rows["customer_id"])
    told = rows.set_index("customer_id").loc[sorted(silent), "signals_en"]
    assert told.str.contains(r"0 web or app events in 90 days, usually \d+").all()
    assert set(rows["customer_id"]) <= current


def test_a_company_of_bookings_alone_has_signals_of_bookings_alone(tmp_path):
    optional = ("web_events", "support_tickets", "surveys", "loyalty_ledger", "campaign_touches", "consents")
    home = built(tmp_path, *(f"DELETE FROM {table}" for table in optional))
    with duckdb.connect(str(home.current_db), read_only=True) as connection:
        signals = connection.execute("SELECT DISTINCT signal FROM marts.customer_signals").fetchall()
    assert signals == [("bookings_falling",)]
    summary = warn(home, AS_OF)
    assert summary["current"] > 50
    assert summary["raised"] == 0, "a signal that says what the score knows raises none at medium risk"
    assert not summary["has_consent_answers"]
