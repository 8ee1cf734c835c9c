-- Who is in each need segment at the last month end, with their value, and what the segment did in twelve months.
WITH months AS (
    SELECT need_segment AS segment, value_12m FROM marts.fct_customer_months
    WHERE as_of_date = (SELECT max(as_of_date) FROM marts.fct_customer_months WHERE as_of_date <= $as_of)
        AND need_segment IS NOT NULL
),
sizes AS (
    SELECT segment, count(*) AS customers, sum(value_12m) AS value_12m, avg(value_12m) AS mean_value_12m
    FROM months GROUP BY segment
),
indicators AS (
    SELECT
        segment,
        indicator,
        sum(numerator) / nullif(sum(denominator), 0) AS value
    FROM marts.kpi_months
    WHERE segment_kind = 'need_segment' AND indicator IN ('churn_rate', 'satisfaction')
        AND last_day(month) <= $as_of
        AND last_day(month) > (SELECT last_day(max(month) - INTERVAL 12 MONTH) FROM marts.kpi_months
            WHERE last_day(month) <= $as_of)
    GROUP BY segment, indicator
)
SELECT
    sizes.*,
    sizes.customers / sum(sizes.customers) OVER () AS share,
    churn.value AS churn_rate,
    satisfaction.value AS satisfaction
FROM sizes
LEFT JOIN indicators AS churn ON churn.segment = sizes.segment AND churn.indicator = 'churn_rate'
LEFT JOIN indicators AS satisfaction
    ON satisfaction.segment = sizes.segment AND satisfaction.indicator = 'satisfaction'
ORDER BY sizes.customers DESC, sizes.segment
