-- Question: Whose travel season begins within 90 days, and who has not booked yet?
-- Columns: customer_id, past_occasions, season_share_next_90d, days_since_last_booking, typical_gap_days, value_12m
-- The share of a customer's past purchases that fell into the same 90 calendar days. At least two purchases, half of
-- them in the season, and none in the last 90 days.
SELECT
    features.customer_id,
    features.purchase_occasions_lifetime AS past_occasions,
    round(features.season_share_next_90d, 2) AS season_share_next_90d,
    features.days_since_last_booking,
    round(features.typical_gap_days) AS typical_gap_days,
    features.value_12m
FROM marts.customer_features AS features
INNER JOIN marts.dim_customers AS customers USING (customer_id)
WHERE
    features.as_of_date = (SELECT as_of_date FROM marts.warehouse_info)
    AND features.purchase_occasions_lifetime >= 2
    AND features.season_share_next_90d >= 0.5
    AND features.days_since_last_booking > 90
    AND features.lifecycle_stage <> 'lost'
    AND customers.may_be_profiled
ORDER BY features.season_share_next_90d DESC, features.value_12m DESC NULLS LAST, features.customer_id;
