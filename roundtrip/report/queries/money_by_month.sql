-- Revenue and margin of each of the last 36 months.
SELECT
    last_day(month) AS month,
    max(value) FILTER (indicator = 'revenue') AS revenue,
    max(value) FILTER (indicator = 'margin') AS margin
FROM marts.kpi_months
WHERE segment_kind = 'all' AND segment = 'all' AND indicator IN ('revenue', 'margin')
    AND last_day(month) <= $as_of AND last_day(month) > last_day($as_of - INTERVAL 36 MONTH)
GROUP BY ALL
HAVING revenue IS NOT NULL
ORDER BY month
