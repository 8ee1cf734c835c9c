"""Writes the report for people: what happened to customers, and where the rollout plan stands.

**Reads** `published/current.duckdb` and `plan/`.

**Writes** `reports/<as_of>.<language>.html`.

**When**: as soon as `score` has announced `roundtrip://scores`, for that event's `as_of`; or by hand.
It is the end of the road: `roundtrip://report` says that the day is done.

**When it fails**: the warehouse and the scores are published all the same; earlier reports stay. The
task's log has the reason; start this DAG again with the same `as_of`. More in docs/operating-airflow.md.
"""

# Airflow only looks at files that name it.
from roundtrip.airflow.assets import REPORT, SCORES
from roundtrip.airflow.policy import policy_dag
from roundtrip.airflow.tasks import stage_task

with policy_dag("report", __doc__, "reporting", schedule=[SCORES]):
    stage_task("report", announces=REPORT)
