-- One row per member. Enrolment is known by month, so its first day is the registration; some flew before it.
-- CLV is left out, as it sums all flights ever booked and so knows the future; salary is nobody's business here.
SELECT
    "Loyalty Number" AS customer_id,
    "Enrollment Year" || '-' || lpad("Enrollment Month", 2, '0') || '-01' AS registered_at,
    lower("Gender") AS gender,
    CASE "Country" WHEN 'Canada' THEN 'CA' ELSE "Country" END AS country,
    "City" AS city,
    _file,
    _line
FROM customer_loyalty_history
