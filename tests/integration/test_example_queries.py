"""The example queries: each runs on a published warehouse, gives rows, and is what its header says."""

import re
import shutil
from pathlib import Path

import pytest

from roundtrip import duck
from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.publish import published
from tests.company_fixture import AS_OF, published_company
from tests.products_fixture import add_products

FOLDER = PROJECT_ROOT / "docs" / "queries"
QUERIES = sorted(FOLDER.glob("*.sql"))

#: What every row of an answer must be, where the question says so.
EVERY_ROW = {
    "high_value_gone_silent": "overdue_ratio >= 1",
    "who_to_call_first": "churn_probability between 0 and 1 and reason_1 is not null",
    "why_customers_leave": "lost_customers >= involuntary and share_of_lost between 0 and 1",
    "churn_rate_by_value_tier": "abs(churn_rate - lost_customers / customers_at_risk) < 0.001",
    "cohort_retention": "customers > 0 and coalesce(after_3_months, 0) between 0 and 1",
    "second_booking_by_channel": "came_back <= first_time_buyers and coalesce(mean_days_to_second, 1) <= 365",
    "first_line_and_loyalty": "repeat_share between 0 and 1 and mean_service_lines >= 1",
    "season_is_coming": "season_share_next_90d >= 0.5 and days_since_last_booking > 90",
    "won_back": "back_on > lost_on and bookings_since >= 1",
    "revenue_in_decline": "share_in_decline between 0 and 1 and in_decline <= customers",
    "stage_flow": "from_stage <> to_stage and customers <= changes",
    "campaigns_by_month": "response_rate between 0 and 1 and conversion_rate between 0 and 1",
    "open_warnings_by_cause": "open_warnings >= greatest(alarming, reachable)",
    "rounds_and_their_costs": "treated + held_out = 5 and held_out = 1 and cost = 72",
    "effects_against_the_holdout": (
        "(verdict = 'helps') = (action = 'discount') and (verdict = 'harms') = (action = 'upgrade') "
        "and held_out = 200"
    ),
    "campaigns_not_to_be_trusted": "campaign_id = 'K2' and why is not null",
    "signals_that_told": "left_afterwards <= fired and (signal <> 'web_falling' or lift > 1)",
    "need_segment_moves": "customers > 0 and share_of_from_segment between 0 and 1",
    "what_complaints_say": "texts = 2 and understood = 1 and price = 1 and negative = 1",
    "rollout_targets": "target_low <= target_high",
    "risks_that_need_a_hand": "state in ('triggered', 'watch')",
    "data_quality_by_month": "rows_in = rows_loaded + rows_quarantined + rows_superseded",
    "consents_by_purpose": "granted + withdrawn = asked and withdrawn_12m = withdrawn and not_asked = 0",
    "model_drift": "state = 'alarm' and subject = 'tenure_days'",
    "which_action_for_whom": "evidence = 'randomised' and customers = 1",
    "on_the_brink": "lost_on > date '2024-12-31' and lost_on <= date '2025-03-02'",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    """The shared company, and what it lacks: products, consents, an account of rows, signals that told."""
    company = published_company(tmp_path_factory)
    home = Home(tmp_path_factory.mktemp("queries"))
    home.published_dir.mkdir()
    shutil.copyfile(company.current_db, home.current_db)
    with duck.connect(home.current_db, home.tmp_dir) as warehouse:
        people = warehouse.execute("SELECT customer_id FROM marts.dim_customers ORDER BY ALL").fetchall()
        add_products(warehouse, AS_OF, [customer_id for (customer_id,) in people])
        _add_marts(warehouse)
    return home


def _add_marts(warehouse) -> None:
    warehouse.execute(
        "INSERT INTO marts.customer_consents BY NAME SELECT customer_id, 'email' AS purpose, "
        "hash(customer_id) % 3 > 0 AS is_granted, TIMESTAMP '2024-06-30 12:00' AS changed_at "
        "FROM marts.dim_customers"
    )
    warehouse.execute(
        "INSERT INTO marts.quality_runs BY NAME SELECT '20241231-0a1b2c3d' AS run_id, "
        "'bookings' AS table_name, 100 AS rows_in, 90 AS rows_loaded, 7 AS rows_quarantined, "
        "3 AS rows_superseded, 9 AS checks, 1 AS failed_checks"
    )
    # Half of whoever churned had been warned of.
    warehouse.execute(
        "INSERT INTO marts.customer_signals BY NAME SELECT customer_id, as_of_date, 'web_falling' AS signal, "
        "1 AS severity FROM marts.churn_labels "
        "WHERE hash(customer_id, as_of_date) % 100 < CASE WHEN is_churned THEN 50 ELSE 20 END"
    )


def header(file: Path, name: str) -> str:
    return re.search(rf"^-- {name}: (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)[1]


def test_there_are_queries():
    assert len(QUERIES) >= 12
    assert set(EVERY_ROW) <= {file.stem for file in QUERIES}


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_the_query_gives_what_its_header_says(home, file):
    assert header(file, "Question").endswith("?")
    with published(home) as warehouse:
        answer = warehouse.execute(file.read_text(encoding="utf-8"))
        assert [column[0] for column in answer.description] == header(file, "Columns").split(", ")
        rows = answer.fetchdf()
        assert len(rows) > 0
        if condition := EVERY_ROW.get(file.stem):
            (others,) = warehouse.execute(
                f"SELECT count(*) FROM rows WHERE ({condition}) IS NOT TRUE"
            ).fetchone()
            assert others == 0, condition


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_the_answer_comes_in_the_same_order_each_time(home, file):
    sql = file.read_text(encoding="utf-8")
    assert "ORDER BY" in sql
    with published(home) as warehouse:
        first, again = (warehouse.execute(sql).fetchall() for _ in range(2))
    assert first == again


def test_the_list_names_every_query_with_its_question():
    listed = re.findall(
        r"^\| (.+?) \| \[(\w+)\.sql\]\(\2\.sql\) \|$", (FOLDER / "README.md").read_text(), re.M
    )
    assert sorted(listed) == sorted((header(file, "Question"), file.stem) for file in QUERIES)
