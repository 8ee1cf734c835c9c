-- Scored customers by churn probability, in steps of five percentage points.
SELECT
    least(floor(churn_probability * 20), 19) / 20 AS probability_from,
    risk_band,
    count(*) AS customers
FROM marts.customer_scores
WHERE as_of_date = $as_of AND churn_probability IS NOT NULL
GROUP BY ALL
ORDER BY probability_from, risk_band
