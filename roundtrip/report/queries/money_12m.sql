-- Revenue, margin and what a year of those who were lost was worth: the last twelve months that are over, and the
-- twelve before.
WITH months AS (
    SELECT last_day(month) AS month, indicator, value FROM marts.kpi_months
    WHERE segment_kind = 'all' AND segment = 'all' AND last_day(month) <= $as_of
),
latest AS (SELECT max(month) AS month FROM months),
aged AS (
    SELECT months.*, date_diff('month', months.month, latest.month) AS months_ago
    FROM months, latest WHERE indicator IN ('revenue', 'margin', 'churn_cost')
)
SELECT
    indicator,
    sum(value) FILTER (months_ago < 12) AS value,
    count(value) FILTER (months_ago < 12) AS months,
    sum(value) FILTER (months_ago >= 12) AS value_before,
    count(value) FILTER (months_ago >= 12) AS months_before
FROM aged
WHERE months_ago < 24
GROUP BY indicator
HAVING months > 0
ORDER BY indicator
