-- Customers who have ever booked, by the worst sign of churn they show at the end of each month.
WITH months AS (
    SELECT as_of_date AS month, churn_severity FROM marts.fct_customer_months
    WHERE lifecycle_stage <> 'prospect'
        AND as_of_date <= $as_of
        AND as_of_date > last_day($as_of - INTERVAL 36 MONTH)
        AND as_of_date = last_day(as_of_date)
),
totals AS (SELECT month, count(*) AS customers FROM months GROUP BY month),
severities AS (SELECT unnest(['light', 'moderate', 'severe']) AS severity),
counts AS (SELECT month, churn_severity AS severity, count(*) AS customers FROM months GROUP BY ALL)
SELECT
    totals.month,
    severities.severity,
    coalesce(counts.customers, 0) AS numerator,
    totals.customers AS denominator,
    coalesce(counts.customers, 0) / totals.customers AS share
FROM totals
CROSS JOIN severities
LEFT JOIN counts ON counts.month = totals.month AND counts.severity = severities.severity
ORDER BY severities.severity, totals.month
