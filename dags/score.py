"""Scores every customer with the champion and publishes the scores.

**Reads** `published/current.duckdb` and the champion in MLflow; if that cannot be loaded, the version in
force before it, and if none can, the inactivity rule. Warnings and `model_version` say so.

**Writes** `products/customer_scores/<as_of>.parquet`, and where a challenger waits its scores beside the
champion's in `products/model_shadow_scores/` (score), then `published/current.duckdb` once more,
now with `customer_scores` (publish_scores).

**When**: as soon as `train` has announced `roundtrip://model`, for that event's `as_of`; or by hand.

**Then** `retain` starts by itself: it waits for `roundtrip://scores`.

**When it fails**: the warehouse stays published without this date's scores. The usual reason is a model
whose columns differ from the warehouse's: train again (DAG `train`, same `as_of`). Runbooks: *`score` fails:
columns are missing or are no numbers*, *A model is gone*, *The scores are wrong: put the model before in
force again*. More in docs/operating-airflow.md.
"""

# Airflow only looks at files that name it.
from roundtrip.airflow.assets import MODEL, SCORES
from roundtrip.airflow.policy import policy_dag
from roundtrip.airflow.tasks import stage_task

with policy_dag("score", __doc__, "machine-learning", schedule=[MODEL]):
    stage_task("score") >> stage_task("publish_scores", writes=True, announces=SCORES)
