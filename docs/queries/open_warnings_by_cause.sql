-- Question: Why do we warn of customers today, how many can be reached, and what is at risk?
-- Columns: cause, open_warnings, alarming, reachable, due_within_7_days, mean_churn_probability, value_at_risk
-- Alarming is the highest of three severities; reachable is whoever has not withdrawn every channel. Value at risk is
-- NULL where no prices are delivered.
SELECT
    coalesce(cause, 'unknown') AS cause,
    count(*) AS open_warnings,
    count(*) FILTER (severity = 3) AS alarming,
    count(channel) AS reachable,
    count(*) FILTER (due_on <= as_of_date + 7) AS due_within_7_days,
    round(avg(churn_probability), 3) AS mean_churn_probability,
    round(sum(value_at_risk), 2) AS value_at_risk
FROM marts.warnings
WHERE status = 'open'
GROUP BY ALL
ORDER BY open_warnings DESC, cause;
