-- Question: How much of last year's revenue comes from customers who are now in decline, by country?
-- Columns: country, customers, value_12m, in_decline, value_in_decline, share_in_decline
SELECT
    coalesce(customers.country, 'unknown') AS country,
    count(*) AS customers,
    round(sum(months.value_12m), 2) AS value_12m,
    count(*) FILTER (months.lifecycle_stage = 'decline') AS in_decline,
    round(coalesce(sum(months.value_12m) FILTER (months.lifecycle_stage = 'decline'), 0), 2) AS value_in_decline,
    round(
        coalesce(sum(months.value_12m) FILTER (months.lifecycle_stage = 'decline'), 0)
        / nullif(sum(months.value_12m), 0), 3
    ) AS share_in_decline
FROM marts.fct_customer_months AS months
INNER JOIN marts.dim_customers AS customers USING (customer_id)
WHERE
    months.as_of_date = (SELECT max(as_of_date) FROM marts.fct_customer_months)
    AND months.lifecycle_stage NOT IN ('prospect', 'lost')
GROUP BY ALL
ORDER BY value_in_decline DESC, country;
