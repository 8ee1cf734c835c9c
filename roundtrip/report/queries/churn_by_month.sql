-- Churn and retention of each of the last 36 months, and churn pooled over the twelve months up to each.
WITH months AS (
    SELECT last_day(month) AS month, indicator, numerator, denominator, value FROM marts.kpi_months
    WHERE segment_kind = 'all' AND segment = 'all' AND last_day(month) <= $as_of
),
churn AS (
    SELECT
        month,
        numerator,
        denominator,
        value AS churn_rate,
        CASE WHEN count(denominator) OVER twelve = 12
            THEN sum(numerator) OVER twelve / nullif(sum(denominator) OVER twelve, 0)
        END AS churn_rate_12m
    FROM months
    WHERE indicator = 'churn_rate' AND denominator > 0
    WINDOW twelve AS (ORDER BY month ROWS 11 PRECEDING)
)
SELECT churn.*, retention.value AS retention_rate
FROM churn
LEFT JOIN months AS retention ON retention.month = churn.month AND retention.indicator = 'retention_rate'
WHERE churn.month > last_day($as_of - INTERVAL 36 MONTH)
ORDER BY churn.month
