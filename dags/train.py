"""Trains the churn models on the published warehouse and lets the best one become the champion.

**Reads** `published/current.duckdb` (features and labels, both as they were known on their dates).

**Writes** a run with its measures to MLflow and, if it passes the promotion gate, a new champion.

**When**: as soon as `build` has announced `roundtrip://published`, for that event's `as_of`; or by hand.

**Then** `score` starts by itself: it waits for `roundtrip://model`.

**When it fails**: the champion stays who it was. Too little data is no failure: the run says so and the
inactivity rule scores. Otherwise the task's log has the reason; mend it and start this DAG again with the
same `as_of`. More in docs/operating-airflow.md.
"""

# Airflow only looks at files that name it.
from roundtrip.airflow.assets import MODEL, PUBLISHED
from roundtrip.airflow.policy import policy_dag
from roundtrip.airflow.tasks import stage_task

with policy_dag("train", __doc__, "machine-learning", schedule=[PUBLISHED]):
    stage_task("train", announces=MODEL)
