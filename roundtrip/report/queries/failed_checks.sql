-- Checks that failed in the newest delivery, by table. A run's id begins with the date it was for.
SELECT table_name, sum(failed_checks) AS failed_checks, sum(checks) AS checks
FROM marts.quality_runs
WHERE left(run_id, 8) = (SELECT max(left(run_id, 8)) FROM marts.quality_runs)
GROUP BY table_name
HAVING sum(failed_checks) > 0
ORDER BY failed_checks DESC, table_name
