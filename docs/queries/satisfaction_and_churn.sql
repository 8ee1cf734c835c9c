-- Question: Does satisfaction move before churn does?
-- Columns: month, csat, csat_answers, nps, complaint_rate, churn_rate, churn_rate_3_months_later
-- Side by side, with the number of answers, since a mean of five answers says little.
WITH months AS (
    SELECT
        month,
        max(value) FILTER (indicator = 'satisfaction') AS csat,
        max(sample_size) FILTER (indicator = 'satisfaction') AS csat_answers,
        max(value) FILTER (indicator = 'nps') AS nps,
        max(value) FILTER (indicator = 'complaint_rate') AS complaint_rate,
        max(value) FILTER (indicator = 'churn_rate') AS churn_rate
    FROM marts.kpi_months
    WHERE segment_kind = 'all'
    GROUP BY month
)

SELECT
    month,
    round(csat, 2) AS csat,
    csat_answers,
    round(nps, 1) AS nps,
    round(complaint_rate, 3) AS complaint_rate,
    round(churn_rate, 4) AS churn_rate,
    round(lead(churn_rate, 3) OVER (ORDER BY month), 4) AS churn_rate_3_months_later
FROM months
ORDER BY month DESC;
