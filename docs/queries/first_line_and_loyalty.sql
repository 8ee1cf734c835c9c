-- Question: With which first booking do customers stay longest?
-- Columns: first_service_line, customers, repeat_share, mean_service_lines, lost_share, mean_lifetime_value
WITH first_bookings AS (
    SELECT
        customer_id,
        min_by(service_line, booked_at) AS first_service_line,
        count(DISTINCT service_line) AS service_lines
    FROM marts.fct_bookings
    WHERE cancelled_at IS NULL
    GROUP BY customer_id
)

SELECT
    first_bookings.first_service_line,
    count(*) AS customers,
    round(avg(cast(months.purchase_occasions >= 2 AS integer)), 3) AS repeat_share,
    round(avg(first_bookings.service_lines), 2) AS mean_service_lines,
    round(avg(cast(months.lifecycle_stage = 'lost' AS integer)), 3) AS lost_share,
    round(avg(customers.lifetime_value), 2) AS mean_lifetime_value
FROM first_bookings
INNER JOIN marts.dim_customers AS customers USING (customer_id)
INNER JOIN marts.fct_customer_months AS months USING (customer_id)
WHERE months.as_of_date = (SELECT max(as_of_date) FROM marts.fct_customer_months)
GROUP BY ALL
ORDER BY repeat_share DESC, first_bookings.first_service_line;
