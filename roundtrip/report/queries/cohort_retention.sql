-- Of those who first booked in each of the last 16 quarters, the share who are still customers
-- (neither prospect nor lost) one to twelve quarter ends later.
WITH months AS (
    SELECT customer_id, as_of_date, lifecycle_stage FROM marts.fct_customer_months
    WHERE as_of_date <= $as_of AND as_of_date = last_day(as_of_date)
),
firsts AS (
    SELECT customer_id, CAST(date_trunc('quarter', min(as_of_date)) AS DATE) AS won_in FROM months
    WHERE lifecycle_stage <> 'prospect'
    GROUP BY customer_id
)
SELECT
    firsts.won_in,
    date_diff('quarter', firsts.won_in, months.as_of_date) AS quarters_since,
    count(*) AS customers,
    count(*) FILTER (months.lifecycle_stage NOT IN ('prospect', 'lost')) AS current_customers,
    current_customers / customers AS share
FROM firsts
JOIN months USING (customer_id)
WHERE month(months.as_of_date) % 3 = 0
    AND firsts.won_in >= date_trunc('quarter', $as_of) - INTERVAL 48 MONTH
GROUP BY ALL
HAVING quarters_since BETWEEN 1 AND 12
ORDER BY firsts.won_in, quarters_since
