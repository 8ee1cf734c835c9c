-- Question: Which channels bring customers who come back within a year?
-- Columns: acquisition_channel, first_time_buyers, came_back, came_back_share, mean_days_to_second, mean_lifetime_value
-- Only customers whose year is over: those of the last twelve months could not yet have come back or not.
WITH occasions AS (
    SELECT DISTINCT
        customer_id,
        cast(booked_at AS date) AS booked_on
    FROM marts.fct_bookings
    WHERE cancelled_at IS NULL
),

first_two AS (
    SELECT
        customer_id,
        min(booked_on) AS first_on,
        min_by(next_on, booked_on) AS second_on
    FROM (
        SELECT
            *,
            lead(booked_on) OVER (PARTITION BY customer_id ORDER BY booked_on) AS next_on
        FROM occasions
    ) AS numbered
    GROUP BY customer_id
)

SELECT
    coalesce(customers.acquisition_channel, 'unknown') AS acquisition_channel,
    count(*) AS first_time_buyers,
    count(*) FILTER (second_on <= first_on + 365) AS came_back,
    round(count(*) FILTER (second_on <= first_on + 365) / count(*), 3) AS came_back_share,
    round(avg(second_on - first_on) FILTER (second_on <= first_on + 365)) AS mean_days_to_second,
    round(avg(customers.lifetime_value), 2) AS mean_lifetime_value
FROM first_two
INNER JOIN marts.dim_customers AS customers USING (customer_id)
WHERE first_on + 365 <= (SELECT as_of_date FROM marts.warehouse_info)
GROUP BY ALL
ORDER BY came_back_share DESC, acquisition_channel;
