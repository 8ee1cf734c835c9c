-- Indicators of the latest whole month that have no number for all customers,
-- by reason. Parts of the churn rate are left out: they are missing with the whole.
WITH gaps AS (
    SELECT * REPLACE (last_day(month) AS month) FROM marts.kpi_gaps
    WHERE segment = 'all' AND last_day(month) <= $as_of AND NOT starts_with(indicator, 'churn_rate_')
),
months AS (SELECT last_day(month) AS month FROM marts.kpi_months WHERE last_day(month) <= $as_of)
SELECT
    reason,
    list(DISTINCT indicator ORDER BY indicator) FILTER (segment_kind = 'all') AS indicators
FROM gaps
WHERE month = (SELECT max(month) FROM months)
GROUP BY reason
ORDER BY reason
