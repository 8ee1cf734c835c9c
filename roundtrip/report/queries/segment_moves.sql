-- Everybody in a need segment at the last month end, by the segment they were in a year before.
-- `none`: had not booked yet, or was not there.
WITH ends AS (
    SELECT max(as_of_date) AS now_on, last_day(max(as_of_date) - INTERVAL 12 MONTH) AS before_on
    FROM marts.fct_customer_months WHERE as_of_date <= $as_of
)
SELECT
    coalesce(before.need_segment, 'none') AS from_segment,
    now.need_segment AS to_segment,
    count(*) AS customers
FROM ends
JOIN marts.fct_customer_months AS now ON now.as_of_date = ends.now_on
LEFT JOIN marts.fct_customer_months AS before
    ON before.customer_id = now.customer_id AND before.as_of_date = ends.before_on
WHERE now.need_segment IS NOT NULL
    AND EXISTS (
        SELECT 1 FROM marts.fct_customer_months AS earlier
        WHERE earlier.as_of_date = (SELECT before_on FROM ends) AND earlier.need_segment IS NOT NULL
    )
GROUP BY ALL
ORDER BY from_segment, to_segment
