-- Question: Who has come back after being lost, and what have they booked since?
-- Columns: customer_id, lost_on, back_on, months_away, bookings_since, net_value_since, stage_now
WITH returns AS (
    SELECT
        customer_id,
        changed_on AS back_on,
        (
            SELECT max(earlier.changed_on)
            FROM marts.fct_lifecycle_changes AS earlier
            WHERE
                earlier.customer_id = changes.customer_id
                AND earlier.to_stage = 'lost'
                AND earlier.changed_on < changes.changed_on
        ) AS lost_on
    FROM marts.fct_lifecycle_changes AS changes
    WHERE from_stage = 'lost'
)

SELECT
    returns.customer_id,
    returns.lost_on,
    returns.back_on,
    date_diff('month', returns.lost_on, returns.back_on) AS months_away,
    sum(activity.bookings) AS bookings_since,
    sum(activity.net_value) AS net_value_since,
    any_value(customers.lifecycle_stage) AS stage_now
FROM returns
INNER JOIN marts.fct_customer_activity AS activity
    ON returns.customer_id = activity.customer_id AND returns.back_on <= activity.as_of_date
INNER JOIN marts.dim_customers AS customers ON returns.customer_id = customers.customer_id
GROUP BY returns.customer_id, returns.lost_on, returns.back_on
ORDER BY returns.back_on DESC, returns.customer_id;
