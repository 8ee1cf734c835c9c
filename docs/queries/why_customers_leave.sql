-- Question: Why do customers leave, how sure are we, and what does it cost?
-- Columns: quarter, cause, lost_customers, share_of_lost, involuntary, mean_confidence, value_lost
-- A cause needs evidence; without any it is `unknown`, and stays in the table so that the shares are honest.
SELECT
    cast(date_trunc('quarter', churned_on) AS date) AS quarter,
    cause,
    count(*) AS lost_customers,
    round(count(*) / sum(count(*)) OVER (PARTITION BY quarter), 3) AS share_of_lost,
    count(*) FILTER (initiative = 'involuntary') AS involuntary,
    round(avg(cause_confidence), 2) AS mean_confidence,
    round(sum(value_lost), 2) AS value_lost
FROM marts.fct_churn
WHERE severity = 'severe'
GROUP BY quarter, cause
ORDER BY quarter DESC, lost_customers DESC, cause;
