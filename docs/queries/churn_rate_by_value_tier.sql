-- Question: Is the churn rate of our best customers rising or falling?
-- Columns: month, value_tier, churn_rate, lost_customers, customers_at_risk, churn_rate_3_months
-- Of three months together too, since in a small tier one customer more or less moves a single month a lot.
SELECT
    month,
    segment AS value_tier,
    round(value, 4) AS churn_rate,
    numerator AS lost_customers,
    denominator AS customers_at_risk,
    round(sum(numerator) OVER three_months / sum(denominator) OVER three_months, 4) AS churn_rate_3_months
FROM marts.kpi_months
WHERE indicator = 'churn_rate' AND segment_kind = 'value_tier'
WINDOW three_months AS (
    PARTITION BY segment ORDER BY month RANGE BETWEEN INTERVAL 2 MONTH PRECEDING AND CURRENT ROW
)
ORDER BY month DESC, value_tier;
