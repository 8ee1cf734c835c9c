-- Question: Are customers booking earlier or later than a year ago?
-- Columns: service_line, quarter, bookings, median_lead_days, median_lead_days_year_before, change_days
WITH quarters AS (
    SELECT
        service_line,
        cast(date_trunc('quarter', booked_at) AS date) AS quarter,
        count(*) AS bookings,
        median(lead_days) AS median_lead_days
    FROM marts.fct_bookings
    WHERE lead_days >= 0
    GROUP BY ALL
)

SELECT
    now.service_line,
    now.quarter,
    now.bookings,
    now.median_lead_days,
    before.median_lead_days AS median_lead_days_year_before,
    now.median_lead_days - before.median_lead_days AS change_days
FROM quarters AS now
INNER JOIN quarters AS before
    ON now.service_line = before.service_line AND now.quarter = before.quarter + INTERVAL 1 YEAR
ORDER BY now.quarter DESC, now.service_line;
