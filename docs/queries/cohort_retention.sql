-- Question: Of the customers won in each quarter, how many are still customers after 3, 6, 12 and 24 months?
-- Columns: won_in, customers, after_3_months, after_6_months, after_12_months, after_24_months
-- Won is the first booking; a customer is one who is neither prospect nor lost at that month end. NULL where the
-- quarter's last customers have not come that far yet.
WITH first_months AS (
    SELECT
        customer_id,
        min(as_of_date) FILTER (lifecycle_stage <> 'prospect') AS won_on
    FROM marts.fct_customer_months
    GROUP BY customer_id
),

aged AS (
    SELECT
        cast(date_trunc('quarter', first_months.won_on) AS date) AS won_in,
        months.customer_id,
        months.lifecycle_stage NOT IN ('prospect', 'lost') AS is_current,
        date_diff('month', first_months.won_on, months.as_of_date) AS age_months
    FROM first_months
    INNER JOIN marts.fct_customer_months AS months ON
        first_months.customer_id = months.customer_id
        AND first_months.won_on <= months.as_of_date
),

counted AS (
    SELECT
        won_in,
        age_months,
        count(*) AS customers,
        count(*) FILTER (is_current) AS current_customers
    FROM aged
    GROUP BY ALL
),

complete AS (
    SELECT
        *,
        customers = max(customers) OVER (PARTITION BY won_in) AS has_everybody
    FROM counted
)

SELECT
    won_in,
    max(customers) AS customers,
    round(max(current_customers / customers) FILTER (age_months = 3 AND has_everybody), 3) AS after_3_months,
    round(max(current_customers / customers) FILTER (age_months = 6 AND has_everybody), 3) AS after_6_months,
    round(max(current_customers / customers) FILTER (age_months = 12 AND has_everybody), 3) AS after_12_months,
    round(max(current_customers / customers) FILTER (age_months = 24 AND has_everybody), 3) AS after_24_months
FROM complete
GROUP BY won_in
ORDER BY won_in;
