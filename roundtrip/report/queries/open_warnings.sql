-- Open warnings by the cause that is suspected, and what is at stake with them.
SELECT
    cause,
    count(*) AS customers,
    count(*) FILTER (severity >= 2) AS serious,
    count(*) FILTER (channel IS NULL) AS unreachable,
    count(*) FILTER (due_on < $as_of) AS overdue,
    sum(value_at_risk) AS value_at_risk
FROM marts.warnings
WHERE status = 'open'
GROUP BY cause
ORDER BY customers DESC, cause
