-- Customers in each risk band, and their value at risk as in scores.sql.
SELECT
    risk_band,
    count(*) AS customers,
    count(*) / sum(count(*)) OVER () AS share,
    avg(churn_probability) AS average_probability,
    sum(churn_probability * lifetime_value / nullif(1 - churn_probability, 0)) AS value_at_risk
FROM marts.customer_scores
WHERE as_of_date = $as_of
GROUP BY risk_band
ORDER BY average_probability DESC NULLS LAST, risk_band
