"""Checks what came in, loads it, erases who asked for it, finds second accounts, builds the warehouse,
checks that, publishes it.

**Reads** `raw/batch.duckdb`, `vault/` (identify) and the suites in `expectations/`.

**Writes** `raw/raw.duckdb`, `vault/` and `quarantine/` (load; where somebody asked to be forgotten,
erase writes every file that holds them once more), `warehouse/work.duckdb` (dbt), Data Docs and
`gates/` (the two gates), `raw/raw.duckdb` once more (identify), and, only when all of that went well,
`published/current.duckdb` (publish).

**When**: as soon as `ingest` has announced `roundtrip://batch`, for that event's `as_of`; or by hand.

**Then** `train` starts by itself: it waits for `roundtrip://published`.

**When it fails**: readers keep the last good warehouse. A gate that says no has written which check and
how many rows to `gates/`. A dbt model that failed is red in the group `models`; the task `build_warehouse`
names it, or the dbt test, and says what was wrong. Mend the cause, then start `ingest` again with the same
`as_of`. These failures are not tried again by themselves, since another try would say the same; a lock
held by another process is. Runbooks: *A gate refuses the data*, *A check is broken*, *Exit code 5: held by
another process*; where it was already published and is wrong: *What was published is wrong: roll back*.
More in docs/operating-airflow.md.
"""

# Airflow only looks at files that name it.
from roundtrip.airflow.assets import BATCH, PUBLISHED
from roundtrip.airflow.policy import policy_dag
from roundtrip.airflow.tasks import dbt_task, stage_task

with policy_dag("build", __doc__, "warehouse", schedule=[BATCH]):
    landing_gate = stage_task("landing_gate")
    load = stage_task("load", writes=True)
    erase = stage_task("erase", writes=True)
    identify = stage_task("identify", writes=True)
    build_warehouse = dbt_task()
    marts_gate = stage_task("marts_gate")
    publish = stage_task("publish", writes=True, announces=PUBLISHED)

    landing_gate >> load >> erase >> identify >> build_warehouse >> marts_gate >> publish
