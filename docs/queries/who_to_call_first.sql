-- Question: Whom should we call first: likely to leave, worth much, and why?
-- Columns: customer_id, churn_probability, value_12m, value_at_risk, reason_1, reason_2, reason_3
-- Value at risk is the churn probability times the net value of the last 12 months. Nobody is in the list who has
-- withdrawn the consent to be profiled.
SELECT
    scores.customer_id,
    round(scores.churn_probability, 3) AS churn_probability,
    features.value_12m,
    round(scores.churn_probability * features.value_12m, 2) AS value_at_risk,
    scores.reason_1,
    scores.reason_2,
    scores.reason_3
FROM marts.customer_scores AS scores
INNER JOIN marts.customer_features AS features USING (customer_id, as_of_date)
INNER JOIN marts.dim_customers AS customers USING (customer_id)
WHERE
    scores.as_of_date = (SELECT max(as_of_date) FROM marts.customer_scores)
    AND scores.churn_probability IS NOT NULL
    AND customers.may_be_profiled
ORDER BY value_at_risk DESC NULLS LAST, scores.customer_id
LIMIT 50;
