-- Question: Which customers will be lost within two months if they do not book?
-- Columns: customer_id, lifecycle_stage, overdue_ratio, lost_on, value_tier, value_12m
-- Lost is three rhythms without a booking (and half a year), or two years: both dates follow from the rhythm of today.
WITH today AS (
    SELECT
        *,
        as_of_date - days_since_last_booking AS last_on
    FROM marts.fct_customer_months
    WHERE
        as_of_date = (SELECT max(as_of_date) FROM marts.fct_customer_months)
        AND lifecycle_stage NOT IN ('prospect', 'lost')
),

dated AS (
    SELECT
        *,
        least(
            last_on + greatest(cast(floor(3 * typical_gap_days) AS integer) + 1, 180), last_on + 730
        ) AS lost_on
    FROM today
)

SELECT
    customer_id,
    lifecycle_stage,
    round(overdue_ratio, 2) AS overdue_ratio,
    lost_on,
    value_tier,
    value_12m
FROM dated
WHERE lost_on <= as_of_date + 61
ORDER BY value_12m DESC NULLS LAST, customer_id;
