"""Looks after the churn model in use, and trains again when that is due: on schedule, or because of drift.

**Reads** `published/current.duckdb` (features, labels and earlier scores, all as they were known on their
dates) and MLflow.

**Writes** `products/model_monitoring/<as_of>.parquet` and a run in MLflow's `roundtrip-churn-monitoring`
(monitor); where a training is due, a run with its measures and, if it passes the promotion gate, a new
champion and a line in `mlflow/champions.jsonl` (train).

**When**: as soon as `build` has announced `roundtrip://published`, for that event's `as_of`; or by hand.
A training is due when the last one is 28 days old, when `monitor` has raised an alarm and the last one is 7
days old, when the parameters have changed, or when a column that the champion needs is gone. `train` says
which of them it was (`trained_because` in what it returns, in the run, in `roundtrip model history`), or
that none was and when the next one is due.

**Then** `score` starts by itself: it waits for `roundtrip://model`.

**When it fails**: the champion stays who it was. Too little data is no failure: the run says so and the
inactivity rule scores. Otherwise the task's log has the reason; mend it and start this DAG again with the
same `as_of`. Runbooks: *No champion*, *The model drifts*. More in docs/operating-airflow.md.
"""

# Airflow only looks at files that name it.
from roundtrip.airflow.assets import MODEL, PUBLISHED
from roundtrip.airflow.policy import policy_dag
from roundtrip.airflow.tasks import stage_task

with policy_dag("train", __doc__, "machine-learning", schedule=[PUBLISHED]):
    stage_task("monitor") >> stage_task("train", announces=MODEL)
