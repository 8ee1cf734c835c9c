-- Every row that was ever delivered, and what became of it.
SELECT
    table_name,
    count(*) AS runs,
    sum(rows_in) AS rows_in,
    sum(rows_loaded) AS rows_loaded,
    sum(rows_quarantined) AS rows_quarantined,
    sum(rows_superseded) AS rows_superseded,
    sum(checks) AS checks,
    sum(failed_checks) AS failed_checks
FROM marts.quality_runs
GROUP BY table_name
ORDER BY rows_in DESC, table_name
