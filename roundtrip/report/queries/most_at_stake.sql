-- The twenty customers with most at stake: churn probability times the value if they stay.
-- lifetime_value and expected_bookings already count the chance of leaving, so they are divided by the chance
-- of staying first. Where a company has no prices, bookings stand in for the value.
WITH scores AS (
    SELECT
        *,
        churn_probability / nullif(1 - churn_probability, 0) AS odds,
        odds * lifetime_value AS value_at_stake,
        odds * expected_bookings AS bookings_at_stake
    FROM marts.customer_scores
    WHERE as_of_date = $as_of AND churn_probability IS NOT NULL
)
SELECT
    scores.customer_id,
    customers.lifecycle_stage,
    scores.churn_probability,
    scores.risk_band,
    scores.value_at_stake,
    scores.bookings_at_stake,
    list_filter([scores.reason_1, scores.reason_2, scores.reason_3], reason -> reason <> '') AS reasons_en,
    list_filter(
        [scores.reason_1_zh, scores.reason_2_zh, scores.reason_3_zh], reason -> reason <> ''
    ) AS reasons_zh
FROM scores
JOIN marts.dim_customers AS customers USING (customer_id)
ORDER BY
    coalesce(scores.value_at_stake, scores.bookings_at_stake) DESC NULLS LAST,
    scores.churn_probability DESC,
    scores.customer_id
LIMIT 20
