-- Customers at high risk, and their value at risk: churn probability times the value if they stay.
-- lifetime_value already counts the chance of leaving, so it is divided by the chance of staying first.
SELECT
    count(*) AS customers,
    count(churn_probability) AS scored,
    count(*) FILTER (risk_band = 'high') AS high_risk,
    sum(churn_probability * lifetime_value / nullif(1 - churn_probability, 0))
        FILTER (risk_band = 'high') AS value_at_risk,
    any_value(model_version) AS model_version
FROM marts.customer_scores
WHERE as_of_date = $as_of
