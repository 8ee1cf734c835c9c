select
    run_id,
    table_name,
    rows_in,
    rows_loaded,
    rows_quarantined,
    rows_superseded,
    cast(checks as integer) as checks,
    cast(failed_checks as integer) as failed_checks
from {{ source("raw", "quality_runs") }}
