-- One row per flight booked. The file counts flights by member and month, and a month's count is known when the
-- month has ended: that is when they were booked, as far as anybody could tell.
-- Some 160 loyalty numbers have two rows for each month, with different counts (two cards on one number, it
-- seems): they are added up. After a cancellation the counts are zero, so nothing is made of those months.
-- "Flights with Companions" says how many of the flights were shared, not with how many people: travellers
-- stays unknown. Distances are no prices, so there are no amounts.
WITH months AS (
    SELECT
        "Loyalty Number" AS member,
        make_date(try_cast("Year" AS INTEGER), try_cast("Month" AS INTEGER), 1) AS month,
        sum(try_cast("Flights Booked" AS INTEGER))::BIGINT AS flights,
        min(_file) AS _file,
        min(_line) AS _line
    FROM customer_flight_activity
    GROUP BY ALL
)

SELECT
    member || '-' || strftime(month, '%Y%m') || '-' || flight AS booking_id,
    member AS customer_id,
    last_day(month) AS booked_at,
    'flight' AS service_line,
    'completed' AS status,
    _file,
    _line
FROM months
CROSS JOIN generate_series(1, flights) AS flights_booked (flight)
