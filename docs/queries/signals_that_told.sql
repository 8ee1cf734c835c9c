-- Question: Which warning signals were followed by customers leaving?
-- Columns: signal, fired, customers, left_afterwards, churn_share, churn_share_without, lift
-- Month ends whose outcome is known by now: of customers for whom the signal fired, who left within their horizon,
-- against those of the same month ends for whom it did not. What fires is no cause.
WITH outcomes AS (
    SELECT
        customer_id,
        as_of_date,
        is_churned
    FROM marts.churn_labels
    WHERE is_churned IS NOT NULL
),

fired AS (
    SELECT DISTINCT
        signals.signal,
        outcomes.customer_id,
        outcomes.as_of_date,
        outcomes.is_churned
    FROM marts.customer_signals AS signals
    INNER JOIN outcomes USING (customer_id, as_of_date)
),

months AS (
    SELECT
        as_of_date,
        count(*) AS customers,
        count(*) FILTER (is_churned) AS churned
    FROM outcomes
    GROUP BY as_of_date
),

by_month AS (
    SELECT
        signal,
        as_of_date,
        count(*) AS fired,
        count(*) FILTER (is_churned) AS churned
    FROM fired
    GROUP BY ALL
),

without AS (
    SELECT
        by_month.signal,
        sum(months.churned - by_month.churned) / nullif(sum(months.customers - by_month.fired), 0) AS churn_share
    FROM by_month
    INNER JOIN months USING (as_of_date)
    GROUP BY by_month.signal
)

SELECT
    fired.signal,
    count(*) AS fired,
    count(DISTINCT fired.customer_id) AS customers,
    count(*) FILTER (fired.is_churned) AS left_afterwards,
    round(count(*) FILTER (fired.is_churned) / count(*), 3) AS churn_share,
    round(any_value(without.churn_share), 3) AS churn_share_without,
    round(
        count(*) FILTER (fired.is_churned) / count(*) / nullif(any_value(without.churn_share), 0), 2
    ) AS lift
FROM fired
INNER JOIN without USING (signal)
GROUP BY fired.signal
ORDER BY lift DESC NULLS LAST, fired.signal;
