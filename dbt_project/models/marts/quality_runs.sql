select
    run_id,
    table_name,
    rows_in,
    rows_loaded,
    rows_quarantined,
    rows_superseded,
    checks,
    failed_checks
from {{ ref("stg_quality_runs") }}
