-- Question: Which high-value customers have gone silent this month?
-- Columns: customer_id, days_since_last_booking, typical_gap_days, overdue_ratio, value_12m, probability_alive
-- Silent is past the customer's own rhythm, so that a family waiting for June is not in the list; this month means
-- that a month earlier they were not silent yet. The most valuable first.
WITH months AS (
    SELECT
        *,
        lag(activity_status) OVER (PARTITION BY customer_id ORDER BY as_of_date) AS status_before
    FROM marts.fct_customer_months
)

SELECT
    customer_id,
    days_since_last_booking,
    round(typical_gap_days) AS typical_gap_days,
    round(overdue_ratio, 2) AS overdue_ratio,
    value_12m,
    round(probability_alive, 2) AS probability_alive
FROM months
WHERE
    as_of_date = (SELECT max(as_of_date) FROM marts.fct_customer_months)
    AND value_tier = 'high'
    AND activity_status = 'silent'
    AND status_before <> 'silent'
ORDER BY value_12m DESC NULLS LAST, customer_id;
