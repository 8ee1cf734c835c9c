"""What tasks do with dates, failures and dbt's news, without a scheduler."""

import json
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from roundtrip.errors import BadInput, CheckBroken, GateFailed, Locked
from roundtrip.home import Home


def context(given=None, events=(), logical_date=None) -> dict:
    run = SimpleNamespace(logical_date=logical_date, run_after=datetime(2026, 3, 2, 9, tzinfo=UTC))
    return {"params": {"as_of": given}, "triggering_asset_events": {"asset": list(events)}, "dag_run": run}


def event(as_of: str, hour: int) -> SimpleNamespace:
    return SimpleNamespace(extra={"as_of": as_of}, timestamp=datetime(2026, 3, 2, hour, tzinfo=UTC))


def test_the_date_given_comes_before_the_event_and_the_event_before_the_clock():
    from roundtrip.airflow.tasks import as_of_for

    events = [event("2025-06-30", hour=7), event("2025-05-31", hour=8)]
    assert as_of_for(context(given="2024-12-31", events=events)) == date(2024, 12, 31)
    assert as_of_for(context(events=events)) == date(2025, 5, 31), "the newest event, not the newest date"
    at = datetime(2026, 3, 1, 4, tzinfo=UTC)
    assert as_of_for(context(logical_date=at)) == date(2026, 2, 28), "the last whole day before the run"
    assert as_of_for(context()) == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (BadInput("no column"), "fail"),
        (GateFailed("bad rows"), "fail"),
        (CheckBroken("no answer"), "fail"),
        (Locked("held by another"), "retry"),
        (KeyError("no such key"), "fail"),
        (OSError("disk full"), "default"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_only_what_another_try_can_mend_is_tried_again(error: Exception, action: str):
    from roundtrip.airflow.policy import RETRY_POLICY

    assert RETRY_POLICY.evaluate(error, try_number=1, max_tries=3).action.value == action


def test_a_failure_is_written_down(home: Home, monkeypatch: pytest.MonkeyPatch):
    from roundtrip.airflow.policy import record_failure

    monkeypatch.setenv("ROUNDTRIP_HOME", str(home.root))
    ti = SimpleNamespace(dag_id="build", task_id="load", run_id="r1", try_number=1)
    record_failure({"ti": ti, "exception": GateFailed("3 of 10 rows", "mend them")})
    record_failure({"ti": ti})
    lines = (home.runs_dir / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    first, second = map(json.loads, lines)
    assert (first["dag"], first["task"]) == ("build", "load")
    assert "3 of 10 rows" in first["error"]
    assert "mend them" in first["error"]
    assert second["error"]


@pytest.mark.parametrize(
    ("model", "task", "ends"),
    [
        ("success", "running", "success"),
        ("warn", "running", "success"),
        ("error", "running", "failed"),
        ("fail", "failed", "failed"),
        ("skipped", "running", "skipped"),
        (None, None, None),
        (None, "running", None),
        (None, "up_for_retry", None),
        (None, "success", "success"),
        (None, "failed", "skipped"),
        (None, "upstream_failed", "skipped"),
    ],
)
def test_a_light_shows_what_dbt_said_and_waits_while_nothing_is_known(model, task, ends):
    from roundtrip.airflow.trigger import outcome_of

    outcome = outcome_of(model, task)
    assert (outcome and outcome.task_instance_state.value) == ends


def test_news_of_a_model_add_up():
    from roundtrip.airflow.models import MODELS_KEY, ModelNews

    pushed = []
    ti = SimpleNamespace(xcom_push=lambda key, value: pushed.append((key, dict(value))))
    news = ModelNews({"ti": ti})
    news("stg_bookings", "success", 0.2)
    news("fct_bookings", "error", 0.1)
    assert pushed[-1] == (MODELS_KEY, {"stg_bookings": "success", "fct_bookings": "error"})
