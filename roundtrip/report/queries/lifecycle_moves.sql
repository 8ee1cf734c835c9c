-- Changes of lifecycle stage seen at the last three month ends, and at the last one.
WITH ends AS (
    SELECT CASE WHEN last_day($as_of) = $as_of THEN $as_of
        ELSE last_day($as_of - INTERVAL 1 MONTH) END AS last_end
)
SELECT
    from_stage,
    to_stage,
    count(*) AS changes,
    count(*) FILTER (changed_on = last_end) AS changes_last_month
FROM marts.fct_lifecycle_changes, ends
WHERE changed_on <= last_end AND changed_on > last_day(last_end - INTERVAL 3 MONTH)
GROUP BY from_stage, to_stage
ORDER BY from_stage, to_stage
