"""Writes the report for people: what happened to customers, and where the rollout plan stands.

**Reads** `published/current.duckdb` and `plan/`.

**Writes** `reports/<as_of>.<language>.html`.

**When**: as soon as `retain` has announced `roundtrip://actions`, for that event's `as_of`; or by hand.
It is the end of the road: `roundtrip://report` says that the day is done.

**When it fails**: the warehouse, scores and warnings are published all the same; earlier reports stay. The
task's log has the reason; start this DAG again with the same `as_of`. Runbook: *Something failed: where to
look*. More in docs/operating-airflow.md.
"""

# Airflow only looks at files that name it.
from roundtrip.airflow.assets import ACTIONS, REPORT
from roundtrip.airflow.policy import policy_dag
from roundtrip.airflow.tasks import stage_task

with policy_dag("report", __doc__, "reporting", schedule=[ACTIONS]):
    stage_task("report", announces=REPORT)
