"""Tasks are done by evidence, as of a date, and judged by their dates without it."""

import json
from datetime import date, datetime

import pandas as pd
import pytest

from roundtrip import duck
from roundtrip.home import Home
from roundtrip.products import write_product
from roundtrip.rollout import follow_plan
from roundtrip.rollout.evidence import first_dates
from roundtrip.rollout.plan import PLAN_FILE
from tests.rollout_fixture import product, publish_story, write_effects, write_json

JULY = date(2025, 7, 31)
EARLY = date(2025, 2, 28)


def evidence(home: Home, as_of: date = JULY, published: set[str] = frozenset()) -> dict:
    connection = duck.connect(home.current_db, home.tmp_dir, read_only=True)
    try:
        return first_dates(connection, home, as_of, published or {"warehouse_info", "fct_churn"})
    finally:
        connection.close()


@pytest.fixture
def published(home) -> Home:
    publish_story(home, JULY, customers=60)
    return home


def test_a_warehouse_that_is_there_was_published_on_its_date(published):
    found = evidence(published)
    assert found["first_publication"] == found["causes_published"] == JULY
    assert {name for name, day in found.items() if day is None} == {
        "gates_passed",
        "first_champion",
        "first_round_planned",
        "first_warnings",
        "first_round_sent",
        "first_effect_measured",
        "round_after_evaluation",
    }


def test_earlier_publications_are_those_of_lineage_and_records(published):
    write_json(
        published.versions_dir / "2025-05-31-abc.json", {"as_of": "2025-05-31", "rows": {"fct_churn": 5}}
    )
    record = {"status": "done", "summary": {"rows": {"fct_churn": 0, "fct_bookings": 9}}}
    write_json(published.runs_dir / "2025-01-31" / "publish.json", record)
    write_json(published.runs_dir / "2024-12-31" / "publish.json", {"status": "failed", "error": "x"})
    found = evidence(published)
    assert found["first_publication"] == date(2025, 1, 31)
    assert found["causes_published"] == date(2025, 5, 31)
    assert evidence(published, EARLY)["causes_published"] is None


def test_losses_without_any_cause_are_not_analysed(published):
    connection = duck.connect(published.current_db, published.tmp_dir)
    connection.execute("UPDATE marts.fct_churn SET cause = 'unknown'")
    connection.close()
    assert evidence(published)["causes_published"] is None
    assert evidence(published, published={"warehouse_info"})["causes_published"] is None


def test_both_gates_must_have_passed_for_the_same_date(published):
    for gate, day, success in (
        ("landing", "2025-01-31", True),
        ("published", "2025-01-31", False),
        ("published", "2025-02-27", True),
        ("landing", "2025-03-31", True),
        ("published", "2025-03-31", True),
    ):
        write_json(published.gates_dir / gate / f"{day}.json", {"success": success})
    assert evidence(published)["gates_passed"] == date(2025, 3, 31)
    assert evidence(published, EARLY)["gates_passed"] is None


def test_a_champion_counts_from_the_date_of_its_data(published):
    published.mlflow_dir.mkdir()
    move = {"at": "2026-01-01T00:00:00", "as_of": "2025-03-31", "action": "promoted", "version": "1"}
    line = json.dumps({"number": 1, "predecessor": None, "reason": "r", "run_id": "x", **move})
    published.champions_file.write_text(line + "\n", encoding="utf-8")
    assert evidence(published)["first_champion"] == date(2025, 3, 31)
    assert evidence(published, EARLY)["first_champion"] is None


def test_warnings_count_when_there_are_some(published):
    columns = {"warning_id": "string"}
    for day, rows in ((date(2025, 4, 30), []), (date(2025, 5, 31), ["w1"]), (date(2025, 8, 31), ["w1"])):
        write_product(
            pd.DataFrame({"warning_id": rows}, dtype=object), columns, product(published, "warnings", day)
        )
    assert evidence(published)["first_warnings"] == date(2025, 5, 31)
    assert evidence(published, date(2025, 4, 30))["first_warnings"] is None


def _interventions(home: Home, day: date, *rows: tuple[str, str, datetime | None, float]) -> None:
    columns = {"status": "string", "arm": "string", "sent_at": "timestamp", "cost": "double"}
    write_product(pd.DataFrame(rows, columns=list(columns)), columns, product(home, "interventions", day))


def test_a_round_is_live_when_something_of_it_was_sent(published):
    sent_at = datetime(2025, 6, 10, 9)
    tomorrow = ("sent", "treatment", datetime(2025, 8, 1), 9.0)
    _interventions(published, date(2025, 6, 30), ("proposed", "treatment", None, 9.0), tomorrow)
    assert evidence(published)["first_round_sent"] is None
    _interventions(
        published, JULY, ("sent", "treatment", sent_at, 9.0), ("sent", "treatment", datetime(2025, 7, 1), 9.0)
    )
    assert evidence(published)["first_round_sent"] == date(2025, 6, 10)
    assert evidence(published, date(2025, 6, 30))["first_round_sent"] is None


def _round(home: Home, day: str, digest: str) -> None:
    write_json(home.rounds_dir / f"R-{day}" / "plan.json", {"strategies": {"digest": digest}})


def test_a_strategy_is_tuned_when_a_round_after_the_evaluation_has_another_table(published):
    _round(published, "2025-03-31", "first")
    _round(published, "2025-04-30", "changed too early")
    found = evidence(published)
    assert found["first_round_planned"] == date(2025, 3, 31)
    assert found["first_effect_measured"] is None
    write_effects(published, date(2025, 5, 31), **{"return": (float("nan"), 0.0, 0.0)})
    assert evidence(published)["first_effect_measured"] is None, "an open window is no evaluation"
    write_effects(published, date(2025, 6, 1), "all", **{"return": (0.01, 0.0, 0.02)})
    assert evidence(published)["first_effect_measured"] is None, "campaigns of before are no round of ours"
    write_effects(published, date(2025, 6, 30), "R-2025-03-31-discount", **{"return": (0.01, 0.0, 0.02)})
    _round(published, "2025-07-01", "first")
    found = evidence(published)
    assert found["first_effect_measured"] == date(2025, 6, 30)
    assert found["round_after_evaluation"] is None, "the same table again"
    _round(published, "2025-07-29", "another")
    assert evidence(published)["round_after_evaluation"] == date(2025, 7, 29)
    assert evidence(published, date(2025, 7, 28))["round_after_evaluation"] is None


def tasks(home: Home, as_of: date) -> pd.DataFrame:
    follow_plan(home, as_of)
    return pd.read_parquet(product(home, "rollout_tasks", as_of)).set_index("task_id")


def test_tasks_without_evidence_are_judged_by_their_dates(home):
    publish_story(home, JULY, customers=60)
    table = tasks(home, JULY)
    assert table["status"].to_dict() == {
        "data_collected": "done",
        "gates_passed": "overdue",
        "causes_analysed": "done",
        "model_released": "overdue",
        "first_strategy": "overdue",
        "early_warning_live": "overdue",
        "retention_activities_live": "overdue",
        # Its month is July, whose last day this is.
        "first_evaluation": "blocked",
        "strategy_tuned": "not_started",
    }
    assert table.loc["data_collected", "done_on"] == JULY
    assert table.loc["data_collected", "due_on"] == date(2025, 1, 31)
    assert table.loc["first_evaluation", "evidence_en"] == "waits for Retention activities live"
    assert table.loc["first_evaluation", "evidence_zh"] == "等待：客户维系活动上线"


def test_what_waits_for_nothing_is_open(home):
    _round(home, "2025-06-15", "first")
    _interventions(home, JULY, ("sent", "treatment", datetime(2025, 6, 20), 9.0))
    publish_story(home, JULY, customers=60)
    assert tasks(home, JULY).loc["first_evaluation", "status"] == "open"
    publish_story(home, date(2025, 8, 1), customers=60)
    assert tasks(home, date(2025, 8, 1)).loc["first_evaluation", "status"] == "overdue"


def test_without_a_start_tasks_are_done_or_not_started(home):
    publish_story(home, JULY, customers=60, plan_starts_on=None)
    table = tasks(home, JULY)
    assert set(table["status"]) == {"done", "not_started"}
    assert table["due_on"].isna().all()


def test_people_may_say_that_a_task_is_done_and_evidence_that_is_earlier_counts(home, tmp_path):
    text = PLAN_FILE.read_text(encoding="utf-8")
    text = text.replace("    evidence: gates_passed\n", "    done_on: 2025-01-20\n", 1)
    text = text.replace(
        "    evidence: first_publication\n", "    evidence: first_publication\n    done_on: 2026-01-01\n", 1
    )
    own = tmp_path / "ours.yml"
    own.write_text(text.replace("    evidence: first_champion\n", "", 1), encoding="utf-8")
    publish_story(home, JULY, customers=60, settings={"plan": str(own)})
    table = tasks(home, JULY)
    assert (table.loc["gates_passed", "status"], table.loc["gates_passed", "done_on"]) == (
        "done",
        date(2025, 1, 20),
    )
    assert table.loc["gates_passed", "evidence_en"] == "reported done in the plan"
    # Not known yet on this date.
    assert table.loc["data_collected", "done_on"] == JULY
    assert table.loc["model_released", "evidence_en"].startswith("leaves no trace")
