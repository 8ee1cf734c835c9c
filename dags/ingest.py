"""Reads what a company has newly delivered. The first of the six DAGs that walk a day's road.

**Reads** the landing folder of the company (`company.json` in the home says which), through its source
mapping if it has one. Files whose content was loaded before are left out.

**Writes** `raw/batch.duckdb`: the new rows, typed, and beside them the refused ones with their reasons.

**When**: every day at 04:00 UTC for the day before (`ROUNDTRIP_SCHEDULE` sets another time, or empty: never);
or by hand, for the date in `as_of`. Nothing new to read is no failure: the road is walked all the same, so
that features and scores are of the day.

**Then** `build` starts by itself: it waits for the asset `roundtrip://batch`.

**When it fails**: the task's log names file, line and column. A required table or column is missing, or a
file cannot be read: mend the delivery or the mapping, then start this DAG again with the same `as_of`.
What is published stays as it is meanwhile. Runbooks: *A file cannot be read*, *Late data*, *Build past dates:
backfill*. More in docs/operating-airflow.md.
"""

# Airflow only looks at files that name it.
from roundtrip.airflow.assets import BATCH
from roundtrip.airflow.policy import daily_schedule, policy_dag
from roundtrip.airflow.tasks import stage_task

with policy_dag("ingest", __doc__, "ingestion", schedule=daily_schedule()):
    stage_task("read_files", writes=True, announces=BATCH)
