"""The example queries: each runs on a published warehouse, gives rows, and is what its header says."""

import re
from pathlib import Path

import pytest

from roundtrip.home import PROJECT_ROOT, Home
from roundtrip.publish import published
from tests.company_fixture import published_company

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
    "on_the_brink": "lost_on > date '2024-12-31' and lost_on <= date '2025-03-02'",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    return published_company(tmp_path_factory.getbasetemp())


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
