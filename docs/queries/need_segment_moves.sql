-- Question: How did customers move between need segments within the last year?
-- Columns: from_segment, to_segment, customers, share_of_from_segment
-- The newest month end against the same one a year before; `prospect` had not booked by then, `unregistered` was not
-- there.
WITH month_ends AS (
    SELECT max(as_of_date) AS to_date FROM marts.fct_customer_months
),

now_there AS (
    SELECT
        customer_id,
        coalesce(need_segment, 'prospect') AS to_segment
    FROM marts.fct_customer_months
    WHERE as_of_date = (SELECT to_date FROM month_ends)
),

year_before AS (
    SELECT
        customer_id,
        coalesce(need_segment, 'prospect') AS from_segment
    FROM marts.fct_customer_months
    WHERE as_of_date = (SELECT last_day(to_date - INTERVAL 12 MONTH) FROM month_ends)
),

moved AS (
    SELECT
        coalesce(year_before.from_segment, 'unregistered') AS from_segment,
        now_there.to_segment,
        count(*) AS customers
    FROM now_there
    LEFT JOIN year_before USING (customer_id)
    GROUP BY ALL
)

SELECT
    from_segment,
    to_segment,
    customers,
    round(customers / sum(customers) OVER (PARTITION BY from_segment), 3) AS share_of_from_segment
FROM moved
ORDER BY from_segment, customers DESC, to_segment;
