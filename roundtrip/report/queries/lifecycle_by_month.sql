-- Customers in each lifecycle stage at the end of each of the last 36 months.
SELECT
    as_of_date AS month,
    lifecycle_stage AS stage,
    count(*) AS customers,
    count(*) / sum(count(*)) OVER (PARTITION BY as_of_date) AS share
FROM marts.fct_customer_months
WHERE as_of_date <= $as_of
    AND as_of_date > last_day($as_of - INTERVAL 36 MONTH)
    AND as_of_date = last_day(as_of_date)
GROUP BY as_of_date, lifecycle_stage
ORDER BY month, stage
