"""What every DAG and every task has in common. tests/dags holds all of them to it."""

import json
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Asset, ExceptionRetryPolicy, Param, RetryAction, RetryRule

from roundtrip.errors import DiskFull, Locked, RoundtripError

OWNER = "roundtrip"
TAGS = ("ingestion", "warehouse", "machine-learning", "retention", "reporting")
#: DuckDB lets one process write a file; every task that writes one takes this pool's only slot.
WRITER_POOL = "warehouse_writer"

#: Mistakes in code, which the next try makes again.
_MISTAKES = [AssertionError, AttributeError, ImportError, LookupError, NameError, TypeError]

#: A lock is given back and a full disk may be emptied: worth another try. A bad file, a failed gate, a broken
#: check or a mistake in code stays what it is until somebody acts: fail at once.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(Locked, RetryAction.RETRY, reason="another process held the file"),
        RetryRule(DiskFull, RetryAction.RETRY, reason="somebody may make room"),
        RetryRule([RoundtripError, *_MISTAKES], RetryAction.FAIL, reason="a retry cannot mend this"),
    ]
)


def record_failure(context) -> None:
    """Add a line to `runs/failures.jsonl`, log it, and do what follows a stage: its page, and who is told.

    Airflow calls it when a task has failed for good, so a try that another one may mend disturbs nobody.
    """
    from roundtrip.home import Home

    ti = context["ti"]
    failure = {
        "failed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "dag": ti.dag_id,
        "run": ti.run_id,
        "task": ti.task_id,
        "try": ti.try_number,
        "error": str(context.get("exception") or "no exception was passed on; see the task's log"),
    }
    file = Home.from_env().runs_dir / "failures.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(failure, ensure_ascii=False) + "\n")
    logging.getLogger(__name__).error("%(dag)s.%(task)s failed: %(error)s", failure)
    _follow_up(context, Home.from_env())


def _follow_up(context, home) -> None:
    from roundtrip.airflow.tasks import as_of_for
    from roundtrip.follow_up import follow_up

    try:
        as_of = as_of_for(context)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # An impossible date, or a callback without the run behind it: there is no page of such a run.
        logging.getLogger(__name__).warning("no page and no notification: %s", type(error).__name__)
        return
    follow_up(home, as_of, context["ti"].task_id, was_killed=True)


TASK_DEFAULTS = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": RETRY_POLICY,
    "execution_timeout": timedelta(hours=1),
    "on_failure_callback": record_failure,
}


def daily_schedule() -> str | None:
    """When the road starts by itself: the cron expression in $ROUNDTRIP_SCHEDULE, else 04:00 UTC every day.

    Set but empty, as an Airflow on a laptop has it, it means never.
    """
    return os.environ.get("ROUNDTRIP_SCHEDULE", "0 4 * * *") or None


def policy_dag(dag_id: str, doc_md: str, tag: str, schedule: str | Sequence[Asset] | None) -> DAG:
    """A DAG as all of ours are: one run at a time, no catching up, an `as_of` that may be given.

    One that runs by the clock is paused until somebody wants that; one that waits for another is not.
    """
    return DAG(
        dag_id=dag_id,
        description=doc_md.strip().splitlines()[0],
        doc_md=doc_md,
        tags={tag},
        schedule=schedule,
        start_date=datetime(2025, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=isinstance(schedule, str),
        default_args=TASK_DEFAULTS,
        params={
            "as_of": Param(
                None,
                type=["null", "string"],
                format="date",
                title="As of",
                description="The date to run for. Empty: what the event says that started the run, "
                "else the last whole day before it.",
            )
        },
    )
