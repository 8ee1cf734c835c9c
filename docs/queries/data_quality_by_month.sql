-- Question: How clean is what each source delivers, month by month?
-- Columns: month, table_name, rows_in, rows_loaded, rows_quarantined, rows_superseded, refused_share, failed_checks
-- By the month of the run that loaded the rows. Superseded rows were delivered again in a newer version; quarantined
-- ones were refused and wait with their reasons.
SELECT
    cast(date_trunc('month', strptime(left(run_id, 8), '%Y%m%d')) AS date) AS month,
    table_name,
    sum(rows_in) AS rows_in,
    sum(rows_loaded) AS rows_loaded,
    sum(rows_quarantined) AS rows_quarantined,
    sum(rows_superseded) AS rows_superseded,
    round(sum(rows_quarantined) / nullif(sum(rows_in), 0), 4) AS refused_share,
    sum(failed_checks) AS failed_checks
FROM marts.quality_runs
GROUP BY ALL
ORDER BY month DESC, refused_share DESC NULLS LAST, table_name;
